//! What a one-off dyno is asked for: its environment, and whether there is a terminal at the other end.

use api_types::{DynoCreate, DynoEnv};
use engine::{Refusal, one_off::NewOneOff};

/// Heroku's limit for config vars; nobody types more.
const MAX_ENV: usize = 64 * 1024;

/// Reads the request. A client with a terminal says how large it is.
pub(crate) fn one_off(asked: DynoCreate) -> Result<NewOneOff, Refusal> {
    if asked.time_to_live.is_some() {
        return Err(Refusal::NotYet("`time_to_live` is not built yet. Put `timeout 60` before the command instead.".to_owned()));
    }
    let DynoEnv(env) = asked.env.unwrap_or_default();
    if env.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > MAX_ENV {
        return Err(Refusal::Invalid(format!("The environment is too large (maximum is {MAX_ENV} bytes)")));
    }
    if let Some(key) = env.iter().find_map(|(key, value)| (!carries(key, value)).then_some(key)) {
        return Err(Refusal::Invalid(format!("An environment cannot carry {:?}", key.chars().take(40).collect::<String>())));
    }
    let number = |name: &str| env.get(name)?.parse::<u16>().ok().filter(|&number| number > 0);
    let attach = asked.attach.unwrap_or(false);
    let wanted = attach && !asked.force_no_tty.unwrap_or(false);
    let terminal = number("COLUMNS").zip(number("LINES")).filter(|_| wanted);
    Ok(NewOneOff { command: asked.command, env: env.into_iter().collect(), size: asked.size, process_type: asked.process_type, attach, terminal })
}

fn carries(key: &str, value: &str) -> bool {
    let starts = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !value.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(body: &str) -> Result<Option<(u16, u16)>, String> {
        one_off(serde_json::from_str(body).unwrap()).map(|new| new.terminal).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_terminal_is_one_that_has_a_size() {
        let size = r#""env":{"TERM":"xterm","COLUMNS":111,"LINES":33}"#;
        for (body, expected) in [
            (format!(r#"{{"attach":true,"command":"bash",{size}}}"#), Some((111, 33))),
            (format!(r#"{{"attach":true,"command":"bash","force_no_tty":true,{size}}}"#), None),
            (format!(r#"{{"attach":false,"command":"bash",{size}}}"#), None),
            (r#"{"attach":true,"command":"bash","env":{"TERM":"dumb"}}"#.to_owned(), None),
            (r#"{"attach":true,"command":"bash","env":{"COLUMNS":"0","LINES":"70000"}}"#.to_owned(), None),
        ] {
            assert_eq!(terminal(&body), Ok(expected), "{body}");
        }
    }

    #[test]
    fn refuses_what_an_environment_cannot_carry() {
        for body in [
            r#"{"command":"a","env":{"A=B":"1"}}"#,
            r#"{"command":"a","env":{"":"1"}}"#,
            r#"{"command":"a","env":{"A":"\u0000"}}"#,
            r#"{"command":"a","time_to_live":60}"#,
        ] {
            assert!(terminal(body).is_err(), "{body}");
        }
    }
}
