//! Log drains: an app's lines sent elsewhere as they come, each at most once; what could not be sent is counted and told.
//!
//! A drain has no buffer of its own but the batch on its way: it reads its app's log at its own pace, as tails do. One that
//! falls behind by more than the log keeps (1,500 lines) has lost lines: the log counts them, the drain's receiver gets the
//! count in their place (L10), and so does the owner.

mod connect;
mod frame;
mod https;
mod link;
mod lost;
mod pump;
mod syslog;

use std::{fmt, net::IpAddr, sync::Arc};

use domain::Drain;
use ports::{Chance, Clock};
use rustls::ClientConfig;
use tokio::task::AbortHandle;

use crate::{filter::Filter, logplex::Channel, reader::Reader, ring::Bounds};

/// How drains get out.
pub struct Outlet {
    /// Whom to believe.
    pub tls: Arc<ClientConfig>,
    /// Which addresses strangers may make us talk to.
    pub may_reach: fn(IpAddr) -> bool,
    /// The admin's own hosts, as `host` (on the usual port) or `host:port`, whose addresses are not looked at.
    pub hosts: Vec<String>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<Chance>,
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// A drain being served; dropped, it is not any more.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) token: String,
    task: AbortHandle,
}

impl Running {
    /// Serves a drain with what is written from now on. Inside a runtime only.
    pub(crate) fn start(drain: Drain, channel: &Arc<Channel>, outlet: &Arc<Outlet>, bounds: Bounds) -> Self {
        let token = drain.token.clone();
        let filter = Filter { but_logplex: true, ..Filter::default() };
        let reader = Reader::open(channel.clone(), filter, 0, None);
        let task = tokio::spawn(pump::Pump::new(drain, reader, channel.clone(), outlet.clone(), bounds).run()).abort_handle();
        Self { token, task }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
