//! News about a dyno for its app's log, in Heroku's words.

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
    Cycling {
        from: &'static str,
    },
    Restarting {
        from: &'static str,
    },
    /// Scaled down.
    Stopping {
        from: &'static str,
    },
    /// The end of a stop.
    Exited(Exit),
    /// Back from a crash.
    Reborn,
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
        let changed = |from: &str, to: &str| format!("State changed from {from} to {to}");
        match self {
            Self::Up => vec![changed("starting", "up")],
            Self::Crashed { from, exit } => vec![exit.line(), changed(from, "crashed")],
            Self::BootTimeout => vec![
                "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch".to_owned(),
                "Stopping process with SIGKILL".to_owned(),
                changed("starting", "crashed"),
            ],
            Self::ExitTimeout => vec![
                "Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM".to_owned(),
                "Stopping remaining processes with SIGKILL".to_owned(),
            ],
            Self::Cycling { from } => vec!["Cycling".to_owned(), changed(from, "starting"), TERM.to_owned()],
            Self::Restarting { from } => {
                let mut lines = vec!["Restarting".to_owned()];
                if from != "starting" {
                    lines.push(changed(from, "starting"));
                }
                lines.push(TERM.to_owned());
                lines
            }
            Self::Stopping { from } => vec![changed(from, "down"), TERM.to_owned()],
            Self::Exited(exit) => vec![exit.line()],
            Self::Reborn => vec![changed("crashed", "starting")],
        }
    }
}
