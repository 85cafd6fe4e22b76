//! `dyno-init [--profile] -- COMMAND`: the first process of every dyno.
//!
//! Runs the command by `bash -c` in `$HOME`, with `--profile` after everything in `.profile.d`. It reaps orphans, passes
//! SIGTERM on to *all* processes as Heroku does, and ends with the command's exit status (128 + n for signal n).

mod script;
mod watch;

use std::{
    env,
    io::{IsTerminal, stdin},
    path::Path,
    process::{Command, ExitCode},
};

use crate::watch::Watch;

/// Not found, as shells say it.
const NOT_FOUND: u8 = 127;
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let Some(asked) = Asked::parse(env::args().skip(1)) else {
        eprintln!("usage: dyno-init [--profile] -- COMMAND");
        return ExitCode::from(USAGE);
    };
    let watch = match Watch::begin(stdin().is_terminal()) {
        Ok(watch) => watch,
        Err(error) => {
            eprintln!("dyno-init: signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut bash = Command::new(script::shell());
    bash.arg("-c").arg(script::text(&asked.command, asked.profile));
    if let Some(home) = env::var_os("HOME").filter(|home| Path::new(home).is_dir()) {
        bash.current_dir(home);
    }
    match watch.run(&mut bash) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("dyno-init: bash: {error}");
            ExitCode::from(NOT_FOUND)
        }
    }
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    profile: bool,
    command: String,
}

impl Asked {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut first = arguments.next()?;
        let profile = first == "--profile";
        if profile {
            first = arguments.next()?;
        }
        let command = arguments.next().filter(|_| first == "--")?;
        arguments.next().is_none().then_some(Self { profile, command })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile inputs 25.
    #[test]
    fn the_command_is_one_argument_after_two_dashes() {
        let parse = |words: &[&str]| Asked::parse(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(parse(&["--profile", "--", "node a.js"]), Some(Asked { profile: true, command: "node a.js".into() }));
        assert_eq!(parse(&["--", "--profile"]), Some(Asked { profile: false, command: "--profile".into() }));
        for wrong in [&[][..], &["--profile"], &["ls"], &["--", "ls", "-l"], &["--profile", "ls"]] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
