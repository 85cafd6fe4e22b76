//! A git process at work for one request.

use std::{error::Error, io, process::Stdio, time::Duration};

use bytes::{Bytes, BytesMut};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use rustix::process::{Resource, Rlimit, prlimit};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::feed::FeedError;

/// How much is sent at a time, in bytes; and how many such pieces wait for a slow reader.
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 16;

/// Most memory of a process, in bytes; the packs it has mapped count too.
const MEMORY: u64 = 4 << 30;

/// How long a process has to clear up after itself.
const GRACE: Duration = Duration::from_secs(5);

/// How long a process may work, and for whom.
pub(crate) struct Terms {
    /// Until then it is ended …
    pub(crate) limit: Duration,
    /// … unless this is cancelled: then it is left to finish, whether anybody listens or not.
    pub(crate) unless: Option<CancellationToken>,
    /// A client that does not read for so long is gone.
    pub(crate) silence: Duration,
    /// Whether the client is heard out even when the process has nothing more to say.
    pub(crate) hears_all: bool,
}

/// A process that has been started.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    to_client: mpsc::Sender<Bytes>,
    from_process: Option<mpsc::Receiver<Bytes>>,
}

pub(crate) fn start(mut command: Command, with_input: bool) -> io::Result<Running> {
    if with_input {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn()?;
    bound_memory(&child);
    let (to_client, from_process) = mpsc::channel(CHUNKS);
    Ok(Running { stdin: child.stdin.take(), child, to_client, from_process: Some(from_process) })
}

/// A delta can make gigabytes out of bytes. Nothing is fed to the process before this, and what it starts inherits it.
fn bound_memory(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    let limit = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
    if let Some(pid) = pid
        && let Err(error) = prlimit(Some(pid), Resource::As, limit)
    {
        tracing::warn!(error = &error as &dyn Error, "the memory of a git process could not be bounded");
    }
}

impl Running {
    /// Where the request's body goes.
    pub(crate) const fn stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// What it answers, as it comes. Taken once.
    pub(crate) const fn answer(&mut self) -> Option<mpsc::Receiver<Bytes>> {
        self.from_process.take()
    }

    /// Sees the process to its end, fed by `feeding`; whether it was content. The answer ends when the sender this gives is
    /// dropped.
    pub(crate) async fn finish(mut self, feeding: impl Future<Output = Result<(), FeedError>>, terms: Terms) -> (mpsc::Sender<Bytes>, bool) {
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let group = self.child.id();
        let given_up = CancellationToken::new();
        let to_client = self.to_client.clone();
        let work = async {
            // The body's end, for whatever reason, is the end of its input: half a pack is an error to git.
            let fed = async {
                if let Some(Err(error)) = given_up.run_until_cancelled(feeding).await {
                    tracing::debug!(error = &error as &dyn Error, "a request's body broke off");
                }
            };
            let sent = async {
                if let Some(stdout) = stdout {
                    send(stdout, to_client, &terms).await;
                }
                if !terms.hears_all {
                    given_up.cancel();
                }
            };
            let ((), (), said) = tokio::join!(fed, sent, last_words(stderr));
            (self.child.wait().await, said)
        };
        let too_late = async {
            sleep(terms.limit).await;
            match &terms.unless {
                Some(begun) if begun.is_cancelled() => std::future::pending().await,
                _ => {}
            }
        };
        tokio::pin!(work);
        let ended = tokio::select! {
            ended = &mut work => ended,
            () = too_late => {
                given_up.cancel();
                signal(group, Signal::SIGTERM);
                match timeout(GRACE, &mut work).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        signal(group, Signal::SIGKILL);
                        return (self.to_client, false);
                    }
                }
            }
        };
        let success = match ended {
            (Ok(status), _) if status.success() => true,
            (Ok(status), said) => {
                tracing::info!(%status, said, "a git process failed");
                false
            }
            (Err(_), _) => false,
        };
        (self.to_client, success)
    }
}

/// Passes on what the process answers, at once. With a client that is gone a fetch ends; a push that has begun to build
/// does not.
async fn send(mut stdout: impl AsyncRead + Unpin, to_client: mpsc::Sender<Bytes>, terms: &Terms) {
    let mut client = Some(to_client);
    let mut chunk = BytesMut::new();
    loop {
        chunk.reserve(CHUNK);
        match stdout.read_buf(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let piece = chunk.split().freeze();
        if let Some(listening) = &client {
            match timeout(terms.silence, listening.send(piece)).await {
                Ok(Ok(())) => {}
                _ if terms.unless.is_some() => client = None,
                _ => return,
            }
        }
    }
}

/// The beginning of what a process complains about, for the platform's log.
async fn last_words(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        let _ = (&mut stderr).take(1000).read_to_end(&mut said).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// To the process and whatever it has started.
fn signal(group: Option<u32>, signal: Signal) {
    if let Some(group) = group.and_then(|id| i32::try_from(id).ok()) {
        // Gone already: as good as ended.
        let _ = killpg(Pid::from_raw(group), signal);
    }
}
