//! `run` and `run:detached`.

use std::io;

use api_types::{Dyno, DynoCreate, DynoEnv, TerminalSize};
use clap::Args;

use crate::attach::{self, Rendezvous};
use crate::client_error::ClientError;
use crate::context::{App, Context};
use crate::error::Error;
use crate::exit_marker;
use crate::output::{self, Action};
use crate::terminal;
use crate::window::Watch;

#[derive(Args)]
pub(crate) struct Run {
    /// Give the command no terminal
    #[arg(long)]
    no_tty: bool,
    /// The command's exit status is always taken over; this is here because it is not so elsewhere
    #[arg(short = 'x', long = "exit-code", hide = true)]
    _exit_code: bool,
    #[command(flatten)]
    what: What,
}

#[derive(Args)]
pub(crate) struct Detached {
    #[command(flatten)]
    what: What,
}

#[derive(Args)]
struct What {
    /// Size of the dyno
    #[arg(short, long)]
    size: Option<String>,
    /// Process type to run the command as
    #[arg(long = "type", value_name = "TYPE")]
    process_type: Option<String>,
    /// Set a variable for this dyno only; again for another one
    #[arg(short, long, value_name = "KEY=VALUE")]
    env: Vec<String>,
    /// The command; options for this program go before it
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// A command's environment and arguments may hold secrets.
impl std::fmt::Debug for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("What").field("size", &self.size).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.what.fmt(f)
    }
}

impl std::fmt::Debug for Detached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.what.fmt(f)
    }
}

/// Runs a command attached; its exit status is this program's.
pub(crate) fn run(context: &Context, args: Run) -> Result<u8, Error> {
    let app = context.app()?;
    let interactive = terminal::is_interactive() && !args.no_tty;
    let command = join(&args.what.command);
    let mut env = environment(&args.what.env)?;
    let size = terminal::size();
    if interactive {
        env.extend(context.environment.term.clone().map(|term| ("TERM".to_owned(), term)));
        if let Some((columns, lines)) = size {
            env.extend([("COLUMNS".to_owned(), columns.to_string()), ("LINES".to_owned(), lines.to_string())]);
        }
    }
    let request = DynoCreate {
        attach: Some(true),
        command: exit_marker::reporting(&command),
        env: Some(DynoEnv(env.into_iter().collect())),
        force_no_tty: (!interactive).then_some(true),
        size: args.what.size,
        process_type: args.what.process_type,
        time_to_live: None,
    };
    let action = Action::start(&format!("Running {command} on ⬢ {}", app.name));
    let dyno: Dyno = app.client.post(&app.path(&["dynos"]), &request)?;
    let Some(url) = &dyno.attach_url else {
        return Err(Error::failed_with_hint(
            format!("{} runs, but the server gave no way to attach to it.", dyno.name),
            format!("`mypaas logs -a {} --dyno {}` shows its output", app.name, dyno.name),
        ));
    };
    let rendezvous = Rendezvous::parse(url)?;
    let config = context.trust(app.client.origin())?.for_rendezvous()?;
    let mut window = None;
    let attached = || {
        action.finish(&format!("up, {} ({})", dyno.name, dyno.size));
        window = interactive.then(|| follow(&app, &dyno, size)).flatten();
    };
    let status = attach::attach(&rendezvous, config, interactive, &mut io::stdout().lock(), attached);
    drop(window);
    let status = status?;
    status.ok_or_else(|| {
        let sentence = format!("The connection to {} ended before the command reported its exit status.", dyno.name);
        Error::failed_with_hint(sentence, format!("`mypaas ps -a {}` shows whether it still runs", app.name))
    })
}

/// Has the dyno's terminal follow the window's size. Silent whatever happens: the terminal is the command's.
fn follow(app: &App, dyno: &Dyno, known: Option<(u16, u16)>) -> Option<Watch> {
    let (client, path) = (app.client.clone(), app.path(&["dynos", &dyno.name, "actions", "resize"]));
    Watch::begin(known, move |(columns, lines)| {
        let told = client.post::<serde_json::Value>(&path, &TerminalSize { columns, lines });
        // An older server has no way to be told.
        !matches!(told, Err(ClientError::NotKnown { .. }))
    })
}

/// Runs a command that goes on by itself; the dyno's name is the data.
pub(crate) fn detached(context: &Context, args: Detached) -> Result<(), Error> {
    let app = context.app()?;
    let command = join(&args.what.command);
    let env = environment(&args.what.env)?;
    let request = DynoCreate {
        attach: Some(false),
        command: command.clone(),
        env: (!env.is_empty()).then(|| DynoEnv(env.into_iter().collect())),
        size: args.what.size,
        process_type: args.what.process_type,
        ..DynoCreate::default()
    };
    let action = Action::start(&format!("Running {command} on ⬢ {}", app.name));
    let dyno: Dyno = app.client.post(&app.path(&["dynos"]), &request)?;
    action.finish(&format!("done, {}", dyno.name));
    output::line(&dyno.name)?;
    output::talk(&format!("Run `mypaas logs --app {} --dyno {}` to view the output.", app.name, dyno.name));
    Ok(())
}

/// The words as one line for the dyno's shell. One word is such a line already; of several, those with spaces or quotes are quoted, and
/// variables stay for the dyno to fill in, as Heroku's command line has it.
fn join(words: &[String]) -> String {
    if let [line] = words {
        return line.clone();
    }
    let quoted = |word: &String| {
        if word.is_empty() || word.contains([' ', '"', '\'', '\t', '\n']) {
            format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""))
        } else {
            word.clone()
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// The value is not repeated in the error: it may be a secret whose key was forgotten.
fn environment(assignments: &[String]) -> Result<Vec<(String, String)>, Error> {
    let parse = |assignment: &String| match assignment.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Error::Usage("A variable must be in the form -e KEY=VALUE.".into())),
    };
    assignments.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_line_for_a_shell() {
        let join = |words: &[&str]| join(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(join(&["cat a b > c"]), "cat a b > c");
        assert_eq!(join(&["node", "-e", "console.log(\"hi\")"]), r#"node -e "console.log(\"hi\")""#);
        assert_eq!(join(&["echo", "$HOME", "a b", ""]), r#"echo $HOME "a b" """#);
    }

    #[test]
    fn a_variable_needs_a_key() {
        assert_eq!(environment(&["A=b=c".to_owned()]).unwrap(), [("A".to_owned(), "b=c".to_owned())]);
        assert!(!environment(&["s3cret".to_owned()]).unwrap_err().to_string().contains("s3cret"));
    }
}
