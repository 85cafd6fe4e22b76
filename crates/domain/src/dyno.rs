//! The life of one dyno of a formation: what it is now, from what it was, what is wanted, what is seen, and the time.
//!
//! [`Dyno::next`] says what the dyno has become; that is saved first. [`Dyno::owed`] says what that state still owes the
//! world; that is done second. Stop the platform between the two and nothing is lost: whoever starts it again asks
//! `owed` and gets the same answer.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};

use crate::{
    notice::{Exit, Notice},
    procfile::ProcessType,
    release::ReleaseVersion,
};

/// `web.1`: a process type and a number from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DynoName {
    pub process_type: ProcessType,
    pub index: u32,
}

/// A text that names no dyno.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Dynos are named like web.1")]
pub struct InvalidDynoName;

impl fmt::Display for DynoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.process_type, self.index)
    }
}
impl FromStr for DynoName {
    type Err = InvalidDynoName;

    fn from_str(text: &str) -> Result<Self, InvalidDynoName> {
        let (process_type, index) = text.rsplit_once('.').ok_or(InvalidDynoName)?;
        let index = index.parse().ok().filter(|&index| index > 0 && !text.contains('+')).ok_or(InvalidDynoName)?;
        Ok(Self { process_type: process_type.parse().map_err(|_| InvalidDynoName)?, index })
    }
}

/// What is remembered of a dyno.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dyno {
    pub state: State,
    /// Counts its containers; an act with an older number than the container's is refused.
    pub generation: u64,
    /// What it runs, or ran last.
    pub release: ReleaseVersion,
    pub crashes_in_a_row: u32,
}

/// Each state carries only what is true in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Starting { since: Timestamp },
    Up { since: Timestamp, cycle_at: Timestamp },
    Stopping { since: Timestamp, kill_at: Timestamp, then: After, killed: bool },
    Crashed { since: Timestamp, restart_at: Timestamp },
    Down { since: Timestamp },
}

/// What a stopped dyno becomes once its container is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Restart,
    Remove,
}

/// What the formation asks of a dyno.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Running(ReleaseVersion),
    Gone,
}

/// What the container runtime says about this dyno's current generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Nothing,
    /// Its process lives and has not bound its port yet.
    Booting {
        since: Timestamp,
    },
    /// Its process lives and, for web, listens.
    Bound,
    Exited {
        status: i32,
    },
}

/// What must still be done for the world to match a dyno's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Debt {
    /// Make its container run.
    Start,
    /// Send SIGTERM to all its processes, once.
    Terminate,
    /// Send SIGKILL.
    Kill,
    /// Remove its container.
    Sweep,
}

/// The rules of the dyno manager, in Heroku's numbers.
#[derive(Debug, Clone)]
pub struct Policy {
    /// R10: a web dyno binds its port within 60 s of launch.
    pub boot_limit: SignedDuration,
    /// R12: all processes exit within 30 s of SIGTERM.
    pub stop_grace: SignedDuration,
    /// Dynos are restarted every 24 h …
    pub cycle_every: SignedDuration,
    /// … plus up to 216 minutes, drawn per dyno.
    pub cycle_spread: SignedDuration,
    /// After so long without a crash, crashes are counted from zero again.
    pub steady_after: SignedDuration,
    /// Waits before the first, second, … restart in a row; the last one repeats. Never empty.
    pub restart_waits: Vec<SignedDuration>,
}

impl Default for Policy {
    fn default() -> Self {
        let minutes = SignedDuration::from_mins;
        Self {
            boot_limit: SignedDuration::from_secs(60),
            stop_grace: SignedDuration::from_secs(30),
            cycle_every: SignedDuration::from_hours(24),
            cycle_spread: minutes(216),
            steady_after: minutes(10),
            restart_waits: vec![SignedDuration::ZERO, minutes(1), minutes(5), minutes(20)],
        }
    }
}

impl Dyno {
    /// A dyno that the formation has just come to want. Its generations begin at the time in milliseconds: a dyno scaled
    /// away and back must not repeat the numbers of its former life, or a late act of that life would hit the new one.
    pub fn born(now: Timestamp, release: ReleaseVersion) -> Self {
        let generation = u64::try_from(now.as_millisecond()).unwrap_or(1);
        Self { state: State::Starting { since: now }, generation, release, crashes_in_a_row: 0 }
    }

    /// What the dyno has become. `spread` is where in the cycling window it falls, should it come up; the caller draws it.
    pub fn next(self, wanted: Wanted, seen: Seen, now: Timestamp, spread: SignedDuration, policy: &Policy) -> (Self, Option<Notice>) {
        use State::{Crashed, Down, Starting, Stopping, Up};
        let from = self.word();
        match (self.state, wanted, seen) {
            // No longer wanted.
            (Starting { .. }, Wanted::Gone, Seen::Nothing) => (self.at(Down { since: now }), None),
            (Starting { .. } | Up { .. }, Wanted::Gone, _) => (self.stopping(After::Remove, now, policy), Some(Notice::Stopping { from })),
            (Crashed { .. }, Wanted::Gone, Seen::Nothing | Seen::Exited { .. }) => (self.at(Down { since: now }), None),
            (Stopping { since, kill_at, then: After::Restart, killed }, Wanted::Gone, Seen::Booting { .. } | Seen::Bound) => {
                (self.at(Stopping { since, kill_at, then: After::Remove, killed }), None)
            }

            // Wanted with another release.
            (Starting { .. }, Wanted::Running(release), Seen::Nothing) if release != self.release => (self.reborn(now, release, 0), None),
            (Starting { .. } | Up { .. }, Wanted::Running(release), _) if release != self.release => {
                (self.stopping(After::Restart, now, policy), Some(Notice::Restarting { from }))
            }
            (Crashed { .. }, Wanted::Running(release), Seen::Nothing | Seen::Exited { .. }) if release != self.release => {
                (self.reborn(now, release, 0), Some(Notice::Reborn))
            }

            // Booting.
            (Starting { .. }, _, Seen::Bound) => (self.at(Up { since: now, cycle_at: now + policy.cycle_every + spread }), Some(Notice::Up)),
            (Starting { .. }, _, Seen::Exited { status }) => (self.crashed(now, policy), Some(Notice::Crashed { from, exit: Exit::Status(status) })),
            // Counted from the container's start: waiting for the engine is not the app's fault.
            (Starting { .. }, _, Seen::Booting { since }) if since + policy.boot_limit <= now => (self.crashed(now, policy), Some(Notice::BootTimeout)),

            // Up.
            (Up { since, .. }, _, Seen::Exited { status }) => {
                (self.steadied(since, now, policy).crashed(now, policy), Some(Notice::Crashed { from, exit: Exit::Status(status) }))
            }
            (Up { since, .. }, _, Seen::Nothing) => {
                (self.steadied(since, now, policy).crashed(now, policy), Some(Notice::Crashed { from, exit: Exit::Vanished }))
            }
            (Up { cycle_at, .. }, _, _) if cycle_at <= now => (self.stopping(After::Restart, now, policy), Some(Notice::Cycling { from })),

            // Stopping.
            (Stopping { since, kill_at, then, killed: false }, _, Seen::Booting { .. } | Seen::Bound) if kill_at <= now => {
                (self.at(Stopping { since, kill_at, then, killed: true }), Some(Notice::ExitTimeout))
            }
            (Stopping { then: After::Restart, .. }, Wanted::Running(release), Seen::Exited { .. } | Seen::Nothing) => {
                (self.reborn(now, release, 0), seen.exit().map(Notice::Exited))
            }
            (Stopping { .. }, _, Seen::Exited { .. } | Seen::Nothing) => (self.at(Down { since: now }), seen.exit().map(Notice::Exited)),

            // Not before the old container is gone: one dyno never has two.
            (Crashed { restart_at, .. }, Wanted::Running(release), Seen::Nothing | Seen::Exited { .. }) if restart_at <= now => {
                (self.reborn(now, release, self.crashes_in_a_row), Some(Notice::Reborn))
            }
            (Down { .. }, Wanted::Running(release), Seen::Nothing | Seen::Exited { .. }) => (self.reborn(now, release, 0), None),

            (Starting { .. } | Up { .. } | Stopping { .. } | Crashed { .. } | Down { .. }, _, _) => (self, None),
        }
    }

    /// What must still be done for the world to match this state.
    pub fn owed(&self, seen: Seen) -> Option<Debt> {
        let lives = matches!(seen, Seen::Booting { .. } | Seen::Bound);
        match self.state {
            State::Starting { .. } => (seen == Seen::Nothing).then_some(Debt::Start),
            State::Up { .. } => None,
            State::Stopping { killed, .. } if lives => Some(if killed { Debt::Kill } else { Debt::Terminate }),
            State::Crashed { .. } | State::Down { .. } if lives => Some(Debt::Kill),
            State::Stopping { .. } | State::Crashed { .. } | State::Down { .. } => (seen != Seen::Nothing).then_some(Debt::Sweep),
        }
    }

    /// When to look again even if nothing happens.
    pub fn look_again_at(&self, policy: &Policy) -> Option<Timestamp> {
        match self.state {
            State::Starting { since } => Some(since + policy.boot_limit),
            State::Up { cycle_at, .. } => Some(cycle_at),
            State::Stopping { kill_at, killed, .. } => (!killed).then_some(kill_at),
            State::Crashed { restart_at, .. } => Some(restart_at),
            State::Down { .. } => None,
        }
    }

    /// The same dyno on its way through a restart that somebody asked for.
    pub fn restarted(self, now: Timestamp, policy: &Policy) -> (Self, Option<Notice>) {
        let from = self.word();
        match self.state {
            State::Up { .. } | State::Starting { .. } => (self.stopping(After::Restart, now, policy), Some(Notice::Restarting { from })),
            State::Crashed { since, .. } => (Self { crashes_in_a_row: 0, ..self.at(State::Crashed { since, restart_at: now }) }, None),
            State::Stopping { .. } | State::Down { .. } => (self, None),
        }
    }

    /// The state's name, as `ps` and the log have it. A dyno on its way through a restart is starting; one that goes, down.
    pub const fn word(&self) -> &'static str {
        match self.state {
            State::Starting { .. } | State::Stopping { then: After::Restart, .. } => "starting",
            State::Up { .. } => "up",
            State::Stopping { then: After::Remove, .. } | State::Down { .. } => "down",
            State::Crashed { .. } => "crashed",
        }
    }

    /// Since when it has been in this state.
    pub const fn since(&self) -> Timestamp {
        match self.state {
            State::Starting { since } | State::Up { since, .. } | State::Stopping { since, .. } | State::Crashed { since, .. } | State::Down { since } => since,
        }
    }

    fn at(self, state: State) -> Self {
        Self { state, ..self }
    }
    fn reborn(self, now: Timestamp, release: ReleaseVersion, crashes_in_a_row: u32) -> Self {
        Self { state: State::Starting { since: now }, generation: self.generation + 1, release, crashes_in_a_row }
    }
    fn stopping(self, then: After, now: Timestamp, policy: &Policy) -> Self {
        self.at(State::Stopping { since: now, kill_at: now + policy.stop_grace, then, killed: false })
    }
    fn steadied(self, since: Timestamp, now: Timestamp, policy: &Policy) -> Self {
        if since + policy.steady_after <= now { Self { crashes_in_a_row: 0, ..self } } else { self }
    }
    fn crashed(self, now: Timestamp, policy: &Policy) -> Self {
        let nth = usize::try_from(self.crashes_in_a_row).unwrap_or(usize::MAX);
        let wait = policy.restart_waits.get(nth).or(policy.restart_waits.last()).copied().unwrap_or_default();
        Self { state: State::Crashed { since: now, restart_at: now + wait }, crashes_in_a_row: self.crashes_in_a_row.saturating_add(1), ..self }
    }
}

impl Seen {
    fn exit(self) -> Option<Exit> {
        match self {
            Self::Exited { status } => Some(Exit::Status(status)),
            Self::Nothing | Self::Booting { .. } | Self::Bound => None,
        }
    }
}
