//! Lines as drains' receivers read them: RFC 5424 in Heroku's two dialects, each with its length before it (RFC 6587).

use domain::{LogLine, Source};
use jiff::{Timestamp, tz::TimeZone};

use super::lost::Count;
use crate::filter::LOGPLEX;

/// Whom frames are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// HTTPS: host name `host`, one dash, nothing after the message.
    Logplex,
    /// Syslog: the token as host name, two dashes, a line end.
    Syslog,
}

/// One message on its way.
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    /// What is lost with it.
    pub(super) holds: Holds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A line of this time.
    Line(Timestamp),
    /// The notice that lines were lost.
    Notice(Count),
}

/// local5.warning, as Logplex has it.
const NOTICE_PRIORITY: u8 = 172;

impl Frame {
    pub(super) fn line(line: &LogLine, token: &str, dialect: Dialect) -> Self {
        let priority = priority(line);
        Self { bytes: bytes(priority, line, token, dialect), holds: Holds::Line(line.at) }
    }

    /// L10, from the platform itself.
    pub(super) fn notice(count: Count, now: Timestamp, token: &str, dialect: Dialect) -> Self {
        let text = format!("Error L10 (output buffer overflow): {} messages dropped since {}.", count.lines, seconds(count.since));
        let line = LogLine { at: now, source: Source::Heroku, process: LOGPLEX.to_owned(), text };
        Self { bytes: bytes(NOTICE_PRIORITY, &line, token, dialect), holds: Holds::Notice(count) }
    }
}

/// `2026-05-03T17:35:00+00:00`
pub(super) fn seconds(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// What Logplex gives each source: dynos local7.info, the router local3.info, the API local0.info, the dyno manager syslog.notice.
fn priority(line: &LogLine) -> u8 {
    match (line.source, line.process.as_str()) {
        (Source::App, "api") => 134,
        (Source::App, _) => 190,
        (Source::Heroku, "router") => 158,
        (Source::Heroku, _) => 45,
    }
}

fn bytes(priority: u8, line: &LogLine, token: &str, dialect: Dialect) -> Vec<u8> {
    let at = format!("{:.6}", line.at);
    let (at, source, process, text) = (at.trim_end_matches('Z'), line.source.word(), &line.process, &line.text);
    let message = match dialect {
        Dialect::Logplex => format!("<{priority}>1 {at}+00:00 host {source} {process} - {text}"),
        Dialect::Syslog => format!("<{priority}>1 {at}+00:00 {token} {source} {process} - - {text}\n"),
    };
    format!("{} {message}", message.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(source: Source, process: &str, dialect: Dialect) -> String {
        let line = LogLine { at: "2026-11-21T03:00:00.123456Z".parse().unwrap(), source, process: process.into(), text: "héllo".into() };
        String::from_utf8(Frame::line(&line, "d.1", dialect).bytes).unwrap()
    }

    #[test]
    fn frames_read_as_logplex_writes_them() {
        assert_eq!(framed(Source::App, "web.1", Dialect::Logplex), "63 <190>1 2026-11-21T03:00:00.123456+00:00 host app web.1 - héllo");
        assert_eq!(framed(Source::Heroku, "router", Dialect::Syslog), "69 <158>1 2026-11-21T03:00:00.123456+00:00 d.1 heroku router - - héllo\n");
        assert!(framed(Source::App, "api", Dialect::Logplex).contains("<134>1 "));
        assert!(framed(Source::Heroku, "web.1", Dialect::Logplex).contains("<45>1 "));
        let count = Count { lines: 7, since: "2026-11-21T03:00:00.5Z".parse().unwrap() };
        let notice = Frame::notice(count, "2026-11-21T03:01:00Z".parse().unwrap(), "d.1", Dialect::Syslog);
        assert_eq!(
            String::from_utf8(notice.bytes).unwrap().split_once(' ').unwrap().1,
            "<172>1 2026-11-21T03:01:00.000000+00:00 d.1 heroku logplex - - \
             Error L10 (output buffer overflow): 7 messages dropped since 2026-11-21T03:00:00+00:00.\n"
        );
    }
}
