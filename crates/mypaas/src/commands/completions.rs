//! `completions`: scripts for bash, zsh and fish, which ask this program what could come next.

use clap::{Args, Command, ValueEnum};

use api_types::App;

use crate::context::Context;
use crate::error::Error;
use crate::git_remote;
use crate::help;
use crate::output;

const BASH: &str = include_str!("completions/bash");
const ZSH: &str = include_str!("completions/zsh");
const FISH: &str = include_str!("completions/fish");

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Complete {
    /// What was typed, the word at the cursor last
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Prints the script.
pub(crate) fn script(args: &Completions) -> Result<(), Error> {
    let script = match args.shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
    };
    output::bytes(script.as_bytes())
}

/// Prints what could stand at the cursor, each with what it is behind a tab. Trouble means nothing to offer: nobody reads errors there.
pub(crate) fn complete(context: &Context, args: &Complete) -> Result<(), Error> {
    let (typed, before) = args.words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let mut program = help::program();
    program.build();
    let names = |names: Vec<String>, what: &str| names.into_iter().map(|name| (name, what.to_owned())).collect::<Vec<_>>();
    let offered = match before.last().map(String::as_str) {
        Some("-a" | "--app") => names(apps(context), "app"),
        Some("-r" | "--remote") => names(git_remote::remotes().into_iter().map(|remote| remote.name).collect(), "git remote"),
        Some("--server") => names(context.credentials.servers.keys().cloned().collect(), "server"),
        _ => words(&program, typed, before),
    };
    offered.iter().filter(|(word, _)| word.starts_with(typed)).try_for_each(|(word, what)| output::line(&format!("{word}\t{what}")))
}

fn words(program: &Command, typed: &str, before: &[String]) -> Vec<(String, String)> {
    let command = before.iter().find_map(|word| program.find_subcommand(word));
    let Some(command) = command.filter(|command| command.get_name() != "help") else {
        if typed.starts_with('-') {
            return options(program);
        }
        let about = |command: &Command| command.get_about().map(ToString::to_string).unwrap_or_default();
        return program.get_subcommands().filter(|one| !one.is_hide_set()).map(|one| (one.get_name().to_owned(), about(one))).collect();
    };
    if typed.starts_with('-') {
        return options(command);
    }
    let values = command.get_positionals().flat_map(clap::Arg::get_possible_values);
    values.map(|value| (value.get_name().to_owned(), value.get_help().map(ToString::to_string).unwrap_or_default())).collect()
}

fn options(command: &Command) -> Vec<(String, String)> {
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let described = |argument: &clap::Arg| Some((format!("--{}", argument.get_long()?), argument.get_help().map(ToString::to_string).unwrap_or_default()));
    shown.filter_map(described).collect()
}

fn apps(context: &Context) -> Vec<String> {
    let listed = context.client().ok().and_then(|client| client.list::<App>("/apps").ok());
    listed.unwrap_or_default().into_iter().map(|app| app.name).collect()
}
