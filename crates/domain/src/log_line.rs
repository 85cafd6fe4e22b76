//! One line of an app's log.

use std::fmt;

use jiff::Timestamp;

/// Who speaks: the app's own processes, or the platform about the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    App,
    Heroku,
}

impl Source {
    /// As it stands in the line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Heroku => "heroku",
        }
    }
}

/// A line of text with when, who and which process. `Display` is Heroku's format to the character:
/// `2026-11-21T03:00:00.123456+00:00 app[web.1]: text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub at: Timestamp,
    pub source: Source,
    /// `web.1`, `router`, `api`, `run.1234`.
    pub process: String,
    /// Without a line end.
    pub text: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every request has a line: this is many times faster than a pattern over a time zone.
        let at = format!("{:.6}", self.at);
        write!(f, "{}+00:00 {}[{}]: {}", at.trim_end_matches('Z'), self.source.word(), self.process, self.text)
    }
}

/// Logplex's longest line: 10,000 bytes; longer ones are split.
pub const MAX_LINE: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_heroku_writes_it() {
        let at = "2026-11-21T03:00:00.123456Z".parse().unwrap();
        let line = LogLine { at, source: Source::App, process: "web.1".into(), text: "hello".into() };
        assert_eq!(line.to_string(), "2026-11-21T03:00:00.123456+00:00 app[web.1]: hello");
    }
}
