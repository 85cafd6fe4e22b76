//! Builds that are not pushes, and what can be done with every build: follow it, cancel it.

use std::{sync::Arc, time::Duration};

use builder::{BuildError, SourceTree, Terminal};
use bytes::Bytes;
use domain::{App, Build, BuildFailure, BuildId, BuildStatus, FailureKind};
use futures_util::{Stream, StreamExt, stream};

use crate::{
    accounts::Actor,
    authority::Permission,
    platform::Platform,
    push::Order,
    refusal::Refusal,
    source::{self, Wanted},
};

/// A build somebody asks for.
pub struct NewBuild {
    /// Where the source lies: our own place for it, an archive over HTTP, or a git repository as `https://….git#branch`.
    pub url: String,
    /// `SHA256:` and the archive's digest in hex.
    pub checksum: Option<String>,
    /// What the source is called: a commit, a tag, anything.
    pub version: Option<String>,
    /// For this build alone, named as people name them; none: what the app is built with.
    pub buildpacks: Vec<String>,
    pub request_id: String,
}

/// A cancelled build has this long to say so before the answer goes out.
const SOON: Duration = Duration::from_secs(2);

impl Platform {
    /// Begins a build and answers at once; it goes on whoever goes away.
    pub async fn create_build(self: &Arc<Self>, actor: &Actor, app: &str, asked: NewBuild) -> Result<(App, Build), Refusal> {
        let app = self.authorize(actor, app, Permission::Deploy).await?;
        let checksum = asked.checksum.as_deref().map(source::checksum).transpose()?;
        if let Some(version) = &asked.version {
            source::check_version(version)?;
        }
        let buildpacks = self.for_one_build(&app, &asked.buildpacks).await?;
        let wanted = self.locate(&asked.url, checksum).await?;
        self.builder.check_room().await.map_err(no_room)?;
        let tree = match wanted {
            Wanted::Stored(digest) => {
                let stored = self.builder.blobs().open(digest).await.map_err(|error| Refusal::Platform(Box::new(error)))?;
                SourceTree::Archive(source::checked(stored, checksum))
            }
            Wanted::Elsewhere(url) => SourceTree::Archive(source::checked(source::fetched(self.downloads.clone(), url), checksum)),
            Wanted::Git { url, reference } => SourceTree::Git { url, reference },
        };
        let build = self.open_build(actor, &app, asked.version.as_deref(), buildpacks.as_deref()).await?;
        let order = Order { actor: actor.clone(), app: app.clone(), version: asked.version, source: tree, buildpacks, request_id: asked.request_id };
        let (platform, opened) = (self.clone(), build.clone());
        let work = tokio::spawn(async move { platform.carry_out(opened, order, None, &mut Nobody).await.map(drop) });
        let (platform, id) = (self.clone(), build.id);
        tokio::spawn(async move {
            match work.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::info!(build = %id, error = &error as &dyn std::error::Error, "a build failed"),
                // It did not come to its end: nobody else will say so.
                Err(error) => {
                    tracing::error!(build = %id, error = &error as &dyn std::error::Error, "a build broke off");
                    drop(platform.give_up(id).await);
                }
            }
        });
        Ok((app, build))
    }

    /// Stops a build: its sandbox goes, whatever it was doing.
    pub async fn cancel_build(&self, actor: &Actor, app: &str, build: &str) -> Result<(App, Build), Refusal> {
        let app = self.authorize(actor, app, Permission::Deploy).await?;
        let found = self.find_build(&app, build).await?;
        if let Some(live) = self.live(found.id) {
            if !live.cancel(actor.account.email.as_str()) {
                return Err(Refusal::Conflict("This build has made its slug and is being released: it cannot be cancelled any more.".to_owned()));
            }
            // It has only to save itself; that it ended is better news than that it will.
            let _ = tokio::time::timeout(SOON, live.ended()).await;
        } else if found.status != BuildStatus::Pending {
            return Err(Refusal::Conflict(format!("This build has {} already.", found.status.word())));
        }
        let build = self.find_build(&app, build).await?;
        Ok((app, build))
    }

    /// A build of an app, by its id.
    async fn find_build(&self, app: &App, id: &str) -> Result<Build, Refusal> {
        let found = match id.parse() {
            Ok(id) => self.store.read().await?.build(id).await?,
            Err(_) => None,
        };
        found.filter(|build| build.app == app.id).ok_or(Refusal::NotFound("build"))
    }

    /// What a build has said, and will say while it goes on; for whoever has its link.
    pub async fn follow_build(&self, build: &str, secret: &str) -> Result<impl Stream<Item = Bytes> + Send + use<>, Refusal> {
        let id: Option<BuildId> = self.output_link(secret).filter(|id| build.parse() == Ok(*id));
        let id = id.ok_or(Refusal::NotFound("build"))?;
        if let Some(live) = self.live(id) {
            return Ok(live.follow().left_stream());
        }
        let build = self.store.read().await?.build(id).await?.ok_or(Refusal::NotFound("build"))?;
        Ok(stream::iter([Bytes::from(build.output)]).filter(|text| std::future::ready(!text.is_empty())).right_stream())
    }

    /// Forgets what earlier builds of an app have kept, as soon as none is using it. Nobody waits for that.
    pub async fn purge_cache(self: &Arc<Self>, actor: &Actor, app: &str) -> Result<App, Refusal> {
        let app = self.authorize(actor, app, Permission::Deploy).await?;
        let (platform, id, by) = (self.clone(), app.id, actor.account.email.clone());
        tokio::spawn(async move {
            let _turn = platform.take_turn(id, &mut Nobody).await;
            match platform.builder.purge_cache(id).await {
                Ok(()) => platform.tell_api(id, format!("Build cache purged by user {by}")),
                Err(error) => tracing::warn!(app = %id, error = &error as &dyn std::error::Error, "a build cache could not be purged"),
            }
        });
        Ok(app)
    }

    /// Fails a build that broke off by the platform's fault.
    async fn give_up(&self, id: BuildId) -> Result<(), Refusal> {
        let mut tx = self.store.write().await?;
        let Some(build) = tx.build(id).await?.filter(|build| build.status == BuildStatus::Pending) else { return Ok(()) };
        let message = "The platform could not finish the build.".to_owned();
        let output = format!("{}\n !     {message}\n", build.output);
        let failure = Some(BuildFailure { kind: FailureKind::Platform, message });
        let build = Build { status: BuildStatus::Failed, failure, output, updated_at: self.clock.now(), ..build };
        tx.update_build(&build).await?;
        self.build_closed(&mut tx, &build).await?;
        Ok(tx.commit().await?)
    }
}

pub(crate) fn no_room(error: BuildError) -> Refusal {
    match error {
        BuildError::DiskFull { .. } => Refusal::NoRoom(error.to_string()),
        error => Refusal::Platform(Box::new(error)),
    }
}

/// A build that is followed by its link has no terminal.
pub(crate) struct Nobody;

impl Terminal for Nobody {
    fn line(&mut self, _: &str) {}
    fn bytes(&mut self, _: &[u8]) {}
}
