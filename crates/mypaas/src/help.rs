//! `help`: topics, commands, error codes. What stands here is made from the commands themselves.

use clap::{Command, CommandFactory};

use crate::cli::Cli;
use crate::codes;
use crate::error::Error;
use crate::output;

/// A topic for every command, by what stands before the colon of one of its names.
const TOPICS: &[(&str, &str)] = &[
    ("access", "who may work on an app"),
    ("admin", "the platform itself, for its admins"),
    ("apps", "create, show, rename, open, give away and destroy apps"),
    ("auth", "log in, log out, who one is"),
    ("authorizations", "tokens of the account"),
    ("buildpacks", "what builds an app"),
    ("builds", "builds without git, and what builds say"),
    ("commands", "all commands in one list"),
    ("completions", "completion for bash, zsh and fish"),
    ("config", "config vars: an app's environment"),
    ("doctor", "what is wrong on this side, and how to mend it"),
    ("domains", "host names that lead to an app"),
    ("drains", "where else an app's log is sent"),
    ("features", "what an app can have switched on"),
    ("gc", "what the server needs no more, for its admins"),
    ("git", "remotes and passwords for git"),
    ("help", "topics, commands, and error codes: `mypaas help H12`"),
    ("heroku", "using Heroku's own command line with this server"),
    ("keys", "SSH keys to push with"),
    ("labs", "features that are being tried out"),
    ("local", "run the Procfile on this machine"),
    ("logs", "an app's log"),
    ("maintenance", "the maintenance page instead of the app"),
    ("man", "the manual page"),
    ("ps", "dynos: how many, how big, restart, stop, wait"),
    ("regions", "where apps can be"),
    ("releases", "releases, their commands, and going back"),
    ("run", "one-off dynos"),
    ("servers", "several servers side by side"),
    ("stacks", "what apps are built and run on"),
    ("status", "whether the server answers, and as what"),
    ("update", "whether this program is behind its server"),
    ("webhooks", "who is told what happens to an app"),
];

/// The program's commands with all that can be said about them.
pub(crate) fn program() -> Command {
    let program = Cli::command();
    let overview = overview(&program);
    program.override_help(overview)
}

/// What `mypaas` and `mypaas --help` say.
fn overview(program: &Command) -> String {
    let about = program.get_about().map(ToString::to_string).unwrap_or_default();
    let rows: Vec<_> = TOPICS.iter().map(|(name, words)| vec![format!("  {name}"), (*words).to_owned()]).collect();
    let topics = output::columns(&rows).join("\n");
    format!(
        "{about}.\n\nUsage: mypaas COMMAND [-a APP] [-r REMOTE] [--server URL]\n\nTopics (`mypaas help TOPIC` lists what belongs to it):\n{topics}\n\n\
         The app is the one named with -a or MYPAAS_APP, or else the one the git remote here leads to.\n\
         MYPAAS_SERVER, MYPAAS_TOKEN and MYPAAS_CA stand in for a login.\n"
    )
}

/// What there is to say about a topic, a command or an error code.
pub(crate) fn help(words: &[String]) -> Result<(), Error> {
    let mut program = program();
    program.build();
    let Some(asked) = words.first() else { return output::bytes(overview(&program).as_bytes()) };
    if let Some(page) = codes::page(asked) {
        return output::bytes(page.as_bytes());
    }
    if asked.eq_ignore_ascii_case("codes") {
        return output::table(&codes::titles().map(|(code, title)| vec![code.to_owned(), title.to_owned()]).collect::<Vec<_>>());
    }
    let command = program.get_subcommands().find(|command| !command.is_hide_set() && names(command).any(|name| name == asked));
    let of_topic = |command: &&Command| topic(command) == Some(asked.as_str()) && !command.is_hide_set();
    let rest: Vec<_> = program.get_subcommands().filter(of_topic).filter(|one| command.is_none_or(|command| one.get_name() != command.get_name())).collect();
    if command.is_none() && rest.is_empty() {
        return Err(unknown(asked));
    }
    if let Some(command) = command {
        let mut shown = command.clone().bin_name(format!("mypaas {}", command.get_name()));
        output::bytes(shown.render_help().to_string().as_bytes())?;
        let others: Vec<_> = command.get_all_aliases().map(|alias| format!("mypaas {alias}")).collect();
        if !others.is_empty() {
            output::line(&format!("\nAlso: {}", others.join(", ")))?;
        }
    }
    if !rest.is_empty() {
        output::line(if command.is_some() { "\nCommands of this topic:" } else { "Commands of this topic:" })?;
        output::table(&rest.iter().map(|command| row(command, "  ")).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Lists all commands.
pub(crate) fn commands(json: bool) -> Result<(), Error> {
    let program = program();
    let mut all: Vec<_> = program.get_subcommands().filter(|command| !command.is_hide_set()).collect();
    all.sort_by_key(|command| command.get_name().to_owned());
    if json {
        let about = |command: &Command| command.get_about().map(ToString::to_string);
        let aliases = |command: &Command| command.get_all_aliases().map(str::to_owned).collect::<Vec<_>>();
        let all: Vec<_> =
            all.into_iter().map(|command| serde_json::json!({"name": command.get_name(), "about": about(command), "aliases": aliases(command)})).collect();
        return output::json(&all);
    }
    output::table(&all.into_iter().map(|command| row(command, "")).collect::<Vec<_>>())
}

fn row(command: &Command, indent: &str) -> Vec<String> {
    vec![format!("{indent}{}", command.get_name()), command.get_about().map(ToString::to_string).unwrap_or_default()]
}

fn names(command: &Command) -> impl Iterator<Item = &str> {
    std::iter::once(command.get_name()).chain(command.get_all_aliases())
}

/// The topic of a command: before the colon of its name, or of another of its names, or the name itself.
fn topic(command: &Command) -> Option<&str> {
    let known = |name: &&str| TOPICS.iter().any(|(topic, _)| topic == name);
    let before_colon = |name| str::split_once(name, ':').map(|(before, _)| before);
    let own = before_colon(command.get_name()).or(Some(command.get_name())).filter(known);
    own.or_else(|| names(command).filter_map(before_colon).find(known))
}

fn unknown(asked: &str) -> Error {
    Error::failed_with_hint(format!("There is no help on {asked:?}."), "`mypaas help` lists the topics, `mypaas help codes` the error codes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_belongs_to_a_topic_and_every_topic_has_one() {
        let program = program();
        let commands: Vec<_> = program.get_subcommands().filter(|command| !command.is_hide_set()).collect();
        for command in &commands {
            assert!(topic(command).is_some(), "{} belongs to no topic", command.get_name());
            assert!(command.get_about().is_some(), "{} says nothing about itself", command.get_name());
        }
        for (name, _) in TOPICS {
            assert!(commands.iter().any(|command| topic(command) == Some(name)), "{name} has no command");
        }
        assert!(TOPICS.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn no_name_means_two_commands() {
        let program = program();
        let mut all: Vec<_> = program.get_subcommands().flat_map(names).collect();
        all.sort_unstable();
        let doubled: Vec<_> = all.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(doubled.is_empty(), "{doubled:?}");
        // clap's own check of the whole tree.
        super::program().debug_assert();
    }
}
