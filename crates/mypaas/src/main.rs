//! `mypaas`: the command line. It talks to a server through the Platform API and nothing else.

mod attach;
mod cli;
mod client;
mod client_error;
mod clock;
mod commands;
mod context;
mod credentials;
mod environment;
mod error;
mod exit_marker;
mod git_remote;
mod origin;
mod output;
mod sse;
mod target;
mod terminal;
mod tls;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output::talk(&error.render());
            ExitCode::from(error.exit_status())
        }
    }
}
