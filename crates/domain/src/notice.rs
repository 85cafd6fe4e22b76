//! News about a dyno for its app's log, in Heroku's words.

const KILL: &str = "Stopping process with SIGKILL";

/// What happened to a dyno.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    Up,
    Crashed {
        from: &'static str,
        exit: Exit,
    },
    BootTimeout,
    ExitTimeout,
    /// Its daily restart. `gentle`: its successor starts beside it first.
    Cycling {
        from: &'static str,
        gentle: bool,
    },
    Restarting {
        from: &'static str,
    },
    /// Scaled down. `gentle`: it has time to answer what it was asked.
    Stopping {
        from: &'static str,
        gentle: bool,
    },
    /// With preboot: the generation before is told to end, now that its successor answers.
    Replaced,
    /// Put to sleep.
    Idling {
        from: &'static str,
    },
    /// Back from sleep.
    Awake,
    /// R15.
    OutOfMemory {
        from: &'static str,
        memory: Memory,
    },
    /// The end of a stop.
    Exited(Exit),
    /// Back from a crash.
    Reborn,
}

/// How much memory a dyno uses, and how much it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    pub used_mib: u64,
    pub quota_mib: u64,
}

impl Memory {
    /// R14: over its quota.
    pub const fn is_exceeded(self) -> bool {
        self.used_mib > self.quota_mib
    }

    /// R15: at twice its quota.
    pub const fn is_vastly_exceeded(self) -> bool {
        self.used_mib >= 2 * self.quota_mib
    }

    /// `Process running mem=590M(115.2%)`: tenths of a percent, rounded down.
    fn line(self) -> String {
        let tenths = self.used_mib.saturating_mul(1000) / self.quota_mib.max(1);
        format!("Process running mem={}M({}.{}%)", self.used_mib, tenths / 10, tenths % 10)
    }

    /// What `heroku[web.1]` writes when it is killed for it.
    pub fn vastly_exceeded_lines(self) -> Vec<String> {
        vec![self.line(), "Error R15 (Memory quota vastly exceeded)".to_owned(), KILL.to_owned()]
    }

    /// What `heroku[web.1]` writes while it is over its quota.
    pub fn exceeded_lines(self) -> Vec<String> {
        vec![self.line(), "Error R14 (Memory quota exceeded)".to_owned()]
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Status(i32),
    /// Its container was removed behind the platform's back.
    Vanished,
}

impl Exit {
    fn line(self) -> String {
        match self {
            Self::Status(status) => format!("Process exited with status {status}"),
            Self::Vanished => "Process vanished: its container was removed from outside".to_owned(),
        }
    }
}

impl Notice {
    /// The lines that `heroku[web.1]` writes.
    pub fn lines(self) -> Vec<String> {
        const TERM: &str = "Stopping all processes with SIGTERM";
        // Nothing survives SIGKILL.
        const KILLED: Exit = Exit::Status(137);
        let changed = |from: &str, to: &str| format!("State changed from {from} to {to}");
        match self {
            Self::Up => vec![changed("starting", "up")],
            Self::Crashed { from, exit } => vec![exit.line(), changed(from, "crashed")],
            Self::BootTimeout => vec![
                "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch".to_owned(),
                KILL.to_owned(),
                KILLED.line(),
                changed("starting", "crashed"),
            ],
            Self::ExitTimeout => vec![
                "Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM".to_owned(),
                "Stopping remaining processes with SIGKILL".to_owned(),
            ],
            Self::Cycling { gentle: true, .. } => vec!["Cycling".to_owned()],
            Self::Cycling { from, gentle: false } => vec!["Cycling".to_owned(), changed(from, "starting"), TERM.to_owned()],
            Self::Restarting { from } => {
                let mut lines = vec!["Restarting".to_owned()];
                if from != "starting" {
                    lines.push(changed(from, "starting"));
                }
                lines.push(TERM.to_owned());
                lines
            }
            Self::Stopping { from, gentle: true } => vec![changed(from, "down")],
            Self::Stopping { from, gentle: false } => vec![changed(from, "down"), TERM.to_owned()],
            Self::Replaced => vec![TERM.to_owned()],
            Self::Idling { from } => vec!["Idling".to_owned(), changed(from, "down"), TERM.to_owned()],
            Self::Awake => vec!["Unidling".to_owned(), changed("down", "starting")],
            Self::OutOfMemory { from, memory } => {
                let mut lines = memory.vastly_exceeded_lines();
                lines.extend([KILLED.line(), changed(from, "crashed")]);
                lines
            }
            Self::Exited(exit) => vec![exit.line()],
            Self::Reborn => vec![changed("crashed", "starting")],
        }
    }
}
