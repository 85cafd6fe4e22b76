//! `dyno-init [--log LINES,BYTES] [--profile] -- COMMAND`: the first process of every dyno. `dyno-init [--log LINES,BYTES]
//! --spare SOCKET`: the same, told later what to run. With `--log`, so much of its output is passed on in a second; what is
//! beyond it is dropped and counted.
//!
//! Runs the command by `bash -c` in `$HOME`, with `--profile` (and as a spare) after everything in `.profile.d`. It reaps
//! orphans, passes SIGTERM on to *all* processes as Heroku does, and ends with the command's exit status (128 + n for
//! signal n).

mod gate;
mod outlet;
mod script;
mod spare;
mod watch;

use std::{
    env,
    io::{IsTerminal, stdin},
    path::Path,
    process::{Command, ExitCode},
};

use crate::{gate::Rate, outlet::Outlet, spare::Order, watch::Watch};

/// Not found, as shells say it.
const NOT_FOUND: u8 = 127;
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let Some((rate, asked)) = Asked::parse(env::args().skip(1)) else {
        eprintln!("usage: dyno-init [--log LINES,BYTES] [--profile] -- COMMAND | dyno-init [--log LINES,BYTES] --spare SOCKET");
        return ExitCode::from(USAGE);
    };
    let watch = match Watch::begin(stdin().is_terminal()) {
        Ok(watch) => watch,
        Err(error) => {
            eprintln!("dyno-init: signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (profile, order) = match asked {
        Asked::Run { profile, command } => (profile, Order { command, env: Vec::new() }),
        Asked::Spare { socket } => match spare::wait(Path::new(&socket)) {
            Ok(Some(order)) => (true, order),
            Ok(None) => return ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("dyno-init: {error}");
                return ExitCode::FAILURE;
            }
        },
    };
    let handed_home = order.env.iter().find(|(name, _)| name == "HOME").map(|(_, home)| home.clone());
    let mut bash = Command::new(script::shell());
    bash.arg("-c").arg(script::text(&order.command, profile)).envs(order.env);
    if let Some(home) = handed_home.or_else(|| env::var_os("HOME")).filter(|home| Path::new(home).is_dir()) {
        bash.current_dir(home);
    }
    let outlet = match rate.map(Outlet::begin).transpose() {
        Ok(begun) => begun.map(|(outlet, [out, errors])| {
            bash.stdout(out).stderr(errors);
            outlet
        }),
        Err(error) => {
            eprintln!("dyno-init: output: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = watch.run(&mut bash);
    if let Some(outlet) = outlet {
        outlet.end();
    }
    match ended {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("dyno-init: bash: {error}");
            ExitCode::from(NOT_FOUND)
        }
    }
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Run { profile: bool, command: String },
    Spare { socket: String },
}

impl Asked {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<(Option<Rate>, Self)> {
        let mut first = arguments.next()?;
        let mut rate = None;
        if first == "--log" {
            rate = Some(arguments.next()?.parse().ok()?);
            first = arguments.next()?;
        }
        if first == "--spare" {
            let socket = arguments.next()?;
            return arguments.next().is_none().then_some((rate, Self::Spare { socket }));
        }
        let profile = first == "--profile";
        if profile {
            first = arguments.next()?;
        }
        let command = arguments.next().filter(|_| first == "--")?;
        arguments.next().is_none().then_some((rate, Self::Run { profile, command }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile inputs 25.
    #[test]
    fn the_command_is_one_argument_after_two_dashes() {
        let parse = |words: &[&str]| Asked::parse(words.iter().map(|word| (*word).to_owned()));
        let run = |profile, command: &str| Asked::Run { profile, command: command.into() };
        let rate = Some(Rate { lines: 5, bytes: 700 });
        assert_eq!(parse(&["--profile", "--", "node a.js"]), Some((None, run(true, "node a.js"))));
        assert_eq!(parse(&["--", "--profile"]), Some((None, run(false, "--profile"))));
        assert_eq!(parse(&["--log", "5,700", "--profile", "--", "--log"]), Some((rate, run(true, "--log"))));
        assert_eq!(parse(&["--log", "5,700", "--spare", "/app/s"]), Some((rate, Asked::Spare { socket: "/app/s".into() })));
        assert_eq!(parse(&["--spare", "/app/s"]), Some((None, Asked::Spare { socket: "/app/s".into() })));
        for wrong in [
            &[][..],
            &["--log"],
            &["--log", "5", "--", "ls"],
            &["--log", "5,700"],
            &["--spare"],
            &["--spare", "s", "true"],
            &["--profile"],
            &["ls"],
            &["--", "ls", "-l"],
            &["--profile", "ls"],
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
