//! `maintenance`, `maintenance:on`, `maintenance:off`.

use api_types::{App, AppUpdate};
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Prints `on` or `off`.
pub(crate) fn show(context: &Context, args: &Show) -> Result<(), Error> {
    let asked = context.app()?;
    let app: App = asked.client.get(&asked.path(&[]))?;
    if args.json {
        return output::json(&json!({"maintenance": app.maintenance}));
    }
    output::line(if app.maintenance { "on" } else { "off" })
}

/// Turns maintenance mode on or off.
pub(crate) fn switch(context: &Context, on: bool) -> Result<(), Error> {
    let asked = context.app()?;
    let verb = if on { "Enabling" } else { "Disabling" };
    let action = Action::start(&format!("{verb} maintenance mode for ⬢ {}", asked.name));
    let _: App = asked.client.patch(&asked.path(&[]), &AppUpdate { maintenance: Some(on), ..AppUpdate::default() })?;
    action.done();
    Ok(())
}
