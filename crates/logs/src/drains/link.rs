//! What a drain is sent over, whatever it speaks.

use std::collections::VecDeque;

use domain::{Drain, drain::DrainScheme};

use super::{
    Outlet,
    connect::Unreached,
    frame::{Dialect, Frame, Holds},
    https::Https,
    syslog::Syslog,
};

/// An open connection.
pub(super) enum Link {
    Https(Https),
    Syslog(Syslog),
}

/// Why frames did not go.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nothing was sent: nothing is lost either.
    #[error("{0}")]
    Unreached(#[from] Unreached),
    /// The same frames may be sent again, a few times.
    #[error("{0}")]
    Again(String),
    /// The receiver does not want these frames.
    #[error("{0}")]
    Refused(String),
    /// The connection broke; what was on its way cannot be sent again.
    #[error("{0}")]
    Broken(String, Vec<Holds>),
}

pub(super) const fn dialect(scheme: DrainScheme) -> Dialect {
    match scheme {
        DrainScheme::Http | DrainScheme::Https => Dialect::Logplex,
        DrainScheme::Syslog | DrainScheme::SyslogTls => Dialect::Syslog,
    }
}

/// Bytes sent at once (Logplex: 102,400 in a request; a socket's buffer takes less).
pub(super) const fn batch_bytes(scheme: DrainScheme) -> usize {
    match dialect(scheme) {
        Dialect::Logplex => 102_400,
        Dialect::Syslog => 16 * 1024,
    }
}

impl Link {
    pub(super) async fn open(drain: &Drain, outlet: &Outlet) -> Result<Self, Failure> {
        let stream = outlet.connect(&drain.url).await?;
        match dialect(drain.url.scheme) {
            Dialect::Logplex => Https::start(stream).await.map(Self::Https),
            Dialect::Syslog => Ok(Self::Syslog(Syslog { stream, tls: drain.url.is_tls() })),
        }
    }

    /// Sends frames, and takes out those that are surely gone from here. `id` is the same whenever the same frames are sent.
    pub(super) async fn send(&mut self, drain: &Drain, id: &str, frames: &mut VecDeque<Frame>) -> Result<(), Failure> {
        match self {
            Self::Https(https) => https.send(drain, id, frames).await,
            Self::Syslog(syslog) => syslog.send(frames).await,
        }
    }

    /// Waits until the other side has gone.
    pub(super) async fn ended(&mut self) {
        match self {
            Self::Https(https) => https.ended().await,
            Self::Syslog(syslog) => syslog.ended().await,
        }
    }
}
