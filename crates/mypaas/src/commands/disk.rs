//! `gc`, `admin:disk`: for admins of the server.

use api_types::{Disk, Garbage, GarbageReport};
use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action, size};

#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// Only list what would go
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Removes what no release, build or app needs any more, or lists it.
pub(crate) fn collect(context: &Context, args: &Collect) -> Result<(), Error> {
    let client = context.client()?;
    let report: GarbageReport = if args.dry_run {
        client.get("/mypaas/garbage")?
    } else {
        let action = Action::start("Removing what is not needed any more");
        let report: GarbageReport = client.post("/mypaas/garbage/actions/collect", &serde_json::json!({}))?;
        action.finish(&format!("done, {} freed", size(report.bytes)));
        report
    };
    if args.json {
        return output::json(&report);
    }
    if report.garbage.is_empty() {
        output::talk("There is nothing to remove.");
        return Ok(());
    }
    let row = |garbage: &Garbage| {
        vec![garbage.kind.clone(), shortened(&garbage.name), garbage.app.clone().unwrap_or_else(|| "-".to_owned()), size(garbage.bytes), garbage.reason.clone()]
    };
    output::table(&report.garbage.iter().map(row).collect::<Vec<_>>())?;
    let things = if report.garbage.len() == 1 { "thing" } else { "things" };
    output::line(&format!("Total: {} {things}, {}", report.garbage.len(), size(report.bytes)))
}

/// Shows how full the disk is.
pub(crate) fn show(context: &Context, args: &Show) -> Result<(), Error> {
    let disk: Disk = context.client()?.get("/mypaas/disk")?;
    if args.json {
        return output::json(&disk);
    }
    output::heading("Disk")?;
    let mut rows = vec![vec!["free".to_owned(), String::new(), size(disk.free_bytes), format!("builds are refused below {}", size(disk.floor_bytes))]];
    rows.extend(disk.kinds.iter().map(|kind| vec![kind.kind.clone(), kind.count.to_string(), size(kind.bytes), meaning(&kind.kind).to_owned()]));
    output::table(&rows)?;
    if disk.apps.is_empty() {
        return Ok(());
    }
    output::line("")?;
    output::heading("Apps that take most")?;
    output::table(&disk.apps.iter().map(|app| vec![app.name.clone(), size(app.bytes)]).collect::<Vec<_>>())
}

/// A digest is known by its beginning; other names are left whole.
fn shortened(name: &str) -> String {
    let digest = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digest { name[..12].to_owned() } else { name.to_owned() }
}

fn meaning(kind: &str) -> &'static str {
    match kind {
        "slug" => "built apps",
        "source" => "uploaded for builds",
        "unnamed" => "archives that nothing names; they go an hour after they were written",
        "slug-image" => "slugs as dynos start from them",
        "stack-image" => "stacks made ready, beside the stacks' own images",
        "build-cache" => "what builds keep for the next one",
        "repository" => "what was pushed",
        _ => "",
    }
}
