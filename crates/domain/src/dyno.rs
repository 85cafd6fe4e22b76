//! The life of one dyno of a formation: what it is now, from what it was, what is wanted, what is seen, and the time.
//!
//! [`Dyno::next`] says what the dyno has become; that is saved first. [`Dyno::owed`] says what that state still owes the
//! world; that is done second. Stop the platform between the two and nothing is lost: whoever starts it again asks
//! `owed` and gets the same answer.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};

use crate::{
    notice::{Exit, Memory, Notice},
    procfile::ProcessType,
    release::ReleaseVersion,
};

mod policy;
mod predecessor;

pub use policy::Policy;
pub use predecessor::{Leaving, Predecessor};

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
    /// With preboot: the generation before, until it is gone.
    pub predecessor: Option<Predecessor>,
}

/// Each state carries only what is true in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Starting {
        since: Timestamp,
    },
    Up {
        since: Timestamp,
        cycle_at: Timestamp,
    },
    /// Gets no more requests; SIGTERM at `term_at`, SIGKILL at `kill_at`.
    Stopping {
        since: Timestamp,
        term_at: Timestamp,
        kill_at: Timestamp,
        then: After,
        killed: bool,
    },
    Crashed {
        since: Timestamp,
        restart_at: Timestamp,
    },
    /// Asleep until the next request.
    Idle {
        since: Timestamp,
    },
    Down {
        since: Timestamp,
    },
}

/// What a stopped dyno becomes once its container is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Restart,
    Sleep,
    Remove,
}

/// What the formation asks of a dyno.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Running(ReleaseVersion),
    /// There, but asleep: nobody asked for it for long.
    Asleep,
    Gone,
}

/// How a running dyno gives way, to its next generation or to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// SIGTERM at once; what follows starts when it is gone.
    AtOnce,
    /// Preboot: it serves until its successor is up, and then has time to answer what it was asked.
    Gently,
}

/// What the round knows of a dyno besides its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    pub wanted: Wanted,
    pub way: Way,
    /// Its own generation.
    pub seen: Seen,
    /// The generation before.
    pub before: Seen,
    /// Whether its time may come now: not while others of its type are on their way back from theirs.
    pub may_cycle: bool,
    /// Where in the cycling window it falls, should it come up; the caller draws it.
    pub spread: SignedDuration,
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
    /// Its process lives and uses twice its memory or more, or lost a process to that.
    Exhausted {
        memory: Memory,
    },
    Exited {
        status: i32,
    },
    /// Ended by the kernel for its memory.
    OutOfMemory {
        memory: Memory,
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

impl Dyno {
    /// A dyno that the formation has just come to want. Its generations begin at the time in milliseconds: a dyno scaled
    /// away and back must not repeat the numbers of its former life, or a late act of that life would hit the new one.
    pub fn born(now: Timestamp, release: ReleaseVersion) -> Self {
        let generation = u64::try_from(now.as_millisecond()).unwrap_or(1);
        Self { state: State::Starting { since: now }, generation, release, crashes_in_a_row: 0, predecessor: None }
    }

    /// What the dyno has become, and its predecessor.
    pub fn next(self, sight: Sight, now: Timestamp, policy: &Policy) -> (Self, Vec<Notice>) {
        let there = self.predecessor.filter(|_| sight.before != Seen::Nothing);
        let (next, became) = Self { predecessor: there, ..self }.step(sight, now, policy);
        let (predecessor, left) = match there {
            Some(before) => {
                let needed = matches!(sight.wanted, Wanted::Running(_)) && !matches!(next.state, State::Up { .. });
                before.next(needed, sight.before, now, policy)
            }
            None => (next.predecessor, None),
        };
        (Self { predecessor, ..next }, became.into_iter().chain(left).collect())
    }

    fn step(self, sight: Sight, now: Timestamp, policy: &Policy) -> (Self, Option<Notice>) {
        use State::{Crashed, Down, Idle, Starting, Stopping, Up};
        let Sight { wanted, way, seen, .. } = sight;
        let from = self.word();
        let gentle = way == Way::Gently;
        match (self.state, wanted, seen) {
            // No longer wanted.
            (Starting { .. }, Wanted::Gone, Seen::Nothing) => (self.at(Down { since: now }), None),
            (Starting { .. } | Up { .. }, Wanted::Gone, _) => (self.stopping(After::Remove, way, now, policy), Some(Notice::Stopping { from, gentle })),
            (Crashed { .. } | Idle { .. }, Wanted::Gone, _) if !seen.lives() => (self.at(Down { since: now }), None),
            (Stopping { then: After::Restart | After::Sleep, .. }, Wanted::Gone, _) if seen.lives() => (self.then(After::Remove), None),

            // Wanted asleep.
            (Starting { .. }, Wanted::Asleep, Seen::Nothing) => (self.at(Idle { since: now }), None),
            (Starting { .. } | Up { .. }, Wanted::Asleep, _) if seen.lives() => (self.stopping(After::Sleep, way, now, policy), Some(Notice::Idling { from })),
            (Down { .. } | Crashed { .. }, Wanted::Asleep, _) if !seen.lives() => (self.at(Idle { since: now }), None),
            (Stopping { then: After::Restart, .. }, Wanted::Asleep, _) if seen.lives() => (self.then(After::Sleep), None),

            // Wanted with another release.
            (Starting { .. }, Wanted::Running(release), Seen::Nothing) if release != self.release => (self.reborn(now, release, 0), None),
            (Up { .. }, Wanted::Running(release), _) if release != self.release && gentle && seen.lives() => {
                // One predecessor at a time: the one before must be gone first.
                (if self.predecessor.is_none() { self.succeeded(now, release) } else { self }, None)
            }
            (Starting { .. } | Up { .. }, Wanted::Running(release), _) if release != self.release => {
                (self.stopping(After::Restart, Way::AtOnce, now, policy), Some(Notice::Restarting { from }))
            }
            (Crashed { .. }, Wanted::Running(release), _) if release != self.release && !seen.lives() => (self.reborn(now, release, 0), Some(Notice::Reborn)),

            // Too much memory (R15).
            (Starting { .. }, _, Seen::Exhausted { memory } | Seen::OutOfMemory { memory }) => {
                (self.crashed(now, policy), Some(Notice::OutOfMemory { from, memory }))
            }
            (Up { since, .. }, _, Seen::Exhausted { memory } | Seen::OutOfMemory { memory }) => {
                (self.steadied(since, now, policy).crashed(now, policy), Some(Notice::OutOfMemory { from, memory }))
            }

            // Booting.
            (Starting { .. }, _, Seen::Bound) => (self.at(Up { since: now, cycle_at: now + policy.cycle_every + sight.spread }), Some(Notice::Up)),
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
            (Up { cycle_at, .. }, _, _) if cycle_at <= now && sight.may_cycle => {
                let cycling = Notice::Cycling { from, gentle };
                match (way, self.predecessor) {
                    (Way::AtOnce, _) => (self.stopping(After::Restart, way, now, policy), Some(cycling)),
                    (Way::Gently, None) => (self.succeeded(now, self.release), Some(cycling)),
                    (Way::Gently, Some(_)) => (self, None),
                }
            }

            // Stopping.
            (Stopping { kill_at, killed: false, .. }, _, _) if seen.lives() && kill_at <= now => (self.overdue(), Some(Notice::ExitTimeout)),
            (Stopping { then: After::Restart | After::Sleep, .. }, Wanted::Running(release), _) if !seen.lives() => {
                (self.reborn(now, release, 0), seen.exit().map(Notice::Exited))
            }
            (Stopping { then: After::Sleep, .. }, _, _) if !seen.lives() => (self.at(Idle { since: now }), seen.exit().map(Notice::Exited)),
            (Stopping { .. }, _, _) if !seen.lives() => (self.at(Down { since: now }), seen.exit().map(Notice::Exited)),

            // Not before the old container is gone: one generation never has two.
            (Crashed { restart_at, .. }, Wanted::Running(release), _) if restart_at <= now && !seen.lives() => {
                (self.reborn(now, release, self.crashes_in_a_row), Some(Notice::Reborn))
            }
            (Idle { .. }, Wanted::Running(release), _) if !seen.lives() => (self.reborn(now, release, 0), Some(Notice::Awake)),
            (Down { .. }, Wanted::Running(release), _) if !seen.lives() => (self.reborn(now, release, 0), None),

            (Starting { .. } | Up { .. } | Stopping { .. } | Crashed { .. } | Idle { .. } | Down { .. }, _, _) => (self, None),
        }
    }

    /// What must still be done for the world to match this state, and to which generation.
    pub fn owed(&self, seen: Seen, now: Timestamp) -> Option<(u64, Debt)> {
        let own = match self.state {
            State::Starting { .. } => (seen == Seen::Nothing).then_some(Debt::Start),
            State::Up { .. } => None,
            State::Stopping { term_at, killed, .. } if seen.lives() => {
                let due = if killed { Debt::Kill } else { Debt::Terminate };
                (killed || term_at <= now).then_some(due)
            }
            State::Crashed { .. } | State::Idle { .. } | State::Down { .. } if seen.lives() => Some(Debt::Kill),
            State::Stopping { .. } | State::Crashed { .. } | State::Idle { .. } | State::Down { .. } => (seen != Seen::Nothing).then_some(Debt::Sweep),
        };
        let own = own.map(|debt| (self.generation, debt));
        own.or_else(|| self.predecessor.and_then(|before| Some((before.generation, before.owed()?))))
    }

    /// When to look again even if nothing happens.
    pub fn look_again_at(&self, policy: &Policy) -> Option<Timestamp> {
        let own = match self.state {
            State::Starting { since } => Some(since + policy.boot_limit),
            State::Up { cycle_at, .. } => Some(cycle_at),
            State::Stopping { since, term_at, kill_at, killed, .. } => (!killed).then_some(if since < term_at { term_at } else { kill_at }),
            State::Crashed { restart_at, .. } => Some(restart_at),
            State::Idle { .. } | State::Down { .. } => None,
        };
        let before = self.predecessor.and_then(Predecessor::look_again_at);
        own.into_iter().chain(before).min()
    }

    /// The same dyno on its way through a restart that somebody asked for.
    pub fn restarted(self, way: Way, now: Timestamp, policy: &Policy) -> (Self, Option<Notice>) {
        let from = self.word();
        match self.state {
            State::Up { .. } if way == Way::Gently && self.predecessor.is_none() => (self.succeeded(now, self.release), None),
            // One predecessor at a time; this one serves until then.
            State::Up { since, .. } if way == Way::Gently => (self.at(State::Up { since, cycle_at: now }), None),
            State::Up { .. } | State::Starting { .. } => (self.stopping(After::Restart, Way::AtOnce, now, policy), Some(Notice::Restarting { from })),
            State::Crashed { since, .. } => (Self { crashes_in_a_row: 0, ..self.at(State::Crashed { since, restart_at: now }) }, None),
            State::Stopping { .. } | State::Idle { .. } | State::Down { .. } => (self, None),
        }
    }

    /// Whether it is on its way to being up (again).
    pub const fn is_on_its_way(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Stopping { then: After::Restart, .. })
    }

    /// The state's name, as `ps` and the log have it. A dyno on its way through a restart is starting; one that goes, down.
    pub const fn word(&self) -> &'static str {
        match self.state {
            State::Starting { .. } | State::Stopping { then: After::Restart, .. } => "starting",
            State::Up { .. } => "up",
            State::Stopping { then: After::Remove | After::Sleep, .. } | State::Down { .. } => "down",
            State::Crashed { .. } => "crashed",
            State::Idle { .. } => "idle",
        }
    }

    /// Since when it has been in this state.
    pub const fn since(&self) -> Timestamp {
        match self.state {
            State::Starting { since }
            | State::Up { since, .. }
            | State::Stopping { since, .. }
            | State::Crashed { since, .. }
            | State::Idle { since }
            | State::Down { since } => since,
        }
    }

    fn at(self, state: State) -> Self {
        Self { state, ..self }
    }
    fn reborn(self, now: Timestamp, release: ReleaseVersion, crashes_in_a_row: u32) -> Self {
        Self { state: State::Starting { since: now }, generation: self.generation + 1, release, crashes_in_a_row, ..self }
    }
    /// Its next generation starts beside it.
    fn succeeded(self, now: Timestamp, release: ReleaseVersion) -> Self {
        Self { predecessor: Some(Predecessor::serving(self.generation)), ..self.reborn(now, release, 0) }
    }
    fn stopping(self, then: After, way: Way, now: Timestamp, policy: &Policy) -> Self {
        let term_at = if way == Way::Gently { now + policy.drain } else { now };
        self.at(State::Stopping { since: now, term_at, kill_at: term_at + policy.stop_grace, then, killed: false })
    }
    fn then(self, then: After) -> Self {
        let State::Stopping { since, term_at, kill_at, killed, .. } = self.state else { return self };
        self.at(State::Stopping { since, term_at, kill_at, then, killed })
    }
    fn overdue(self) -> Self {
        let State::Stopping { since, term_at, kill_at, then, .. } = self.state else { return self };
        self.at(State::Stopping { since, term_at, kill_at, then, killed: true })
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
    /// Whether a process of it runs.
    pub const fn lives(self) -> bool {
        matches!(self, Self::Booting { .. } | Self::Bound | Self::Exhausted { .. })
    }

    fn exit(self) -> Option<Exit> {
        match self {
            Self::Exited { status } => Some(Exit::Status(status)),
            Self::OutOfMemory { .. } => Some(Exit::Status(137)),
            Self::Nothing | Self::Booting { .. } | Self::Bound | Self::Exhausted { .. } => None,
        }
    }
}
