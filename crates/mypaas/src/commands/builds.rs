//! `builds`.

use api_types::Build;
use clap::Args;

use crate::clock;
use crate::context::Context;
use crate::error::Error;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many to list, newest first
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    num: usize,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Lists the newest builds.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let mut builds: Vec<Build> = app.client.list(&app.path(&["builds"]))?;
    // Times of one form: the order of the text is the order in time.
    builds.sort_by(|one, other| other.created_at.cmp(&one.created_at));
    builds.truncate(args.num);
    if args.json {
        return output::json(&builds);
    }
    if builds.is_empty() {
        output::talk(&format!("⬢ {} has no builds.", app.name));
        return Ok(());
    }
    output::heading(&format!("{} Builds", app.name))?;
    let now = clock::now();
    let row = |build: &Build| {
        let commit: String = build.source_blob.version.as_deref().unwrap_or("-").chars().take(8).collect();
        vec![build.id.clone(), commit, build.status.clone(), build.user.email.clone(), clock::since(&build.created_at, now)]
    };
    output::table(&builds.iter().map(row).collect::<Vec<_>>())
}
