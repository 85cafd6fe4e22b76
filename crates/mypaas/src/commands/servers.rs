//! `servers` and its kin: the servers one is logged in to, side by side.

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::error::Error;
use crate::origin::Origin;
use crate::output;
use crate::target::TargetError;

pub(crate) use super::listing::List;

/// Names a server.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Address of the server, as `servers` lists it
    url: String,
}

/// Lists the servers; a star marks the one that commands go to when nothing else says where.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let credentials = &context.credentials;
    let current = |url: &String| credentials.current.as_ref() == Some(url);
    if args.json {
        let all: Vec<_> = credentials.servers.iter().map(|(url, stored)| json!({"url": url, "email": stored.email, "current": current(url)})).collect();
        return output::json(&all);
    }
    if credentials.servers.is_empty() {
        output::talk("You are not logged in to a server.");
        return Ok(());
    }
    let row = |(url, stored): (&String, &crate::credentials::StoredServer)| {
        let known = if stored.token.is_some() { stored.email.clone().unwrap_or_default() } else { "not logged in".to_owned() };
        vec![format!("{} {url}", if current(url) { '*' } else { ' ' }), known]
    };
    output::table(&credentials.servers.iter().map(row).collect::<Vec<_>>())
}

/// Has commands go to another server when nothing else says where.
pub(crate) fn choose(context: &mut Context, args: &One) -> Result<(), Error> {
    let server: Origin = args.url.parse()?;
    if context.credentials.server(&server).is_none_or(|stored| stored.token.is_none()) {
        return Err(TargetError::NotLoggedIn(server).into());
    }
    context.credentials.current = Some(server.to_string());
    context.save()?;
    output::talk(&format!("Commands go to {server} now"));
    Ok(())
}
