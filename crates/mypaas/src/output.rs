//! Data goes to stdout, talk goes to stderr.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::action;
pub(crate) use crate::action::Action;
use crate::error::Error;

/// Writes one line of data.
pub(crate) fn line(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).map_err(Error::Stdout)
}

/// Writes data as it is and hands it on at once.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Error::Stdout)
}

/// Writes data as JSON.
pub(crate) fn json(data: &impl Serialize) -> Result<(), Error> {
    line(&serde_json::to_string_pretty(data).map_err(|error| Error::Stdout(error.into()))?)
}

/// Writes `=== heading` and an empty line.
pub(crate) fn heading(text: &str) -> Result<(), Error> {
    line(&format!("=== {text}\n"))
}

/// Writes rows in columns that are as wide as their widest cell.
pub(crate) fn table(rows: &[Vec<String>]) -> Result<(), Error> {
    for row in columns(rows) {
        line(&row)?;
    }
    Ok(())
}

/// Says something to the person; when nobody listens, that is fine.
pub(crate) fn talk(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}{text}", action::before_talk());
}

/// Whether stdout may be coloured.
pub(crate) fn colour(no_color: bool) -> bool {
    !no_color && io::stdout().is_terminal()
}

/// A log line with its `app[web.1]:` coloured, each name in its own colour.
pub(crate) fn paint_log_line(text: &str) -> String {
    let Some((head, rest)) = text.split_once("]:") else { return text.to_owned() };
    let Some((_, name)) = head.split_once('[') else { return text.to_owned() };
    format!("{}{rest}", paint(name, &format!("{head}]:")))
}

/// Text in the colour of a name: each has its own, always the same.
pub(crate) fn paint(name: &str, text: &str) -> String {
    const COLOURS: [u8; 5] = [33, 36, 32, 35, 34];
    let sum: usize = name.bytes().map(usize::from).sum();
    format!("\u{1b}[{}m{text}\u{1b}[0m", COLOURS[sum % COLOURS.len()])
}

/// Rows in columns that are as wide as their widest cell, without space at the end.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(width).collect();
    let written = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(written).collect()
}

/// `KEY='value'` as a shell reads it.
pub(crate) fn shell_assignment(key: &str, value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,".contains(&byte);
    if !value.is_empty() && value.bytes().all(plain) { format!("{key}={value}") } else { format!("{key}='{}'", value.replace('\'', r"'\''")) }
}

/// Bytes as a person reads them: `12 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let mut amount = bytes;
    for unit in ["B", "KB", "MB", "GB"] {
        if amount < 1024 {
            return format!("{amount} {unit}");
        }
        // Half up, as one rounds by hand.
        amount = (amount + 512) / 1024;
    }
    format!("{amount} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_without_trailing_space() {
        let rows = [["v12", "Set ÄB config vars", "me"], ["v1", "Initial release", ""]].map(|row| row.map(String::from).to_vec());
        assert_eq!(columns(&rows), ["v12  Set ÄB config vars  me", "v1   Initial release"]);
    }

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(shell_assignment("A", "postgres://u:p@h/db"), "A=postgres://u:p@h/db");
        assert_eq!(shell_assignment("A", "it's $HOME"), r"A='it'\''s $HOME'");
        assert_eq!(shell_assignment("A", ""), "A=''");
    }

    #[test]
    fn sizes_are_round() {
        assert_eq!([size(0), size(1023), size(1024), size(13_000_000)], ["0 B", "1023 B", "1 KB", "12 MB"]);
    }

    #[test]
    fn only_the_head_of_a_log_line_is_painted() {
        let painted = paint_log_line("2026-01-01T00:00:00+00:00 app[web.1]: hello [x]: y");
        assert!(painted.ends_with("app[web.1]:\u{1b}[0m hello [x]: y"), "{painted:?}");
        assert_eq!(paint_log_line("no head"), "no head");
    }
}
