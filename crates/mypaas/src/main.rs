//! `mypaas`: the command line. It talks to a server through the Platform API and nothing else.

mod action;
mod assignments;
mod attach;
mod browser;
mod cli;
mod client;
mod client_error;
mod clock;
mod codes;
mod commands;
mod context;
mod credentials;
mod environment;
mod error;
mod exit_marker;
mod git_remote;
mod help;
mod origin;
mod output;
mod procfile;
mod progress;
mod prompt;
mod sse;
mod target;
mod terminal;
mod tls;
mod usage;
mod window;
mod words;

use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::error::Error;

fn main() -> ExitCode {
    match understand().and_then(|cli| cli.map_or(Ok(0), commands::run)) {
        Ok(status) => ExitCode::from(status),
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output::talk(&error.render());
            ExitCode::from(error.exit_status())
        }
    }
}

/// What was typed; nothing when that was answered already, with help or the version.
fn understand() -> Result<Option<Cli>, Error> {
    let parsed = help::program().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => Ok(Some(cli)),
        Err(said) if [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand].contains(&said.kind()) => {
            output::bytes(said.to_string().as_bytes())?;
            Ok(None)
        }
        Err(error) => {
            let program = help::program();
            let command = std::env::args().find(|word| program.find_subcommand(word).is_some());
            Err(usage::explain(&error, command.as_deref()))
        }
    }
}
