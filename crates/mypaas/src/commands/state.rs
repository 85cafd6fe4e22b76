//! `status`, `update:check`, `doctor`: how this program and its servers are.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use api_types::Account;
use clap::Args;
use serde_json::json;

use crate::client::Client;
use crate::context::Context;
use crate::credentials;
use crate::error::Error;
use crate::git_remote;
use crate::origin::Origin;
use crate::output;

const PROGRAM: &str = env!("CARGO_PKG_VERSION");

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Says whether the server answers, as what, and to whom.
pub(crate) fn status(context: &Context, args: &Status) -> Result<(), Error> {
    let client = context.client()?;
    let version = client.server_version()?;
    let account: Account = client.get("/account")?;
    if args.json {
        return output::json(&json!({"server": client.origin().to_string(), "version": version, "account": account.email}));
    }
    let rows = [("Server:", client.origin().to_string()), ("Version:", version.unwrap_or_else(|| "not told".to_owned())), ("Account:", account.email)];
    output::table(&rows.map(|(name, value)| vec![name.to_owned(), value]))
}

/// Says when the server is newer than this program. Without a server, a login or a network there is nothing to say.
pub(crate) fn update_check(context: &Context) -> Result<(), Error> {
    let Ok(client) = context.client() else { return Ok(()) };
    let Ok(Some(version)) = client.server_version() else { return Ok(()) };
    if is_newer(&version, PROGRAM) {
        output::line(&format!("{} runs {version}, and this program is {PROGRAM}: update it.", client.origin()))?;
    }
    Ok(())
}

/// Compares `1.10.0` with `1.9.2` as numbers; what is no such version is not newer.
fn is_newer(one: &str, other: &str) -> bool {
    let numbers = |text: &str| text.split(['-', '+']).next()?.split('.').map(|number| number.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    matches!((numbers(one), numbers(other)), (Some(one), Some(other)) if one > other)
}

/// One thing that was looked at: what it is, and what to do if it is not well.
struct Finding {
    what: String,
    cure: Option<String>,
}

/// Looks at everything that this program needs, and fails if something is not well.
pub(crate) fn doctor(context: &Context) -> Result<(), Error> {
    let mut findings = vec![git(), file(context)];
    let mut servers: Vec<Origin> = context.credentials.servers.keys().filter_map(|url| url.parse().ok()).collect();
    servers.extend(context.environment_server()?.filter(|named| !servers.contains(named)));
    if servers.is_empty() {
        findings.push(Finding { what: "no server".into(), cure: Some("log in to one: `mypaas login --server URL`".into()) });
    }
    findings.extend(servers.iter().map(|origin| server(context, origin)));
    for remote in git_remote::remotes() {
        let ours = git_remote::app_of(&remote.url).filter(|(origin, _)| context.server_of_git(origin).is_some());
        if let Some((_, app)) = ours {
            findings.push(Finding { what: format!("git remote {} leads to the app {app}", remote.name), cure: None });
        }
    }
    let sick = findings.iter().filter(|finding| finding.cure.is_some()).count();
    for finding in findings {
        match finding.cure {
            None => output::line(&format!("ok  {}", finding.what))?,
            Some(cure) => output::line(&format!("!!  {}\n    {cure}", finding.what))?,
        }
    }
    match sick {
        0 => Ok(()),
        1 => Err(Error::failed("One thing is not well.")),
        _ => Err(Error::failed(format!("{sick} things are not well."))),
    }
}

fn git() -> Finding {
    let said = Command::new("git").arg("--version").stdin(Stdio::null()).output();
    match said.ok().filter(|said| said.status.success()) {
        Some(said) => Finding { what: String::from_utf8_lossy(&said.stdout).trim().to_owned(), cure: None },
        None => Finding { what: "no git".into(), cure: Some("install git: `git push` is how apps are deployed".into()) },
    }
}

fn file(context: &Context) -> Finding {
    let Ok(path) = credentials::path(&context.environment) else {
        return Finding { what: "no place for credentials".into(), cure: Some("set HOME".into()) };
    };
    let mode = fs::metadata(&path).map(|metadata| metadata.permissions().mode() & 0o777);
    match mode {
        Ok(mode) if mode & 0o077 != 0 => Finding {
            what: format!("{} can be read by others ({mode:03o})", path.display()),
            cure: Some(format!("chmod 600 {}; who could read it may have the tokens", path.display())),
        },
        Ok(_) => Finding { what: format!("{} is for its owner only", path.display()), cure: None },
        Err(_) => Finding { what: format!("{} is not there yet", path.display()), cure: None },
    }
}

fn server(context: &Context, origin: &Origin) -> Finding {
    let asked = || -> Result<String, Error> {
        let client: Client = context.client_of(origin.clone())?;
        let version = client.server_version()?;
        let account: Account = client.get("/account")?;
        Ok(format!("{origin} runs {} and knows {}", version.unwrap_or_else(|| "a version it does not tell".to_owned()), account.email))
    };
    match asked() {
        Ok(what) => Finding { what, cure: None },
        Err(error) => Finding { what: error.to_string(), cure: Some(error.hint().unwrap_or_else(|| "look at its log".to_owned())) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_newer("0.10.0", "0.9.9") && is_newer("1.0", "0.9.9") && is_newer("0.2.0-rc1", "0.1.0"));
        assert!(!is_newer("0.1.0", "0.1.0") && !is_newer("0.1.0+build7", "0.1.0") && !is_newer("latest", "0.1.0"));
    }
}
