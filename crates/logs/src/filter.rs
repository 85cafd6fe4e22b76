//! Which lines a person wants to see.

use domain::{LogLine, Source};

/// Who speaks of drains and tails in an app's log. No dyno is named like this.
pub(crate) const LOGPLEX: &str = "logplex";

/// `heroku logs --dyno web.1 --source app`. Empty: every line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `web.1`, or `web` for all its dynos, or `router`.
    pub dyno: Option<String>,
    pub source: Option<Source>,
    /// Without what is said about drains: it must not go into one, or losing a line would make another.
    pub but_logplex: bool,
}

impl Filter {
    /// Whether this line is wanted.
    pub fn matches(&self, line: &LogLine) -> bool {
        let of_dyno = |dyno: &String| match line.process.strip_prefix(dyno.as_str()) {
            Some("") => true,
            Some(rest) => rest.starts_with('.') && !dyno.contains('.'),
            None => false,
        };
        if self.but_logplex && line.source == Source::Heroku && line.process == LOGPLEX {
            return false;
        }
        self.source.is_none_or(|source| source == line.source) && self.dyno.as_ref().is_none_or(of_dyno)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_means_all_its_dynos() {
        for (dyno, source, process, of, matches) in [
            (None, None, "web.1", Source::App, true),
            (Some("web"), None, "web.1", Source::App, true),
            (Some("web"), None, "web.12", Source::Heroku, true),
            (Some("web.1"), None, "web.1", Source::App, true),
            (Some("web.1"), None, "web.12", Source::App, false),
            (Some("web.1"), None, "web.1.2", Source::App, false),
            (Some("web"), None, "webhook.1", Source::App, false),
            (Some("router"), None, "router", Source::Heroku, true),
            (None, Some(Source::App), "router", Source::Heroku, false),
            (Some("web"), Some(Source::Heroku), "web.1", Source::App, false),
        ] {
            let filter = Filter { dyno: dyno.map(str::to_owned), source, but_logplex: false };
            let line = LogLine { at: jiff::Timestamp::UNIX_EPOCH, source: of, process: process.into(), text: String::new() };
            assert_eq!(filter.matches(&line), matches, "{filter:?} {process}");
        }
    }
}
