//! What is kept, what goes, and how much room all of it takes.
//!
//! Rows say what is needed; things follow. A slug is given up in its row first and removed afterwards, and what was written
//! lately is left alone: a build that runs may be about to name it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
};

use domain::{
    AppId, AppName, Sha256, Slug, SlugId,
    keeping::{Keep, Mention},
};
use jiff::{SignedDuration, Timestamp};
use ports::{Repositories, repositories::DiskRepositories, runtime::Kept};
use store::{StoreError, Tx};

use crate::{platform::Platform, refusal::Refusal, turns::Turn};

/// A blob is written before the row that names it; one so old will not be named any more.
pub(crate) const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// How much of the past an admin keeps, and what else there is to measure.
pub struct Keeping {
    pub policy: Keep,
    pub repositories: Arc<dyn Repositories>,
}

impl Keeping {
    /// Heroku's policy, and repositories in this folder.
    pub fn beside(repositories: PathBuf) -> Self {
        Self { policy: Keep::default(), repositories: Arc::new(DiskRepositories(repositories)) }
    }
}

/// What the store says is needed.
pub(crate) struct Needs {
    pub(crate) apps: BTreeMap<AppId, AppName>,
    /// Every slug whose archive is kept, but for those that are to go.
    pub(crate) slugs: Vec<Slug>,
    /// To be given up.
    pub(crate) expiring: Vec<Slug>,
    pub(crate) sources: BTreeSet<Sha256>,
    pub(crate) idle: BTreeSet<AppId>,
}

impl Needs {
    pub(crate) fn kept(&self) -> Kept {
        Kept { apps: self.apps.keys().copied().collect(), idle: self.idle.clone(), slugs: self.slugs.iter().map(|slug| slug.sha256).collect() }
    }

    /// The blobs that something names.
    pub(crate) fn blobs(&self) -> BTreeSet<Sha256> {
        self.slugs.iter().map(|slug| slug.sha256).chain(self.sources.iter().copied()).collect()
    }
}

impl Platform {
    /// Gives up what the policy does not keep, then removes what nothing names; how many archives went.
    pub(crate) async fn sweep(&self) -> Result<usize, Refusal> {
        let _alone = self.sweeping.lock().await;
        let now = self.clock.now();
        if !self.needs(&mut self.store.read().await?, now).await?.expiring.is_empty() {
            // Decided again where nobody else writes: somebody may have rolled back to one of them.
            let mut tx = self.store.write().await?;
            for slug in self.needs(&mut tx, now).await?.expiring {
                tracing::info!(slug = %slug.id, app = %slug.app, "a slug is given up: no release that can be gone back to has it");
                tx.expire_slug(slug.id, now).await?;
            }
            tx.commit().await?;
        }
        let needs = self.needs(&mut self.store.read().await?, now).await?;
        let mut kept = needs.kept();
        let _turns = self.leave_alone_who_builds(&mut kept.idle);
        self.runtime.retain(&kept).await?;
        self.repositories.up();
        self.builder.blobs().retain(&needs.blobs(), now - GRACE).await.map_err(|error| Refusal::Platform(Box::new(error)))
    }

    /// Strikes out the apps that are being built; the others' turns are held, so that no build begins to use a cache that
    /// is being removed.
    fn leave_alone_who_builds(&self, idle: &mut BTreeSet<AppId>) -> Vec<Turn> {
        let mut turns = Vec::new();
        idle.retain(|app| {
            let turn = self.turn_if_free(*app);
            turn.map(|turn| turns.push(turn)).is_some()
        });
        turns
    }

    pub(crate) async fn needs(&self, tx: &mut Tx, now: Timestamp) -> Result<Needs, StoreError> {
        let policy = &self.keeping.policy;
        let mut mentions: HashMap<SlugId, Vec<Mention>> = HashMap::new();
        for mention in tx.mentions_of_kept_slugs().await? {
            mentions.entry(mention.slug).or_default().push(mention);
        }
        let needed = |slug: &Slug| match mentions.get(&slug.id) {
            Some(mentions) => mentions.iter().any(|mention| policy.needs(mention, now)),
            None => Keep::needs_unreleased(slug.created_at, now),
        };
        let (slugs, expiring) = tx.kept_slugs().await?.into_iter().partition(needed);
        let built = tx.last_builds().await?;
        let apps = tx.apps().await?;
        let idle = apps.iter().filter(|app| !policy.needs_cache(built.get(&app.id).copied().unwrap_or(app.created_at), now)).map(|app| app.id).collect();
        Ok(Needs { apps: apps.into_iter().map(|app| (app.id, app.name)).collect(), slugs, expiring, sources: tx.uploaded_sources().await?, idle })
    }
}
