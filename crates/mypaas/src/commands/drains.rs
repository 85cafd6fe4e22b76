//! `drains`, `drains:add`, `drains:remove`: where the app's log is sent.

use api_types::{LogDrain, LogDrainCreate};
use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::output;

pub(crate) use super::listing::List;

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// https://…, syslog://HOST:PORT or syslog+tls://HOST:PORT
    url: String,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// URL, token (d.…) or id of the drain
    #[arg(value_name = "DRAIN")]
    named: String,
}

/// Lists the drains.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let drains: Vec<LogDrain> = app.client.list(&app.path(&["log-drains"]))?;
    if args.json {
        return output::json(&drains);
    }
    if drains.is_empty() {
        output::talk(&format!("There are no log drains on ⬢ {}.", app.name));
        return Ok(());
    }
    output::heading("Drains")?;
    drains.iter().try_for_each(|drain| output::line(&format!("{} ({})", drain.url.expose(), drain.token)))
}

/// Adds a drain.
pub(crate) fn add(context: &Context, args: &Add) -> Result<(), Error> {
    let app = context.app()?;
    let drain: LogDrain = app.client.post(&app.path(&["log-drains"]), &LogDrainCreate { url: args.url.as_str().into() })?;
    output::line(&format!("Successfully added drain {}", drain.url.expose()))
}

/// Removes a drain.
pub(crate) fn remove(context: &Context, args: &Remove) -> Result<(), Error> {
    let app = context.app()?;
    let drains: Vec<LogDrain> = app.client.list(&app.path(&["log-drains"]))?;
    // By id where we know it: a URL in a path ends up in logs.
    let id = drains.iter().find(|drain| drain.url.expose() == args.named).map_or(args.named.as_str(), |drain| &drain.id);
    app.client.delete(&app.path(&["log-drains", id]))?;
    output::line(&format!("Successfully removed drain {}", args.named))
}
