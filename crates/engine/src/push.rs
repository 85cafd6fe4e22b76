//! A push, from received commits to running dynos.

use std::{collections::BTreeMap, sync::Arc};

use builder::{BuildError, Builder, Built, FirstRelease, Job, Terminal};
use domain::{App, Build, BuildStatus, Release, Slug, buildpack::for_build, release::ReleaseStatus};
use ports::ByteStream;
use store::{StoreError, Tx};

use crate::{
    accounts::Actor,
    platform::{Platform, lock},
    release_phase::{self, Outcome},
    releases::{adopt, short},
};

/// Code on its way to run.
pub struct Push {
    pub actor: Actor,
    pub app: App,
    /// A commit's full hash.
    pub commit: String,
    /// An uncompressed tar of the commit's tree, entries without a prefix.
    pub source: ByteStream,
    pub request_id: String,
}

/// Why a push was not deployed. `Display` is for the person; the terminal has been told already.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("The platform could not finish the deploy.")]
    Store(#[from] StoreError),
    #[error("The platform could not finish the deploy.")]
    Platform(#[source] crate::Refusal),
    #[error("The app was destroyed during the build.")]
    AppGone,
}

impl Platform {
    /// Builds what was pushed, releases it, and lets the dynos follow. A build that fails leaves the old release running.
    pub async fn receive(&self, push: Push, terminal: &mut dyn Terminal) -> Result<Release, PushError> {
        let _turn = self.take_turn(push.app.id, terminal).await;
        let mut terminal = Recorded { terminal, kept: String::new() };
        let build = self.open_build(&push.actor, &push.app, &push.commit).await?;
        self.tell_api(push.app.id, format!("Build started by user {}", push.actor.account.email));
        let (actor, app, commit) = (push.actor.clone(), push.app.clone(), push.commit.clone());
        let built = match self.compile(&build, push, &mut terminal).await {
            Ok(built) => built,
            Err(error) => {
                self.close_build(build, BuildStatus::Failed, terminal.kept).await?;
                self.tell_api(app.id, "Build failed -- check your build logs");
                return Err(error);
            }
        };
        let (slug, mut release) = self.create_release(&actor, &app, &build, &commit, built, &mut terminal).await?;
        terminal.line("-----> Launching...");
        if release.current {
            self.announce(&app, &release, &actor);
        } else {
            terminal.line(" !     Release command declared: this new release will not be available until the command succeeds.");
        }
        terminal.line(&format!("       Released {}", release.version));
        terminal.line(&format!("       {} deployed to mypaas", self.settings.web_url(&app)));
        terminal.line("");
        terminal.line("Verifying deploy... done.");
        if !release.current && release_phase::run(self, &app, &release, &slug, &mut terminal).await.map_err(PushError::Platform)? == Outcome::Succeeded {
            self.promote(&mut release, &slug).await?;
            self.announce(&app, &release, &actor);
        }
        self.close_build(build, BuildStatus::Succeeded, terminal.kept).await?;
        self.tell_api(app.id, "Build succeeded");
        Ok(release)
    }

    /// One build at a time per app; a second push waits for the first and is told so.
    async fn take_turn(&self, app: domain::AppId, terminal: &mut dyn Terminal) -> tokio::sync::OwnedMutexGuard<()> {
        let turn: Arc<_> = lock(&self.building).entry(app).or_default().clone();
        if let Ok(taken) = turn.clone().try_lock_owned() {
            return taken;
        }
        terminal.line("-----> Another build of this app is under way; waiting for it to finish...");
        turn.lock_owned().await
    }

    async fn open_build(&self, actor: &Actor, app: &App, commit: &str) -> Result<Build, PushError> {
        let now = self.clock.now();
        let build = Build {
            id: self.chance.id(now),
            app: app.id,
            user: actor.account.id,
            status: BuildStatus::Pending,
            source_version: Some(commit.to_owned()),
            stack: app.stack.clone(),
            slug: None,
            output: String::new(),
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.store.write().await?;
        tx.insert_build(&build).await?;
        tx.commit().await?;
        Ok(build)
    }

    async fn compile(&self, build: &Build, push: Push, terminal: &mut Recorded<'_>) -> Result<Built, PushError> {
        let built = match self.job(build, push).await? {
            Ok(job) => self.builder.build(job, terminal).await,
            Err(refused) => Err(refused),
        };
        if let Err(error) = &built {
            builder::failure_lines(error).iter().for_each(|line| terminal.line(line));
            if let BuildError::Platform(source) = error {
                tracing::error!(build = %build.id, error = source.as_ref() as &dyn std::error::Error, "a build failed by the platform's fault");
            }
        }
        Ok(built?)
    }

    /// What is to be built, with the app's config vars and buildpacks as they are now.
    async fn job(&self, build: &Build, push: Push) -> Result<Result<Job, BuildError>, StoreError> {
        let mut tx = self.store.read().await?;
        let config = tx.config_vars(push.app.id).await?;
        let buildpacks = match for_build(&config, tx.buildpacks(push.app.id).await?) {
            Ok(buildpacks) => buildpacks,
            Err(why) => return Ok(Err(BuildError::BuildpackUrl(why))),
        };
        Ok(Ok(Job {
            build: build.id,
            app: push.app.id,
            stack: build.stack.clone(),
            source: push.source,
            source_version: push.commit,
            config,
            buildpacks,
            request_id: push.request_id,
        }))
    }

    /// The slug, the release and the formation that follows from them, all or nothing. With a release phase the release
    /// waits, without one it is current at once.
    async fn create_release(
        &self,
        actor: &Actor,
        app: &App,
        build: &Build,
        commit: &str,
        built: Built,
        terminal: &mut Recorded<'_>,
    ) -> Result<(Slug, Release), PushError> {
        let now = self.clock.now();
        let slug = Slug {
            id: self.chance.id(now),
            app: app.id,
            sha256: built.sha256,
            diff_id: built.diff_id,
            bytes: built.bytes,
            stack: build.stack.clone(),
            process_types: built.process_types,
            commit: Some(commit.to_owned()),
            language: built.language,
            created_at: now,
        };
        let waits = release_phase::command(&slug.process_types).is_some();
        let status = if waits { ReleaseStatus::Pending } else { ReleaseStatus::Succeeded };
        let mut tx = self.store.write().await?;
        if tx.app(app.id).await?.is_none() {
            return Err(PushError::AppGone);
        }
        if !tx.releases(app.id).await?.iter().any(|release| release.slug.is_some()) {
            first_release(&mut tx, app, &built.first_release, terminal).await?;
        }
        if let Some(detected) = built.detected
            && tx.buildpacks(app.id).await?.is_empty()
        {
            // As if set by hand (Heroku): from now on the app is what it turned out to be.
            tx.set_buildpacks(app.id, &[detected]).await?;
        }
        tx.insert_slug(&slug).await?;
        tx.update_build(&Build { slug: Some(slug.id), updated_at: now, ..build.clone() }).await?;
        let config = tx.config_vars(app.id).await?;
        let description = format!("Deploy {}", short(commit));
        let release = tx.insert_release(self.chance.id(now), app.id, Some(slug.id), &description, actor.account.id, &config, now, status, !waits).await?;
        if !waits {
            adopt(&mut tx, &slug).await?;
        }
        tx.commit().await?;
        Ok((slug, release))
    }

    /// After a release phase that succeeded.
    async fn promote(&self, release: &mut Release, slug: &Slug) -> Result<(), PushError> {
        let mut tx = self.store.write().await?;
        tx.promote_release(release.id).await?;
        adopt(&mut tx, slug).await?;
        tx.commit().await?;
        (release.current, release.status) = (true, ReleaseStatus::Succeeded);
        Ok(())
    }

    async fn close_build(&self, build: Build, status: BuildStatus, output: String) -> Result<(), PushError> {
        let mut tx = self.store.write().await?;
        let slug = tx.build(build.id).await?.and_then(|stored| stored.slug);
        tx.update_build(&Build { status, output, slug, updated_at: self.clock.now(), ..build }).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The runner of buildpacks, for those that only purge its caches.
    pub const fn builder(&self) -> &Builder {
        &self.builder
    }
}

/// What the buildpack asks an app's first release to have. Config vars that are set already stay as they are.
async fn first_release(tx: &mut Tx, app: &App, asked: &FirstRelease, terminal: &mut Recorded<'_>) -> Result<(), StoreError> {
    let config = tx.config_vars(app.id).await?;
    let new = asked.config_vars.iter().filter(|(key, _)| config.get(key.as_str()).is_none());
    let new: BTreeMap<_, _> = new.map(|(key, value)| (key.to_string(), Some(value.expose().to_owned()))).collect();
    match config.changed(&new) {
        Ok(config) if !new.is_empty() => tx.set_config_vars(app.id, &config).await?,
        Ok(_) => {}
        Err(why) => terminal.line(&format!(" !     The buildpack's config vars were not set: {why}")),
    }
    if !asked.addons.is_empty() {
        terminal.line(&format!(" !     The buildpack asks for add-ons, which are not built yet: {}", asked.addons.join(", ")));
    }
    Ok(())
}

/// Longest output kept with a build; the person saw all of it.
const KEEP: usize = 1024 * 1024;

/// A terminal whose output is kept with the build.
struct Recorded<'a> {
    terminal: &'a mut dyn Terminal,
    kept: String,
}

impl Terminal for Recorded<'_> {
    fn line(&mut self, text: &str) {
        self.terminal.line(text);
        self.keep(text);
        self.keep("\n");
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.terminal.bytes(bytes);
        self.keep(&String::from_utf8_lossy(bytes));
    }
}

impl Recorded<'_> {
    fn keep(&mut self, text: &str) {
        if self.kept.len() + text.len() <= KEEP {
            self.kept.push_str(text);
        }
    }
}
