//! `ps`, `ps:restart`, `ps:stop`.

use std::collections::BTreeMap;

use api_types::Dyno;
use clap::Args;

use crate::clock;
use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only these process types
    #[arg(value_name = "TYPE")]
    types: Vec<String>,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restart {
    /// A dyno (web.1) or a process type (web); all dynos when left out
    #[arg(value_name = "DYNO|TYPE")]
    what: Option<String>,
    #[command(flatten)]
    named: Named,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// A dyno (run.1234) or a process type (run)
    #[arg(value_name = "DYNO|TYPE", required_unless_present_any = ["dyno_name", "process_type"])]
    what: Option<String>,
    #[command(flatten)]
    named: Named,
}

/// The same by flags, as Heroku's command line has it now.
#[derive(Debug, Args)]
struct Named {
    /// The dyno
    #[arg(short, long, value_name = "DYNO", conflicts_with_all = ["what", "process_type"])]
    dyno_name: Option<String>,
    /// The process type
    #[arg(short, long, value_name = "TYPE", conflicts_with = "what")]
    process_type: Option<String>,
}

impl Named {
    fn or<'a>(&'a self, what: &'a Option<String>) -> Option<&'a str> {
        what.as_deref().or(self.dyno_name.as_deref()).or(self.process_type.as_deref())
    }
}

/// Lists the dynos, grouped by what they run.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let mut dynos: Vec<Dyno> = app.client.list(&app.path(&["dynos"]))?;
    if !args.types.is_empty() {
        dynos.retain(|dyno| args.types.contains(&dyno.process_type));
    }
    dynos.sort_by_key(|dyno| (dyno.process_type.clone(), number(dyno)));
    if args.json {
        return output::json(&dynos);
    }
    if dynos.is_empty() {
        output::talk(&format!("No dynos on ⬢ {}", app.name));
        return Ok(());
    }
    let now = clock::now();
    let (one_off, formation): (Vec<_>, Vec<_>) = dynos.iter().partition(|dyno| dyno.process_type == "run");
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Dyno>> = BTreeMap::new();
    for dyno in formation {
        groups.entry((&dyno.process_type, &dyno.size, &dyno.command)).or_default().push(dyno);
    }
    if !one_off.is_empty() {
        output::heading(&format!("run: one-off processes ({})", one_off.len()))?;
        for dyno in one_off {
            output::line(&format!("{} ({}): {}: {}", dyno.name, dyno.size, state(dyno, now), dyno.command))?;
        }
        output::line("")?;
    }
    for ((process_type, size, command), dynos) in groups {
        output::heading(&format!("{process_type} ({size}): {command} ({})", dynos.len()))?;
        dynos.iter().try_for_each(|dyno| output::line(&format!("{}: {}", dyno.name, state(dyno, now))))?;
        output::line("")?;
    }
    Ok(())
}

/// `up 2012/01/01 12:00:00 +0000 (~ 5m ago)`, and why it is not up.
fn state(dyno: &Dyno, now: jiff::Timestamp) -> String {
    let state = format!("{} {}", dyno.state, clock::since(&dyno.updated_at, now));
    match &dyno.waiting_for {
        Some(reason) => format!("{state}: {reason}"),
        None => state,
    }
}

/// The N of `web.N`, so that `web.10` comes after `web.2`.
fn number(dyno: &Dyno) -> u64 {
    dyno.name.rsplit_once('.').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

/// Restarts dynos.
pub(crate) fn restart(context: &Context, args: &Restart) -> Result<(), Error> {
    let app = context.app()?;
    let (what, path) = match args.named.or(&args.what) {
        None => ("all dynos".to_owned(), app.path(&["dynos"])),
        Some(dyno) if dyno.contains('.') => (format!("dyno {dyno}"), app.path(&["dynos", dyno])),
        Some(process_type) => (format!("all {process_type} dynos"), app.path(&["formations", process_type])),
    };
    let action = Action::start(&format!("Restarting {what} on ⬢ {}", app.name));
    app.client.delete(&path)?;
    action.done();
    Ok(())
}

/// Stops dynos. Those of the formation come back; a one-off dyno ends.
pub(crate) fn stop(context: &Context, args: &Stop) -> Result<(), Error> {
    let app = context.app()?;
    let asked = args.named.or(&args.what).unwrap_or_default();
    let (what, kind) = if asked.contains('.') { (format!("dyno {asked}"), "dynos") } else { (format!("all {asked} dynos"), "formations") };
    let action = Action::start(&format!("Stopping {what} on ⬢ {}", app.name));
    app.client.act(&app.path(&[kind, asked, "actions", "stop"]))?;
    action.done();
    Ok(())
}
