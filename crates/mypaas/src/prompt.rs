//! What the person is asked, on stderr, and answers on stdin.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::Error;
use crate::output;

/// Has a thing's name typed a second time, or given with `--confirm`, before `what` happens to it: "destroyed".
pub(crate) fn confirm_name(name: &str, given: Option<&str>, warning: &str, what: &str) -> Result<(), Error> {
    let typed = match given {
        Some(given) => given.to_owned(),
        None if !io::stdin().is_terminal() => {
            return Err(Error::failed_with_hint(
                format!("There is no terminal to ask whether {name} should really be {what}."),
                format!("add `--confirm {name}`"),
            ));
        }
        None => {
            output::talk(&format!(" ▸    WARNING: {warning}"));
            output::talk(&format!(" ▸    To proceed, type {name} or re-run this command with\n ▸    --confirm {name}\n"));
            ask("> ")?
        }
    };
    if typed == name { Ok(()) } else { Err(Error::failed(format!("Confirmation {typed:?} did not match {name}; nothing was {what}."))) }
}

/// A question that only a clear yes answers with yes. Without a terminal nobody is asked, and what was typed counts as meant.
pub(crate) fn yes(question: &str) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Ok(true);
    }
    Ok(["y", "yes"].contains(&ask(&format!("{question} (y/N) "))?.to_ascii_lowercase().as_str()))
}

/// One line of stdin.
pub(crate) fn line() -> Result<String, Error> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(Error::Stdin)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn ask(prompt: &str) -> Result<String, Error> {
    let _ = write!(io::stderr(), "{prompt}");
    Ok(line()?.trim().to_owned())
}
