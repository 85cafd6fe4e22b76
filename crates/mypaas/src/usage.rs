//! What was typed but cannot be understood, as a sentence with what to do next.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::Error;

/// clap's error in this program's words. `command` is what was typed where a command stands.
pub(crate) fn explain(error: &clap::Error, command: Option<&str>) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let invalid = text(ContextKind::InvalidArg).unwrap_or_default();
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string().trim_start_matches("Usage:").trim().to_owned(),
        _ => command.map_or_else(|| "`mypaas help` lists the topics".to_owned(), |command| format!("`mypaas help {command}` explains it")),
    };
    let hint = Some::<String>;
    let (sentence, hint) = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let typed = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let suggested = match error.get(ContextKind::SuggestedSubcommand) {
                Some(ContextValue::String(one)) => vec![one.clone()],
                Some(ContextValue::Strings(several)) => several.clone(),
                _ => Vec::new(),
            };
            (format!("{typed:?} is not a mypaas command."), hint(did_you_mean(&typed, &suggested)))
        }
        ErrorKind::UnknownArgument => {
            let near = text(ContextKind::SuggestedArg).map(|near| format!("did you mean {near}? "));
            (format!("{invalid:?} does not belong here."), hint(format!("{}{usage}", near.unwrap_or_default())))
        }
        ErrorKind::MissingRequiredArgument => (format!("{} is missing.", invalid.trim_matches(['<', '>']).replace(['<', '>'], "")), hint(usage)),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if text(ContextKind::InvalidValue).is_some_and(|value| !value.is_empty()) => {
            let value = text(ContextKind::InvalidValue).unwrap_or_default();
            let said = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
            (format!("{value:?} cannot be used for {invalid}{said}."), hint(possible(error).unwrap_or(usage)))
        }
        ErrorKind::InvalidValue | ErrorKind::NoEquals | ErrorKind::TooFewValues => (format!("{invalid} needs a value."), hint(usage)),
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg).unwrap_or_else(|| "another option".to_owned());
            (format!("{invalid} and {other} exclude each other."), hint(usage))
        }
        _ => {
            let said = error.to_string();
            let first = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
            (format!("{}.", first.trim_end_matches('.')), hint(usage))
        }
    };
    Error::Misunderstood { sentence, hint }
}

fn did_you_mean(typed: &str, suggested: &[String]) -> String {
    // Who typed no colon means a command without one, if there is such a one.
    let alike: Vec<_> = suggested.iter().filter(|one| one.contains(':') == typed.contains(':')).collect();
    let suggested = if alike.is_empty() { suggested.iter().collect() } else { alike };
    match suggested.as_slice() {
        [] => "`mypaas help` lists the topics, `mypaas commands` all commands".to_owned(),
        // The best one comes last.
        several => {
            let several: Vec<_> = several.iter().rev().take(3).map(|one| format!("`mypaas {one}`")).collect();
            format!("did you mean {}?", several.join(" or "))
        }
    }
}

fn possible(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => Some(format!("it is one of {}", values.join(", "))),
        _ => None,
    }
}
