//! One-off dynos: `run`, the release phase.

use jiff::Timestamp;

use crate::{app::AppId, dyno::DynoName, dyno_size::DynoSize, ids::Id, release::ReleaseVersion};

/// A dyno that runs one command once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOff {
    pub id: OneOffId,
    pub app: AppId,
    /// `run.4321`.
    pub name: DynoName,
    pub release: ReleaseVersion,
    pub command: String,
    pub size: DynoSize,
    pub attached: bool,
    /// Whether its container has been started.
    pub started: bool,
    pub created_at: Timestamp,
}
pub type OneOffId = Id<OneOff>;

/// A command as people typed it: without the `echo` that clients append to learn its exit status (Heroku: `run --exit-code`).
pub fn typed(command: &str) -> &str {
    let Some(command) = command.strip_suffix(" ; echo \"\u{FFFF} heroku-command-exit-status: $?\"") else { return command };
    command.strip_prefix("( ").and_then(|inner| inner.strip_suffix("\n)")).unwrap_or(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_appended_echo_is_not_shown() {
        assert_eq!(typed("ls -l"), "ls -l");
        assert_eq!(typed("exit 3 ; echo \"\u{FFFF} heroku-command-exit-status: $?\""), "exit 3");
        assert_eq!(typed("( exit 3\n) ; echo \"\u{FFFF} heroku-command-exit-status: $?\""), "exit 3");
    }
}
