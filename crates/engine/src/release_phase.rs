//! The release phase: the `release` process type runs once, with the new slug and config, before a release becomes current.

use builder::Terminal;
use domain::{App, DynoName, DynoSize, ProcessType, Procfile, Release, Slug, one_off::OneOff, release::ReleaseStatus};
use tokio::io::AsyncReadExt;

use crate::{happenings::Happening, platform::Platform, refusal::Refusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed,
}

/// The command of the release phase, if the app has one.
pub(crate) fn command(types: &Procfile) -> Option<(&ProcessType, &str)> {
    types.0.iter().find(|(process_type, _)| process_type.as_str() == "release").map(|(process_type, command)| (process_type, command.as_str()))
}

/// Runs it, its output going to the push. Failing leaves the old release running.
pub(crate) async fn run(platform: &Platform, app: &App, release: &Release, slug: &Slug, terminal: &mut dyn Terminal) -> Result<Outcome, Refusal> {
    let Some((process_type, command)) = command(&slug.process_types) else { return Ok(Outcome::Succeeded) };
    let now = platform.clock.now();
    let name = DynoName { process_type: process_type.clone(), index: 1000 + platform.chance.below(9000) as u32 };
    let one_off = OneOff {
        id: platform.chance.id(now),
        app: app.id,
        name,
        release: release.version,
        command: command.to_owned(),
        size: DynoSize::default(),
        attached: true,
        started: false,
        created_at: now,
    };
    platform.hold_session(&one_off);
    let mut tx = platform.store.write().await?;
    tx.insert_one_off(&one_off).await?;
    tx.commit().await?;
    terminal.line("Running release command...");
    terminal.line("");
    let mut attached = platform.start_attached(&one_off, Vec::new(), None).await?;
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = attached.output.read(&mut buffer).await {
        terminal.bytes(&buffer[..read]);
    }
    let status = platform.ended(&one_off).await?;
    platform.end_session(&one_off).await?;
    if status == Some(0) {
        terminal.line("Waiting for release.... done.");
        return Ok(Outcome::Succeeded);
    }
    let mut tx = platform.store.write().await?;
    tx.set_release_status(release.id, ReleaseStatus::Failed).await?;
    let failed = Release { status: ReleaseStatus::Failed, ..release.clone() };
    platform.happened(&mut tx, app, release.user, &Happening::ReleaseSettled(&failed)).await?;
    tx.commit().await?;
    platform.tell_api(app.id, format!("Release {} command failed", release.version));
    terminal.line("Waiting for release.... failed.");
    Ok(Outcome::Failed)
}
