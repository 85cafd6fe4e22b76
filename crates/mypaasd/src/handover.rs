//! One mypaasd takes over from another while apps keep answering: a newer program, or the same with another config file.
//!
//! The one that runs starts the other (SIGUSR2, SIGHUP), and they speak over a pair of sockets, of which the new one finds its
//! end at standard input:
//!
//! ```text
//! old                                    new
//! listener ROLE, with a socket    ──►
//! draining, with a socket         ──►
//! all HOME DATABASE               ──►    reads its config, takes the sockets
//!                                 ◄──    here
//! lets go of the data folder,
//! but still serves apps
//! lead                            ──►    takes the data folder, starts
//!                                 ◄──    ready: now it takes connections at the same sockets
//! tells systemd who is who
//! go                              ──►    is the one
//! takes no more connections,
//! and ends when all have ended
//! ```
//!
//! They are the very sockets, not others at the same port: a client that waits at a socket is cut off when that one is closed.
//! Whoever ends, the other notices. If the new one does not come to `ready`, the old one goes on, or begins again to. If the
//! old one is gone, the new one goes on.

mod successor;
mod wire;

pub(crate) use successor::{NoSuccessor, Successor};

use std::{
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
};

use anyhow::{Context, ensure};

use self::wire::Channel;
use crate::{
    config::Config,
    signals::{Signals, Told},
};

/// Set for a program that is to take over.
pub(crate) const VARIABLE: &str = "MYPAASD_TAKES_OVER";

/// What connects at a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Apps,
    AppsOverTls,
    Metrics,
    Api,
    Ssh,
}

impl Role {
    const ALL: [Self; 5] = [Self::Apps, Self::AppsOverTls, Self::Metrics, Self::Api, Self::Ssh];

    const fn name(self) -> &'static str {
        match self {
            Self::Apps => "apps",
            Self::AppsOverTls => "apps-tls",
            Self::Metrics => "metrics",
            Self::Api => "api",
            Self::Ssh => "ssh",
        }
    }
}

/// What one hands to the other. As long as it is held, clients come to wait at these sockets: whoever neither serves at them nor
/// means to hand them over drops it.
#[derive(Default)]
pub(crate) struct Estate {
    listeners: Vec<(Role, OwnedFd)>,
    /// Where those before us, who still serve what they had begun, notice that the platform has ended.
    draining: Vec<OwnedFd>,
}

impl Estate {
    pub(crate) fn add(&mut self, role: Role, sockets: Vec<OwnedFd>) {
        self.listeners.extend(sockets.into_iter().map(|socket| (role, socket)));
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.listeners.extend(other.listeners);
        self.draining.extend(other.draining);
    }

    /// What the one before has left besides its listeners.
    pub(crate) fn inherit(&mut self, before: &Predecessor) -> std::io::Result<()> {
        let own = before.channel.as_ref().map(Channel::copy).transpose()?;
        self.draining.extend(own);
        for socket in &before.draining {
            self.draining.push(socket.try_clone()?);
        }
        Ok(())
    }

    /// Waits until told to stop, or until somebody has taken over who needs nothing of this process: the routers' way.
    pub(crate) async fn until_handed_over(&self, config: &Config, signals: &mut Signals) -> Option<Successor> {
        loop {
            if signals.told().await == Told::Stop {
                return None;
            }
            let work = async {
                let mut successor = Successor::start(config, self).await?;
                successor.leads().await?;
                Ok::<_, NoSuccessor>(successor)
            };
            tokio::select! {
                taken = work => match taken {
                    Ok(successor) => return Some(successor),
                    Err(error) => tracing::error!("the new mypaasd did not take over: {error}; this one goes on as it was"),
                },
                () = signals.stop() => return None,
            }
        }
    }

    /// Nobody is to come to these sockets any more, as far as this process goes.
    pub(crate) fn close(&mut self) {
        self.listeners.clear();
    }
}

/// What holds for the data of an installation, and cannot change while it runs.
fn lasting(config: &Config) -> String {
    format!("{}\n{}", config.home.display(), config.database_url())
}

/// The one from which this process takes over; or nobody, and then nothing here does anything.
#[derive(Default)]
pub(crate) struct Predecessor {
    channel: Option<Channel>,
    listeners: Vec<(Role, TcpListener)>,
    draining: Vec<OwnedFd>,
}

impl Predecessor {
    /// Takes what it leaves. What cannot change while the platform runs must be as it was.
    pub(crate) async fn meet(config: &Config) -> anyhow::Result<Self> {
        if std::env::var_os(VARIABLE).is_none() {
            return Ok(Self::default());
        }
        let channel = Channel::at_stdin().context("whom this mypaasd takes over from cannot be found")?;
        let mut before = Self::default();
        loop {
            let Some((word, socket)) = channel.receive().await.context("what the mypaasd before leaves could not be taken")? else { break };
            match (word.split_once(' ').unwrap_or((&word, "")), socket) {
                (("listener", role), Some(socket)) => match Role::ALL.into_iter().find(|known| known.name() == role) {
                    Some(role) => before.listeners.push((role, TcpListener::from(socket))),
                    // Of a version that knows of more.
                    None => tracing::debug!(role, "a socket of which this version knows nothing"),
                },
                (("draining", _), Some(socket)) => before.draining.push(socket),
                (("all", lasted), _) => {
                    ensure!(lasted == lasting(config), "home and database.url cannot change while the platform runs: stop mypaasd, and start it again");
                    break;
                }
                _ => {}
            }
        }
        before.channel = Some(channel);
        Ok(before)
    }

    /// The sockets of this role at this address; port 0 is any.
    pub(crate) fn take(&mut self, role: Role, wanted: SocketAddr) -> Vec<TcpListener> {
        let fits = |listener: &TcpListener| {
            listener.local_addr().is_ok_and(|address| address.ip() == wanted.ip() && (wanted.port() == 0 || address.port() == wanted.port()))
        };
        self.listeners.extract_if(.., |(known, listener)| *known == role && fits(listener)).map(|(_, listener)| listener).collect()
    }

    /// The one socket of this role at this address.
    pub(crate) fn take_one(&mut self, role: Role, wanted: SocketAddr) -> Option<TcpListener> {
        self.take(role, wanted).into_iter().next()
    }

    /// Says that this one can lead, and waits until it may: until nobody else writes to the data folder.
    pub(crate) async fn may_lead(&self) {
        let Some(channel) = &self.channel else { return };
        if channel.send("here", None).await.is_ok() {
            tracing::info!("taking over from the mypaasd before");
            // One that is gone does not write either.
            while let Ok(Some((word, _))) = channel.receive().await {
                if word == "lead" {
                    return;
                }
            }
        }
    }

    /// Says that this one takes connections, and waits until it is the one.
    pub(crate) async fn is_over(&mut self) {
        // What is not wanted any more, as the port of the config before, closes.
        self.listeners.clear();
        let Some(channel) = &self.channel else { return };
        if channel.send("ready", None).await.is_ok() {
            while let Ok(Some((word, _))) = channel.receive().await {
                if word == "go" {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
