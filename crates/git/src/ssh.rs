//! Git over SSH: an embedded server that knows public keys and two commands, and nothing else of what SSH can do.
//!
//! No terminal, no shell, no subsystem, no forwarding of ports, sockets, X11 or agents, no environment but the version of
//! git's protocol. Who somebody is follows from their key alone; the user's name says nothing, as with Heroku.

mod command;
mod host_key;
mod peers;
mod serve;
mod visit;

pub use host_key::{HostKey, InvalidHostKey};

use std::{borrow::Cow, io, net::Shutdown, sync::Arc, time::Duration};

use russh::{
    MethodKind, MethodSet, Preferred, SshId,
    keys::{Algorithm, EcdsaCurve, HashAlg},
    server::{self, Config},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    git::Git,
    ssh::{
        peers::{Peer, Peers},
        visit::Visit,
    },
};

/// Tries that do not fit are answered no sooner than this; agents offer several keys, one after the other.
const REJECTION: Duration = Duration::from_millis(100);
/// Most keys a client may offer: agents hold many.
const ATTEMPTS: usize = 20;
/// How long a connection may take to end once it is told to.
const FAREWELL: Duration = Duration::from_secs(5);

/// What people's signatures may be made with. RSA with SHA-1 is not among it.
const ALGORITHMS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Serves until told to stop; what is under way then is finished by the tracker's owner waiting for it.
pub async fn serve(git: Arc<Git>, host_key: HostKey, listener: TcpListener, connections: TaskTracker, stop: CancellationToken) {
    let config = Arc::new(config(&git, host_key));
    let peers = Peers::new(git.limits.ssh.connections, git.limits.ssh.connections_each);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, address)) => {
                let Some(peer) = peers.admit(address.ip()) else {
                    tracing::debug!(%address, "too many SSH connections");
                    continue;
                };
                connections.spawn(connection(git.clone(), config.clone(), stream, peer, stop.clone()));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an SSH connection could not be accepted");
                // Out of file descriptors, most likely: give others time to end.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn config(git: &Git, host_key: HostKey) -> Config {
    Config {
        // Nobody needs to know which version this is.
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-mypaas")),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: REJECTION,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![host_key.into_inner()],
        preferred: Preferred { key: Cow::Borrowed(ALGORITHMS), ..Preferred::DEFAULT },
        max_auth_attempts: ATTEMPTS,
        // git itself says something every five seconds while a build runs.
        inactivity_timeout: Some(git.limits.thinking + git.limits.silence),
        nodelay: true,
        ..Config::default()
    }
}

async fn connection(git: Arc<Git>, config: Arc<Config>, stream: TcpStream, peer: Peer, stop: CancellationToken) {
    if let Err(error) = converse(git, config, stream, stop).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "an SSH connection ended badly");
    }
    drop(peer);
}

async fn converse(git: Arc<Git>, config: Arc<Config>, stream: TcpStream, stop: CancellationToken) -> Result<(), russh::Error> {
    stream.set_nodelay(true)?;
    let from = stream.peer_addr().ok().map(|address| address.ip());
    let (stream, line) = with_second_handle(stream)?;
    let hello = git.limits.ssh.hello;
    let (visit, visitor) = Visit::new(git, from);
    let mut session = timeout(hello, server::run_stream(config, stream, visitor)).await.map_err(|_| russh::Error::ConnectionTimeout)??;
    let stopped = async {
        stop.cancelled().await;
        visit.at_rest().await;
    };
    let why = tokio::select! {
        ended = &mut session => return ended,
        () = visit.idle_for(hello) => "nothing was asked for",
        () = stopped => "the server is stopping",
    };
    // What was opened and never used: as long as it is kept, the session waits for somebody to read it.
    visit.forget();
    let handle = session.handle();
    let _ = timeout(Duration::from_secs(1), handle.disconnect(russh::Disconnect::ByApplication, why.to_owned(), String::new())).await;
    // A client that listens has gone by itself; another one finds the line cut.
    let ended = timeout(Duration::from_secs(1), &mut session).await;
    let _ = line.shutdown(Shutdown::Both);
    if ended.is_err() {
        let _ = timeout(FAREWELL, session).await;
    }
    Ok(())
}

/// The stream, and a second handle by which it can be cut whatever the session is doing.
fn with_second_handle(stream: TcpStream) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let stream = stream.into_std()?;
    let line = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, line))
}

#[cfg(test)]
pub(crate) fn understood(asked: &[u8]) -> Option<(crate::call::Service, domain::AppName)> {
    command::Command::parse(asked).map(|command| (command.service, command.app))
}
