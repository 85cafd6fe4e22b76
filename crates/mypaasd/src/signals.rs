//! What a server is told while it runs.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What somebody wants of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// SIGTERM, SIGINT
    Stop,
    /// SIGHUP, SIGUSR2: another process takes over, with the program and the config file as they are now.
    HandOver,
}

/// Hears signals from [`Signals::listen`] on: whoever says that it is ready must listen already, or the signal of someone who
/// believes it kills what it should only stop.
pub(crate) struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    usr2: Signal,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let heard = |kind| signal(kind).context("signals cannot be heard");
        Ok(Self {
            term: heard(SignalKind::terminate())?,
            int: heard(SignalKind::interrupt())?,
            hup: heard(SignalKind::hangup())?,
            usr2: heard(SignalKind::user_defined2())?,
        })
    }

    /// Ready once told something.
    pub(crate) async fn told(&mut self) -> Told {
        tokio::select! {
            biased;
            _ = self.term.recv() => Told::Stop,
            _ = self.int.recv() => Told::Stop,
            _ = self.hup.recv() => Told::HandOver,
            _ = self.usr2.recv() => Told::HandOver,
        }
    }

    /// Ready once told to stop, by who is about to begin or to end, and has nothing to hand over.
    pub(crate) async fn stop(&mut self) {
        while self.told().await != Told::Stop {
            tracing::warn!("told to hand over, which can be done only while everything runs: nothing is done");
        }
    }
}
