//! `mypaasd doctor`: looks at everything an installation stands on, changes nothing, and says what to do about what it finds.

mod certificates;
mod machine;
mod network;
mod state;

use std::fmt;

use serde::Serialize;

use crate::config::Config;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Good,
    /// Works, but an admin should know.
    Warning,
    /// Does not work, or would lose something.
    Wrong,
}

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

impl Finding {
    fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, status: Status::Good, found: found.into(), todo: None }
    }

    fn warning(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, status: Status::Warning, found: found.into(), todo: Some(todo.into()) }
    }

    fn wrong(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, status: Status::Wrong, found: found.into(), todo: Some(todo.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.status {
            Status::Good => "ok",
            Status::Warning => "warning",
            Status::Wrong => "WRONG",
        };
        write!(f, "{word:<8} {:<13} {}", self.check, self.found)?;
        self.todo.as_ref().map_or(Ok(()), |todo| write!(f, "\n{:23}→ {todo}", ""))
    }
}

/// Looks, and prints what it found; whether nothing is wrong.
pub(crate) async fn run(config: &Config, json: bool) -> anyhow::Result<bool> {
    let mut findings = machine::look(config).await;
    findings.extend(network::look(config).await);
    findings.extend(certificates::look(config));
    findings.extend(state::look(config).await);
    let worst = findings.iter().map(|finding| finding.status).max().unwrap_or(Status::Good);
    let text = if json { serde_json::to_string_pretty(&findings)? } else { findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") };
    #[expect(clippy::print_stdout, reason = "it is what was asked for")]
    {
        println!("{text}");
    }
    if !json {
        let count = |status| findings.iter().filter(|finding| finding.status == status).count();
        eprintln!("\n{} looked at: {} wrong, {} to know about", findings.len(), count(Status::Wrong), count(Status::Warning));
    }
    Ok(worst < Status::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_for_people_and_for_programs() {
        let findings = [Finding::good("engine", "Docker 28"), Finding::wrong("disk", "it is full", "make room")];
        assert_eq!(findings[0].to_string(), "ok       engine        Docker 28");
        assert_eq!(findings[1].to_string(), "WRONG    disk          it is full\n                       → make room");
        assert_eq!(serde_json::to_string(&findings[1]).unwrap(), r#"{"check":"disk","status":"wrong","found":"it is full","todo":"make room"}"#);
        assert!(Status::Wrong > Status::Warning && Status::Warning > Status::Good);
    }
}
