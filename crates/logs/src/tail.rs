//! What a tail gives.

use std::fmt;

use domain::{LogLine, Source};
use jiff::{Timestamp, tz::TimeZone};

/// One thing a tail has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailEvent {
    Line {
        seq: u64,
        line: LogLine,
    },
    /// The reader was too slow: so many lines for it were thrown away, the first of them written at this time.
    Dropped {
        count: u64,
        since: Timestamp,
    },
}

impl TailEvent {
    /// The number to resume after (`Last-Event-ID`); a notice has none.
    pub fn seq(&self) -> Option<u64> {
        match self {
            Self::Line { seq, .. } => Some(*seq),
            Self::Dropped { .. } => None,
        }
    }
}

/// As `heroku logs` shows it; what was dropped in the words of L11.
impl fmt::Display for TailEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line, .. } => line.fmt(f),
            Self::Dropped { count, since } => {
                let at = since.to_zoned(TimeZone::UTC);
                let text =
                    format!("Error L11 (Tail buffer overflow) -> This tail session dropped {count} messages since {}", at.strftime("%Y-%m-%dT%H:%M:%S+00:00"));
                LogLine { at: *since, source: Source::Heroku, process: "logplex".to_owned(), text }.fmt(f)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_reads_as_l11() {
        let dropped = TailEvent::Dropped { count: 1101, since: "2026-05-03T17:35:00.5Z".parse().unwrap() };
        assert_eq!(
            dropped.to_string(),
            "2026-05-03T17:35:00.500000+00:00 heroku[logplex]: Error L11 (Tail buffer overflow) -> \
             This tail session dropped 1101 messages since 2026-05-03T17:35:00+00:00"
        );
    }
}
