//! With preboot: the generation before this one, which answers requests until this one is up, then those it already has,
//! and then stops.

use jiff::Timestamp;

use super::{Debt, Policy, Seen};
use crate::notice::Notice;

/// The generation before a dyno's own, still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predecessor {
    pub generation: u64,
    pub leaving: Leaving,
}

/// How far it is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Gets requests: its successor is not up yet.
    Serving,
    /// Gets no more, and answers those it has.
    Draining {
        until: Timestamp,
    },
    Stopping {
        kill_at: Timestamp,
        killed: bool,
    },
    /// Its process ended; its container is still there.
    Ended,
}

impl Predecessor {
    pub(super) const fn serving(generation: u64) -> Self {
        Self { generation, leaving: Leaving::Serving }
    }

    /// What has become of it. `needed`: its successor is wanted and not up.
    pub(super) fn next(self, needed: bool, seen: Seen, now: Timestamp, policy: &Policy) -> (Option<Self>, Option<Notice>) {
        let at = |leaving| Some(Self { leaving, ..self });
        match self.leaving {
            _ if seen == Seen::Nothing => (None, None),
            Leaving::Ended => (Some(self), None),
            _ if !seen.lives() => (at(Leaving::Ended), seen.exit().map(Notice::Exited)),
            Leaving::Serving if !needed => (at(Leaving::Draining { until: now + policy.drain }), None),
            // Its successor came up and crashed meanwhile.
            Leaving::Draining { .. } if needed => (at(Leaving::Serving), None),
            Leaving::Draining { until } if until <= now => (at(Leaving::Stopping { kill_at: now + policy.stop_grace, killed: false }), Some(Notice::Replaced)),
            Leaving::Stopping { kill_at, killed: false } if kill_at <= now => (at(Leaving::Stopping { kill_at, killed: true }), Some(Notice::ExitTimeout)),
            Leaving::Serving | Leaving::Draining { .. } | Leaving::Stopping { .. } => (Some(self), None),
        }
    }

    pub(super) const fn owed(self) -> Option<Debt> {
        match self.leaving {
            Leaving::Serving | Leaving::Draining { .. } => None,
            Leaving::Stopping { killed, .. } => Some(if killed { Debt::Kill } else { Debt::Terminate }),
            Leaving::Ended => Some(Debt::Sweep),
        }
    }

    pub(super) const fn look_again_at(self) -> Option<Timestamp> {
        match self.leaving {
            Leaving::Serving | Leaving::Ended => None,
            Leaving::Draining { until } => Some(until),
            Leaving::Stopping { kill_at, killed } => {
                if killed {
                    None
                } else {
                    Some(kill_at)
                }
            }
        }
    }
}
