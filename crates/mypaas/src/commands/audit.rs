//! `admin:audit`: who asked the server for which change.

use api_types::AuditEvent;
use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Only those of this app, by the name they were asked for with
    #[arg(value_name = "APP_NAME")]
    name: Option<String>,
    /// How many, newest last
    #[arg(short, long, default_value_t = 50, value_name = "N")]
    num: usize,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Lists the last changes, oldest first.
pub(crate) fn show(context: &Context, args: &Show) -> Result<(), Error> {
    let mut events: Vec<AuditEvent> = context.client()?.list("/mypaas/audit-events")?;
    events.sort_by(|one, other| one.created_at.cmp(&other.created_at).then_with(|| one.id.cmp(&other.id)));
    events.retain(|event| args.name.as_ref().is_none_or(|app| event.app.as_ref() == Some(app)));
    let events = events.split_off(events.len().saturating_sub(args.num));
    if args.json {
        return output::json(&events);
    }
    if events.is_empty() {
        output::talk("Nothing was changed.");
        return Ok(());
    }
    let row = |event: &AuditEvent| {
        let status = event.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let nothing = || "-".to_owned();
        vec![
            event.created_at.clone(),
            event.actor.clone(),
            event.source.clone().unwrap_or_else(nothing),
            event.app.clone().unwrap_or_else(nothing),
            status,
            event.action.clone(),
            event.detail.clone().unwrap_or_default(),
        ]
    };
    output::table(&events.iter().map(row).collect::<Vec<_>>())
}
