//! Process types and the Procfile that names them.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// `web`, `worker`, `release`: letters, digits, dashes and underscores.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessType(String);

/// A text that is no process type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Process types can only contain letters, digits, dashes, and underscores (at most 63)")]
pub struct InvalidProcessType;

impl ProcessType {
    /// The type that gets a port and requests.
    pub fn web() -> Self {
        Self("web".to_owned())
    }

    /// Whether it gets a port and requests.
    pub fn is_web(&self) -> bool {
        self.0 == "web"
    }

    /// Whether the formation runs dynos of it at all: the release phase and consoles are one-off dynos.
    pub fn is_formation(&self) -> bool {
        !matches!(self.0.as_str(), "release" | "run" | "console" | "rake" | "scheduler")
    }

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProcessType {
    type Err = InvalidProcessType;

    fn from_str(text: &str) -> Result<Self, InvalidProcessType> {
        let legal = (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if legal { Ok(Self(text.to_owned())) } else { Err(InvalidProcessType) }
    }
}

impl fmt::Display for ProcessType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In bytes.
const LONGEST_LINE: usize = 65_536;
const MOST_TYPES: usize = 100;

/// Which command each process type runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Procfile(pub BTreeMap<ProcessType, String>);

/// Why a Procfile cannot be used; the line is counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProcfile {
    #[error("Procfile is not text: line {line} is not valid UTF-8")]
    NotText { line: usize },
    #[error("Procfile line {line} does not read `type: command`: {text}")]
    Line { line: usize, text: String },
    #[error("Procfile line {line} declares `{process_type}` again")]
    Twice { line: usize, process_type: String },
    #[error("Procfile line {line} is too long (maximum is 65536 bytes)")]
    TooLong { line: usize },
    #[error("Procfile declares too many process types (maximum is 100)")]
    TooMany,
    #[error("Procfile declares no process types; write lines like `web: node server.js`")]
    Empty,
}

/// Why process types that came by another way than a Procfile cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProcessTypes {
    #[error(transparent)]
    Name(#[from] InvalidProcessType),
    #[error("The process type `{0}` has no command")]
    NoCommand(ProcessType),
    #[error("The command of the process type `{0}` has a NUL byte in it")]
    Nul(ProcessType),
    #[error("The command of the process type `{0}` is too long (maximum is 65536 bytes)")]
    TooLong(ProcessType),
    #[error("These are too many process types (maximum is 100)")]
    TooMany,
}

impl Procfile {
    /// Process types and their commands as they are given to the API; what may be in a Procfile may be here. None at all, too: a
    /// slug can be there for one-off dynos alone.
    pub fn of(given: impl IntoIterator<Item = (String, String)>) -> Result<Self, InvalidProcessTypes> {
        let mut types = BTreeMap::new();
        for (name, command) in given {
            let (name, command): (ProcessType, _) = (name.parse()?, command.trim());
            match command {
                "" => return Err(InvalidProcessTypes::NoCommand(name)),
                _ if command.contains('\0') => return Err(InvalidProcessTypes::Nul(name)),
                _ if command.len() > LONGEST_LINE => return Err(InvalidProcessTypes::TooLong(name)),
                _ => types.insert(name, command.to_owned()),
            };
            if types.len() > MOST_TYPES {
                return Err(InvalidProcessTypes::TooMany);
            }
        }
        Ok(Self(types))
    }

    /// Reads `type: command` lines; blank lines and `#` comments are skipped, CRLF and a byte order mark are tolerated.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidProcfile> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut types = BTreeMap::new();
        for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate().map(|(i, line)| (i + 1, line)) {
            if line.len() > LONGEST_LINE {
                return Err(InvalidProcfile::TooLong { line: number });
            }
            let text = std::str::from_utf8(line).map_err(|_| InvalidProcfile::NotText { line: number })?.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let malformed = || InvalidProcfile::Line { line: number, text: text.escape_debug().take(80).collect() };
            let (name, command) = text.split_once(':').ok_or_else(malformed)?;
            let (name, command): (ProcessType, _) = (name.parse().map_err(|_| malformed())?, command.trim());
            if command.is_empty() || command.contains('\0') {
                return Err(malformed());
            }
            if types.insert(name, command.to_owned()).is_some() {
                return Err(InvalidProcfile::Twice { line: number, process_type: text.split(':').next().unwrap_or_default().to_owned() });
            }
            if types.len() > MOST_TYPES {
                return Err(InvalidProcfile::TooMany);
            }
        }
        if types.is_empty() { Err(InvalidProcfile::Empty) } else { Ok(Self(types)) }
    }

    /// This Procfile's types, and a buildpack's default for each type it does not name (Heroku: overridden per name).
    pub fn or_defaults(self, defaults: &Self) -> Self {
        let mut types = defaults.0.clone();
        types.extend(self.0);
        Self(types)
    }

    /// The command of this type.
    pub fn command(&self, process_type: &ProcessType) -> Option<&str> {
        self.0.get(process_type).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_types_and_commands() {
        let procfile = Procfile::parse(b"\xef\xbb\xbfweb: bin/web -p $PORT && true\r\n\r\n# a comment\nworker:  sidekiq \n").unwrap();
        assert_eq!(procfile.0.iter().map(|(t, c)| format!("{t}={c}")).collect::<Vec<_>>(), ["web=bin/web -p $PORT && true", "worker=sidekiq"]);
    }

    /// Hostile inputs 24.
    #[test]
    fn says_which_line_is_wrong() {
        let long = [b"web: ".as_slice(), &[b'x'; 70_000]].concat();
        for (bytes, sentence) in [
            (b"web: a\nweb;id: b".as_slice(), "Procfile line 2 does not read `type: command`: web;id: b"),
            (b"web node", "Procfile line 1 does not read `type: command`: web node"),
            (b"web:", "Procfile line 1 does not read `type: command`: web:"),
            (b"web: a\nweb: b", "Procfile line 2 declares `web` again"),
            (b"web: a\n\xff", "Procfile is not text: line 2 is not valid UTF-8"),
            (b"# nothing", "Procfile declares no process types; write lines like `web: node server.js`"),
            (&long, "Procfile line 1 is too long (maximum is 65536 bytes)"),
        ] {
            assert_eq!(Procfile::parse(bytes).unwrap_err().to_string(), sentence);
        }
    }
    #[test]
    fn types_are_given_without_a_file_too() {
        let of = |given: &[(&str, String)]| Procfile::of(given.iter().map(|(name, command)| ((*name).to_owned(), command.clone())));
        assert_eq!(of(&[("web", " bin/web\n".to_owned())]).unwrap().command(&ProcessType::web()), Some("bin/web"));
        assert_eq!(of(&[]), Ok(Procfile::default()));
        for (name, command, sentence) in [
            ("we b", "x".to_owned(), "Process types can only contain letters, digits, dashes, and underscores (at most 63)"),
            ("web", " ".to_owned(), "The process type `web` has no command"),
            ("web", "a\0b".to_owned(), "The command of the process type `web` has a NUL byte in it"),
            ("web", "x".repeat(65_537), "The command of the process type `web` is too long (maximum is 65536 bytes)"),
        ] {
            assert_eq!(of(&[(name, command)]).unwrap_err().to_string(), sentence);
        }
        let many = (0..101).map(|n| (format!("t{n}"), "x".to_owned()));
        assert_eq!(Procfile::of(many), Err(InvalidProcessTypes::TooMany));
    }
}
