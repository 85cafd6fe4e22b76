//! `releases`, `releases:info`, `releases:output`, `releases:retry`, `rollback`.

use std::io::BufRead;

use api_types::{Formation, Release, ReleaseCreate, Secret};
use clap::Args;

use crate::clock;
use crate::context::{App, Context};
use crate::error::Error;
use crate::output::{self, Action};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many to list, newest first
    #[arg(short, long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1000))]
    num: u32,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The release, v12 or 12; the newest when left out
    #[arg(value_name = "RELEASE")]
    release: Option<String>,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The release to go back to, v10 or 10; the one before the current one when left out
    #[arg(value_name = "RELEASE")]
    release: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The release, v12 or 12; the newest when left out
    #[arg(value_name = "RELEASE")]
    release: Option<String>,
}

/// Lists the newest releases.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let releases = newest(&app, args.num)?;
    if args.json {
        return output::json(&releases);
    }
    if releases.is_empty() {
        output::talk(&format!("{} has no releases.", app.name));
        return Ok(());
    }
    match releases.iter().find(|release| release.current) {
        Some(current) => output::heading(&format!("{} Releases - Current: v{}", app.name, current.version))?,
        None => output::heading(&format!("{} Releases", app.name))?,
    }
    let now = clock::now();
    let row = |release: &Release| {
        let description = match release.status.as_str() {
            "pending" => format!("{} release command executing", release.description),
            "failed" => format!("{} release command failed", release.description),
            "expired" => format!("{} release expired", release.description),
            _ => release.description.clone(),
        };
        vec![format!("v{}", release.version), description, release.user.email.clone(), clock::since(&release.created_at, now)]
    };
    output::table(&releases.iter().map(row).collect::<Vec<_>>())
}

/// Shows a release.
pub(crate) fn info(context: &Context, args: &Info) -> Result<(), Error> {
    let app = context.app()?;
    let release = named_or_newest(&app, args.release.as_deref())?;
    if args.json {
        return output::json(&release);
    }
    output::heading(&format!("Release v{}", release.version))?;
    let rows = [
        ("Add-ons:", release.addon_plan_names.join(", ")),
        ("By:", release.user.email),
        ("Change:", release.description),
        ("Eligible for Rollback?:", if release.eligible_for_rollback { "Yes" } else { "No" }.to_owned()),
        ("Status:", release.status),
        ("When:", clock::since(&release.created_at, clock::now())),
    ];
    output::table(&rows.map(|(name, value)| vec![name.to_owned(), value]))
}

/// Shows what the release's command has said, to its end.
pub(crate) fn output(context: &Context, args: &One) -> Result<(), Error> {
    let app = context.app()?;
    let release = named_or_newest(&app, args.release.as_deref())?;
    match &release.output_stream_url {
        Some(url) => follow(&app, url),
        None => {
            output::talk(&format!("Release v{} has no release output available.", release.version));
            Ok(())
        }
    }
}

/// Makes a new release that is what an earlier one was.
pub(crate) fn rollback(context: &Context, args: &Rollback) -> Result<(), Error> {
    let app = context.app()?;
    let releases = newest(&app, 10)?;
    let earlier = match &args.release {
        Some(asked) => named(&app, asked)?,
        None => previous(&releases)
            .cloned()
            .ok_or_else(|| Error::failed_with_hint(format!("⬢ {} has no earlier release to go back to.", app.name), "`mypaas releases` lists them"))?,
    };
    let action = Action::start(&format!("Rolling back ⬢ {} to v{}", app.name, earlier.version));
    let request = ReleaseCreate { release: Some(earlier.id), ..ReleaseCreate::default() };
    let release: Release = app.client.post(&app.path(&["releases"]), &request)?;
    action.finish(&format!("done, v{}", release.version));
    output::talk("Rollback affects code and config vars; it doesn't add or remove addons.");
    if let Some(current) = releases.iter().find(|release| release.current) {
        output::talk(&format!("To undo, run: mypaas rollback v{} -a {}", current.version, app.name));
    }
    if let Some(url) = &release.output_stream_url {
        output::talk("Running release command...");
        follow(&app, url)?;
    }
    Ok(())
}

/// Makes a new release of what the newest one is, to run its release command again.
pub(crate) fn retry(context: &Context) -> Result<(), Error> {
    let app = context.app()?;
    let Some(newest) = newest(&app, 1)?.into_iter().next() else { return Err(Error::failed(format!("⬢ {} has no releases.", app.name))) };
    let formation: Vec<Formation> = app.client.list(&app.path(&["formation"]))?;
    if !formation.iter().any(|one| one.process_type == "release") {
        return Err(Error::failed_with_hint(
            format!("⬢ {} has no release command, so there is nothing to retry.", app.name),
            "a line `release: COMMAND` in the Procfile makes one",
        ));
    }
    let Some(slug) = newest.slug else { return Err(Error::failed(format!("Release v{} has no slug; deploy the app instead.", newest.version))) };
    let action = Action::start(&format!("Retrying v{} on ⬢ {}", newest.version, app.name));
    let description = Some(format!("Retry of v{}: {}", newest.version, newest.description));
    let request = ReleaseCreate { slug: Some(slug.id), description, ..ReleaseCreate::default() };
    let release: Release = app.client.post(&app.path(&["releases"]), &request)?;
    action.finish(&format!("done, v{}", release.version));
    match &release.output_stream_url {
        Some(url) => {
            output::talk("Running release command...");
            follow(&app, url)
        }
        None => Ok(()),
    }
}

/// Prints what a release's command says, to its end.
fn follow(app: &App, url: &Secret) -> Result<(), Error> {
    let mut stream = app.client.stream(url, "text/plain", None)?;
    loop {
        let chunk = stream.fill_buf().map_err(|_| Error::failed("The output of the release command broke off."))?;
        if chunk.is_empty() {
            return Ok(());
        }
        output::bytes(chunk)?;
        let length = chunk.len();
        stream.consume(length);
    }
}

fn named_or_newest(app: &App, asked: Option<&str>) -> Result<Release, Error> {
    match asked {
        Some(asked) => named(app, asked),
        None => newest(app, 1)?.into_iter().next().ok_or_else(|| Error::failed(format!("{} has no releases.", app.name))),
    }
}

/// The newest release before the current one that one can go back to.
fn previous(newest_first: &[Release]) -> Option<&Release> {
    let current = newest_first.iter().find(|release| release.current).or(newest_first.first())?.version;
    newest_first.iter().find(|release| release.eligible_for_rollback && release.version < current)
}

fn newest(app: &App, how_many: u32) -> Result<Vec<Release>, Error> {
    let range = format!("version ..; max={how_many}, order=desc");
    Ok(app.client.page(&app.path(&["releases"]), &range)?)
}

fn named(app: &App, asked: &str) -> Result<Release, Error> {
    let asked = match asked.strip_prefix('v') {
        Some(number) if number.parse::<u64>().is_ok() => number,
        _ => asked,
    };
    Ok(app.client.get(&app.path(&["releases", asked]))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: u64, current: bool, eligible: bool) -> Release {
        let body = format!(
            r#"{{"addon_plan_names":[],"app":{{"id":"1","name":"shop"}},"created_at":"","current":{current},"description":"",
            "eligible_for_rollback":{eligible},"id":"","output_stream_url":null,"slug":null,"status":"succeeded","updated_at":"",
            "user":{{"id":"1","email":"me@example.com"}},"version":{version}}}"#
        );
        serde_json::from_str(&body).unwrap()
    }

    #[test]
    fn rollback_goes_before_the_current_release_even_when_a_newer_one_failed() {
        let previous = |releases: &[Release]| previous(releases).map(|release| release.version);
        assert_eq!(previous(&[release(4, true, true), release(3, false, true)]), Some(3));
        assert_eq!(previous(&[release(5, false, false), release(4, true, true), release(3, false, false), release(2, false, true)]), Some(2));
        assert_eq!(previous(&[release(3, true, true), release(2, false, false)]), None);
        assert_eq!(previous(&[]), None);
    }
}
