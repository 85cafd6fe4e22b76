//! A push, from received commits to running dynos.

use std::{collections::BTreeMap, sync::Arc};

use builder::{BuildError, Built, FirstRelease, Job, SourceTree, Steps, Terminal};
use domain::{App, Build, BuildFailure, BuildStatus, BuildpackRef, Release, Slug, buildpack::for_build};
use ports::runtime::Image;
use store::{StoreError, Tx};

use crate::{accounts::Actor, failures, happenings::Happening, live::Live, platform::Platform, release_phase::Outcome, releases::short, turns::Turn};

/// Code on its way to run.
pub struct Push {
    pub actor: Actor,
    pub app: App,
    /// A commit's full hash.
    pub commit: String,
    /// The commit's tree.
    pub source: SourceTree,
    pub request_id: String,
    /// The app's, kept until the build has ended.
    pub turn: Turn,
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

/// A build to do, whoever wants it.
pub(crate) struct Order {
    pub(crate) actor: Actor,
    pub(crate) app: App,
    /// What the source is called: a commit's full hash for a push.
    pub(crate) version: Option<String>,
    pub(crate) source: SourceTree,
    /// For this build alone, whatever else is set.
    pub(crate) buildpacks: Option<Vec<BuildpackRef>>,
    pub(crate) request_id: String,
}

impl Platform {
    /// Builds what was pushed, releases it, and lets the dynos follow. A build that fails leaves the old release running.
    pub async fn receive(&self, push: Push, terminal: &mut dyn Terminal) -> Result<Release, PushError> {
        let Push { actor, app, commit, source, request_id, turn } = push;
        let build = self.open_build(&actor, &app, Some(&commit), None).await?;
        let order = Order { actor, app, version: Some(commit), source, buildpacks: None, request_id };
        self.carry_out(build, order, Some(turn), terminal).await
    }

    /// Does a build that was opened, from its turn to its end, which is saved whatever happens.
    pub(crate) async fn carry_out(&self, build: Build, order: Order, turn: Option<Turn>, terminal: &mut dyn Terminal) -> Result<Release, PushError> {
        let app = order.app.clone();
        let under_way = self.under_way(app.id, build.id);
        let mut terminal = Recorded { terminal, live: under_way.live.clone() };
        let launched = self.build_and_launch(&build, order, turn, &mut terminal).await;
        if let Err(error) = &launched
            && !matches!(error, PushError::Build(_))
        {
            // The pusher is told by whoever took the push; those who follow read it here.
            under_way.live.say(format!(" !     {error}\n").as_bytes());
        }
        let (status, failure) = failures::of(&launched);
        self.close_build(build, status, failure, under_way.live.text()).await?;
        self.tell_api(app.id, if status == BuildStatus::Succeeded { "Build succeeded" } else { "Build failed -- check your build logs" });
        launched.map(|(release, _)| release)
    }

    async fn build_and_launch(&self, build: &Build, order: Order, turn: Option<Turn>, terminal: &mut Recorded<'_>) -> Result<(Release, Outcome), PushError> {
        let (actor, app, version) = (order.actor.clone(), order.app.clone(), order.version.clone());
        let (_turn, built) = self.compile(build, order, turn, terminal).await?;
        let mut steps = Steps::begin(build.id);
        self.ready_image(build, &built).await;
        steps.done("ready");
        let (slug, mut release) = self.create_release(&actor, &app, build, version.as_deref(), built, terminal).await?;
        steps.done("release");
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
        if release.current {
            return Ok((release, Outcome::Succeeded));
        }
        let outcome = self.release_phase(&actor, &app, &mut release, &slug, terminal).await.map_err(PushError::Platform)?;
        Ok((release, outcome))
    }

    /// Remembers a build, and makes it known to those who want to follow it.
    pub(crate) async fn open_build(&self, actor: &Actor, app: &App, version: Option<&str>, buildpacks: Option<&[BuildpackRef]>) -> Result<Build, StoreError> {
        let now = self.clock.now();
        let build = Build {
            id: self.chance.id(now),
            app: app.id,
            user: actor.account.id,
            status: BuildStatus::Pending,
            source_version: version.map(str::to_owned),
            stack: app.stack.clone(),
            buildpacks: buildpacks.map(hidden),
            slug: None,
            failure: None,
            output: String::new(),
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.store.write().await?;
        tx.insert_build(&build).await?;
        self.happened(&mut tx, app, build.user, &Happening::BuildOpened(&build)).await?;
        tx.commit().await?;
        self.set_out(app.id, build.id);
        Ok(build)
    }

    /// Waits for its turn and builds, unless it is cancelled first.
    async fn compile(&self, build: &Build, order: Order, turn: Option<Turn>, terminal: &mut Recorded<'_>) -> Result<(Turn, Built), PushError> {
        let live = terminal.live.clone();
        let built = tokio::select! {
            biased;
            cancelled = live.cancelled() => Err(cancelled),
            built = self.compile_in_turn(build, order, turn, terminal) => built,
        };
        // Until here it could be cancelled.
        let built = built.and_then(|built| live.launch().map(|()| built));
        if let Err(error) = &built {
            builder::failure_lines(error).iter().for_each(|line| terminal.line(line));
            if self.store.read().await?.was_built_before(build).await? {
                failures::built_before(build).iter().for_each(|line| terminal.line(line));
            }
            if let BuildError::Platform(source) = error {
                tracing::error!(build = %build.id, error = source.as_ref() as &dyn std::error::Error, "a build failed by the platform's fault");
            }
        }
        Ok(built?)
    }

    /// Makes the image while the old release still runs: once its dynos are stopped, the new ones start at once. Should the
    /// engine be away, the start makes it.
    async fn ready_image(&self, build: &Build, built: &Built) {
        let image = Image { stack: build.stack.clone(), slug: Some(built.sha256) };
        if let Err(error) = self.runtime.ensure_image(&image).await {
            tracing::warn!(build = %build.id, error = &error as &dyn std::error::Error, "an image could not be made ready ahead of its release");
        }
    }

    async fn compile_in_turn(&self, build: &Build, order: Order, turn: Option<Turn>, terminal: &mut Recorded<'_>) -> Result<(Turn, Built), BuildError> {
        let turn = match turn {
            Some(turn) => turn,
            None => self.take_turn(order.app.id, terminal).await,
        };
        self.tell_api(order.app.id, format!("Build started by user {}", order.actor.account.email));
        let job = self.job(build, order).await?;
        Ok((turn, self.builder.build(job, terminal).await?))
    }

    /// What is to be built, with the app's config vars and buildpacks as they are now.
    async fn job(&self, build: &Build, order: Order) -> Result<Job, BuildError> {
        let read = async {
            let mut tx = self.store.read().await?;
            Ok((tx.config_vars(order.app.id).await?, tx.buildpacks(order.app.id).await?))
        };
        let (config, set) = read.await.map_err(|error: StoreError| BuildError::Platform(error.into()))?;
        let buildpacks = match order.buildpacks {
            Some(asked) => asked,
            None => for_build(&config, set).map_err(BuildError::BuildpackUrl)?,
        };
        Ok(Job {
            build: build.id,
            app: order.app.id,
            stack: build.stack.clone(),
            source: order.source,
            source_version: order.version.unwrap_or_default(),
            config,
            buildpacks,
            request_id: order.request_id,
        })
    }

    /// The slug, the release and the formation that follows from them, all or nothing.
    async fn create_release(
        &self,
        actor: &Actor,
        app: &App,
        build: &Build,
        version: Option<&str>,
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
            commit: version.map(str::to_owned),
            language: built.language,
            created_at: now,
        };
        let mut tx = self.store.write().await?;
        if tx.app(app.id).await?.is_none() {
            return Err(PushError::AppGone);
        }
        if !tx.releases(app.id).await?.iter().any(|release| release.slug.is_some()) {
            first_release(&mut tx, app, &built.first_release, terminal).await?;
        }
        if !built.settled.is_empty() && tx.buildpacks(app.id).await?.is_empty() {
            // As if set by hand (Heroku): from now on the app is what it turned out to be.
            tx.set_buildpacks(app.id, &built.settled).await?;
        }
        tx.insert_slug(&slug).await?;
        tx.update_build(&Build { slug: Some(slug.id), buildpacks: Some(hidden(&built.buildpacks)), updated_at: now, ..build.clone() }).await?;
        let config = tx.config_vars(app.id).await?;
        let description = version.map_or_else(|| "Deploy".to_owned(), |version| format!("Deploy {}", short(version)));
        let release = self.draft_release(&mut tx, app, Some(&slug), &description, actor.account.id, &config).await?;
        tx.commit().await?;
        Ok((slug, release))
    }

    async fn close_build(&self, build: Build, status: BuildStatus, failure: Option<BuildFailure>, output: String) -> Result<(), PushError> {
        let mut tx = self.store.write().await?;
        // What became of it meanwhile is in its row.
        let build = tx.build(build.id).await?.unwrap_or(build);
        let build = Build { status, failure, output, updated_at: self.clock.now(), ..build };
        tx.update_build(&build).await?;
        self.build_closed(&mut tx, &build).await?;
        Ok(tx.commit().await?)
    }
}

fn hidden(buildpacks: &[BuildpackRef]) -> Vec<BuildpackRef> {
    buildpacks.iter().map(BuildpackRef::hidden).collect()
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

/// A terminal whose output is also kept, for those who follow the build and for later.
struct Recorded<'a> {
    terminal: &'a mut dyn Terminal,
    live: Arc<Live>,
}

impl Terminal for Recorded<'_> {
    fn line(&mut self, text: &str) {
        self.terminal.line(text);
        self.live.say(format!("{text}\n").as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.terminal.bytes(bytes);
        self.live.say(bytes);
    }
}
