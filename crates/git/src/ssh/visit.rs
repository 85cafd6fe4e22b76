//! One connection: who it is, and which of the many things that SSH can ask for they get.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::KeyFingerprint;
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Pty, Sig,
    keys::{Algorithm, PublicKey},
    server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use tokio::{sync::watch, time::sleep};

use crate::{
    git::Git,
    ssh::{
        command::{Command, protocol},
        serve::{refuse, serve},
    },
};

/// Most requests in one connection that are not commands: terminals, variables, signals.
const REQUESTS: usize = 64;

/// What the connection's task knows of it.
pub(super) struct Visit {
    /// Opened, and no command in it yet.
    open: Mutex<Option<Channel<Msg>>>,
    /// Whether a command is at work; there is one at a time.
    busy: watch::Sender<bool>,
}

/// What answers the client.
pub(super) struct Visitor {
    git: Arc<Git>,
    visit: Arc<Visit>,
    key: Option<KeyFingerprint>,
    protocol: Option<&'static str>,
    requests: usize,
    from: Option<IpAddr>,
}

/// Held while a command is at work.
pub(super) struct Busy(Arc<Visit>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.send_replace(false);
    }
}

impl Visit {
    pub(super) fn new(git: Arc<Git>, from: Option<IpAddr>) -> (Arc<Self>, Visitor) {
        let visit = Arc::new(Self { open: Mutex::default(), busy: watch::Sender::new(false) });
        (visit.clone(), Visitor { git, visit, key: None, protocol: None, requests: 0, from })
    }

    /// Returns when no command is at work.
    pub(super) async fn at_rest(&self) {
        let _ = self.busy.subscribe().wait_for(|busy| !busy).await;
    }

    /// Returns when for so long no command was at work.
    pub(super) async fn idle_for(&self, limit: Duration) {
        let mut busy = self.busy.subscribe();
        loop {
            let _ = busy.wait_for(|busy| !busy).await;
            tokio::select! {
                () = sleep(limit) => return,
                _ = busy.wait_for(|busy| *busy) => {}
            }
        }
    }

    pub(super) fn forget(&self) {
        self.open().take();
    }

    fn open(&self) -> MutexGuard<'_, Option<Channel<Msg>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channel, if it is there to be used, and nobody else's turn meanwhile.
    fn begin(self: &Arc<Self>, id: ChannelId) -> Option<(Channel<Msg>, Busy)> {
        let channel = self.open().take_if(|channel| channel.id() == id)?;
        self.busy.send_replace(true);
        Some((channel, Busy(self.clone())))
    }
}

impl Visitor {
    /// Whose key this may be. Nobody's, when it cannot be found out.
    async fn known(&self, key: &PublicKey) -> Option<KeyFingerprint> {
        let fingerprint = KeyFingerprint::of(&key.to_bytes().ok()?);
        match self.git.platform.actor_of_key(&fingerprint).await {
            Ok(actor) => actor.map(|_| fingerprint),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an SSH key could not be looked up");
                None
            }
        }
    }

    /// Refused, and counted: somebody who goes on asking is not heard any more.
    fn decline(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        self.requests += 1;
        if self.requests > REQUESTS {
            return Err(russh::Error::Disconnect);
        }
        session.channel_failure(channel)
    }

    fn refuse(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        let Some((channel, busy)) = self.visit.begin(channel) else { return self.decline(channel, session) };
        session.channel_success(channel.id())?;
        tokio::spawn(refuse(channel, busy));
        Ok(())
    }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        // RSA with SHA-1: broken, and not among what we say we take.
        if *offer.algorithm == (Algorithm::Rsa { hash: None }) {
            return Ok(Auth::reject());
        }
        Ok(if self.known(offer.public_key).await.is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, _: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        self.key = self.known(key.public_key).await;
        Ok(if self.key.is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(&mut self, channel: Channel<Msg>, reply: ChannelOpenHandle, _: &mut Session) -> Result<(), russh::Error> {
        let free = {
            let mut open = self.visit.open();
            let free = open.is_none() && !*self.visit.busy.borrow();
            if free {
                *open = Some(channel);
            }
            free
        };
        match free {
            true => reply.accept().await,
            false => reply.reject(ChannelOpenFailure::ResourceShortage).await,
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        drop(self.visit.open().take_if(|open| open.id() == channel));
        Ok(())
    }

    async fn exec_request(&mut self, channel: ChannelId, asked: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        let Some((command, key)) = Command::parse(asked).zip(self.key.clone()) else { return self.refuse(channel, session) };
        let Some((channel, busy)) = self.visit.begin(channel) else { return self.decline(channel, session) };
        session.channel_success(channel.id())?;
        tokio::spawn(serve(self.git.clone(), (key, self.from), command, self.protocol.take(), channel, busy));
        Ok(())
    }

    async fn env_request(&mut self, channel: ChannelId, name: &str, value: &str, session: &mut Session) -> Result<(), russh::Error> {
        match protocol(value) {
            Some(version) if name == "GIT_PROTOCOL" => {
                self.protocol = Some(version);
                session.channel_success(channel)
            }
            _ => self.decline(channel, session),
        }
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        self.refuse(channel, session)
    }

    async fn subsystem_request(&mut self, channel: ChannelId, _: &str, session: &mut Session) -> Result<(), russh::Error> {
        self.decline(channel, session)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.decline(channel, session)
    }

    async fn x11_request(&mut self, channel: ChannelId, _: bool, _: &str, _: &str, _: u32, session: &mut Session) -> Result<(), russh::Error> {
        self.decline(channel, session)
    }

    async fn window_change_request(&mut self, channel: ChannelId, _: u32, _: u32, _: u32, _: u32, session: &mut Session) -> Result<(), russh::Error> {
        self.decline(channel, session)
    }

    async fn agent_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<bool, russh::Error> {
        self.decline(channel, session)?;
        Ok(false)
    }

    async fn signal(&mut self, channel: ChannelId, _: Sig, session: &mut Session) -> Result<(), russh::Error> {
        self.decline(channel, session)
    }
}
