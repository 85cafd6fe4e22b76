//! `builds` and what can be done with one; `builds:create` has a file of its own.

use std::io::BufRead;

use api_types::{Build, Secret};
use clap::Args;

use crate::client::Client;
use crate::clock;
use crate::context::{App, Context};
use crate::error::Error;
use crate::output::{self, Action};

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

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The build; the newest one when left out
    #[arg(value_name = "BUILD")]
    build: Option<String>,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Names a build.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The build; the newest one when left out
    #[arg(value_name = "BUILD")]
    build: Option<String>,
}

/// Shows a build.
pub(crate) fn info(context: &Context, args: &Info) -> Result<(), Error> {
    let app = context.app()?;
    let build = named_or_newest(&app, args.build.as_deref())?;
    if args.json {
        return output::json(&build);
    }
    output::heading(&format!("Build {}", build.id))?;
    let failure = build.failure.map(|failure| failure.message);
    let buildpacks = build.buildpacks.map(|all| all.into_iter().filter_map(|one| one.name.or(one.url)).collect::<Vec<_>>().join(", "));
    let rows = [
        ("Buildpacks:", buildpacks),
        ("By:", Some(build.user.email)),
        ("Failure:", failure),
        ("Release:", build.release.map(|release| release.id)),
        ("Slug:", build.slug.map(|slug| slug.id)),
        ("Stack:", Some(build.stack)),
        ("Status:", Some(build.status)),
        ("Version:", build.source_blob.version),
        ("When:", Some(clock::since(&build.created_at, clock::now()))),
    ];
    output::table(&rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect::<Vec<_>>())
}

/// Shows what a build says, to its end.
pub(crate) fn show_output(context: &Context, args: &One) -> Result<(), Error> {
    let app = context.app()?;
    let build = named_or_newest(&app, args.build.as_deref())?;
    let url = build.output_stream_url.ok_or_else(|| Error::failed("The server gives no output of this build."))?;
    follow(&app.client, &url)
}

/// Stops a build.
pub(crate) fn cancel(context: &Context, args: &One) -> Result<(), Error> {
    let app = context.app()?;
    let build = named_or_newest(&app, args.build.as_deref())?;
    let action = Action::start(&format!("Cancelling build {} of ⬢ {}", build.id, app.name));
    app.client.delete(&app.path(&["builds", &build.id]))?;
    action.done();
    Ok(())
}

/// Forgets what builds have kept for the next one.
pub(crate) fn purge_cache(context: &Context) -> Result<(), Error> {
    let app = context.app()?;
    let action = Action::start(&format!("Purging the build cache of ⬢ {}", app.name));
    app.client.delete(&app.path(&["build-cache"]))?;
    action.done();
    Ok(())
}

/// Prints a stream to its end.
pub(crate) fn follow(client: &Client, url: &Secret) -> Result<(), Error> {
    let mut stream = client.stream(url, "text/plain", None)?;
    loop {
        let chunk =
            stream.fill_buf().map_err(|_| Error::failed_with_hint("The output broke off.", "the build goes on: `mypaas builds:output` shows it again"))?;
        if chunk.is_empty() {
            return Ok(());
        }
        output::bytes(chunk)?;
        let length = chunk.len();
        stream.consume(length);
    }
}

fn named_or_newest(app: &App, build: Option<&str>) -> Result<Build, Error> {
    if let Some(build) = build {
        return Ok(app.client.get(&app.path(&["builds", build]))?);
    }
    let newest: Vec<Build> = app.client.page(&app.path(&["builds"]), "started_at ..; max=1, order=desc")?;
    newest.into_iter().next().ok_or_else(|| Error::failed(format!("⬢ {} has no builds.", app.name)))
}
