//! The release phase: the `release` process type runs once, with the new slug and config, before a release becomes current:
//! whatever has made the release, a build, a change of config, a rollback or a slug released again (Heroku: "Release Phase").
//!
//! A config var that was changed stays changed even if the command fails, as on Heroku; the dynos go on with what they have.

use std::sync::Arc;

use builder::Terminal;
use domain::{AccountId, App, AppId, ConfigVars, DynoName, DynoSize, ProcessType, Procfile, Release, Slug, one_off::OneOff, release::ReleaseStatus};
use store::{StoreError, Tx};
use tokio::io::AsyncReadExt;

use crate::{
    accounts::Actor,
    builds::Nobody,
    happenings::Happening,
    live::Live,
    platform::Platform,
    refusal::Refusal,
    releases::{adopt, slug_of},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed,
}

/// The command of the release phase, if the app has one.
pub(crate) fn command(types: &Procfile) -> Option<(&ProcessType, &str)> {
    types.0.iter().find(|(process_type, _)| process_type.as_str() == "release").map(|(process_type, command)| (process_type, command.as_str()))
}

impl Platform {
    /// Adds a release: current at once, and the formation follows it, or pending until its slug's command has succeeded.
    pub(crate) async fn draft_release(
        &self,
        tx: &mut Tx,
        app: &App,
        slug: Option<&Slug>,
        description: &str,
        user: AccountId,
        config: &ConfigVars,
    ) -> Result<Release, StoreError> {
        let now = self.clock.now();
        let waits = slug.is_some_and(|slug| command(&slug.process_types).is_some());
        let status = if waits { ReleaseStatus::Pending } else { ReleaseStatus::Succeeded };
        let release = tx.insert_release(self.chance.id(now), app.id, slug.map(|slug| slug.id), description, user, config, now, status, !waits).await?;
        match slug {
            Some(_) if waits => tx.set_release_output(release.id, "").await?,
            Some(slug) => adopt(tx, slug).await?,
            None => {}
        }
        self.happened(tx, app, user, &Happening::ReleaseMade(&release)).await?;
        Ok(release)
    }

    /// What a release that no build made runs: the code of the newest that did not fail, be it current already or about to be.
    pub(crate) async fn newest_slug(&self, tx: &mut Tx, app: AppId) -> Result<Option<Slug>, StoreError> {
        let newest = tx.newest_release(app).await?;
        slug_of(tx, newest.and_then(|release| release.slug)).await
    }

    /// Lets the dynos follow a release that is current; for one that waits, runs its command in the background when it is the
    /// app's turn.
    pub(crate) fn launch(self: &Arc<Self>, actor: &Actor, app: &App, release: &Release, slug: Option<Slug>) {
        let Some(slug) = slug.filter(|_| !release.current) else { return self.announce(app, release, actor) };
        // Before anybody can ask for it.
        self.set_out(app.id, release.id);
        let (platform, actor, app, mut release) = (self.clone(), actor.clone(), app.clone(), release.clone());
        tokio::spawn(async move {
            let _turn = platform.take_turn(app.id, &mut Nobody).await;
            if let Err(error) = platform.release_phase(&actor, &app, &mut release, &slug, &mut Nobody).await {
                tracing::warn!(release = %release.id, error = &error as &dyn std::error::Error, "a release command could not be run");
            }
        });
    }

    /// Runs the command, its output going to the terminal and being kept; then makes the release current, or leaves the old one
    /// running. The app's turn is the caller's.
    pub(crate) async fn release_phase(
        &self,
        actor: &Actor,
        app: &App,
        release: &mut Release,
        slug: &Slug,
        terminal: &mut dyn Terminal,
    ) -> Result<Outcome, Refusal> {
        let under_way = self.under_way(app.id, release.id);
        // What waits to become current is no build that could be cancelled.
        let _ = under_way.live.launch();
        let ran = self.run_command(app, release, slug, terminal, &under_way.live).await;
        if ran.is_err() {
            under_way.live.say(b" !     The platform could not run the release command.\n");
        }
        let mut tx = self.store.write().await?;
        tx.set_release_output(release.id, &under_way.live.text()).await?;
        release.status = if matches!(ran, Ok(Outcome::Succeeded)) { ReleaseStatus::Succeeded } else { ReleaseStatus::Failed };
        tx.set_release_status(release.id, release.status).await?;
        // One that was made later and had nothing to wait for stays.
        let overtaken = tx.current_release(app.id).await?.is_some_and(|current| current.version > release.version);
        if release.status == ReleaseStatus::Succeeded && !overtaken {
            tx.promote_release(release.id).await?;
            adopt(&mut tx, slug).await?;
            release.current = true;
        }
        self.happened(&mut tx, app, release.user, &Happening::ReleaseSettled(release)).await?;
        tx.commit().await?;
        match release.status {
            ReleaseStatus::Succeeded => self.announce(app, release, actor),
            _ => self.tell_api(app.id, format!("Release {} command failed", release.version)),
        }
        ran
    }

    async fn run_command(&self, app: &App, release: &Release, slug: &Slug, terminal: &mut dyn Terminal, live: &Live) -> Result<Outcome, Refusal> {
        let Some((process_type, command)) = command(&slug.process_types) else { return Ok(Outcome::Succeeded) };
        let now = self.clock.now();
        let name = DynoName { process_type: process_type.clone(), index: 1000 + self.chance.below(9000) as u32 };
        let one_off = OneOff {
            id: self.chance.id(now),
            app: app.id,
            name,
            release: release.version,
            command: command.to_owned(),
            size: DynoSize::default(),
            attached: true,
            started: false,
            created_at: now,
        };
        self.hold_session(&one_off);
        let mut tx = self.store.write().await?;
        tx.insert_one_off(&one_off).await?;
        tx.commit().await?;
        terminal.line("Running release command...");
        terminal.line("");
        let mut attached = self.start_attached(&one_off, Vec::new(), None).await?;
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = attached.output.read(&mut buffer).await {
            terminal.bytes(&buffer[..read]);
            live.say(&buffer[..read]);
        }
        let status = self.ended(&one_off).await?;
        self.end_session(&one_off).await?;
        if status == Some(0) {
            terminal.line("Waiting for release.... done.");
            return Ok(Outcome::Succeeded);
        }
        terminal.line("Waiting for release.... failed.");
        Ok(Outcome::Failed)
    }
}
