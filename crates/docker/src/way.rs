//! Which way dynos get their slug: mounted, where this machine and the engine can do that; else unpacked into an image.
//! Found out once, by trying.

use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bollard::query_parameters::ListContainersOptions;
use domain::Sha256;
use jiff::Timestamp;
use ports::{
    RuntimeError,
    runtime::{Image, Stored, StoredKind},
};
use tokio::sync::OnceCell;

use crate::{
    connect::Engine,
    error::refused,
    labels::{Kind, PLACE, SLUG},
    mounts,
    places::{GRACE, Places},
    stack_image::Variant,
    trees::Trees,
};

/// How long the engine may go on with what it was asked for before a crash.
const AFTER_A_CRASH: Duration = Duration::from_secs(30);

/// What mounting slugs takes.
pub(crate) struct Mounts {
    pub(crate) places: Arc<Places>,
    pub(crate) trees: Arc<Trees>,
    wanted: bool,
    possible: OnceCell<bool>,
}

impl Mounts {
    /// `wanted`: as the settings say. What an earlier life has mounted is looked after either way.
    pub(crate) fn open(home: &Path, wanted: bool) -> io::Result<Self> {
        // As the kernel's table of mounts has it.
        let home = home.canonicalize()?;
        mounts::check_name(&home)?;
        let (places, trees) = (Places::open(home.join("dynos"))?, Trees::open(home.join("slugs"))?);
        Ok(Self { places: Arc::new(places), trees: Arc::new(trees), wanted, possible: OnceCell::new() })
    }
}

impl Engine {
    /// The means to mount slugs. `None`: images it is.
    pub(crate) async fn mounting(self: &Arc<Self>) -> Result<Option<&Mounts>, RuntimeError> {
        let Some(mounts) = self.mounts.as_ref().filter(|mounts| mounts.wanted) else { return Ok(None) };
        let possible = mounts.possible.get_or_try_init(|| self.try_mounting(mounts)).await?;
        Ok(possible.then_some(mounts))
    }

    async fn try_mounting(self: &Arc<Self>, mounts: &Mounts) -> Result<bool, RuntimeError> {
        let tried = async {
            let failed = |error: io::Error| RuntimeError::Refused(error.to_string());
            mounts.places.share().map_err(failed)?;
            mounts.trees.try_out().await.map_err(failed)?;
            self.try_propagation(mounts).await
        };
        match tried.await {
            Ok(()) => Ok(true),
            Err(RuntimeError::Refused(why)) => {
                tracing::info!(why, "slugs cannot be mounted here; each is made an image instead, and no dynos are kept warm");
                Ok(false)
            }
            // Nothing was found out.
            Err(error) => Err(error),
        }
    }

    /// Makes what a start needs ready: the stack's image and the slug's files, or the app's image.
    pub(crate) async fn make_ready(self: &Arc<Self>, image: &Image) -> Result<(), RuntimeError> {
        match self.mounting().await? {
            Some(mounts) => {
                self.prepared(&image.stack, Variant::Run).await?;
                self.files(mounts, image.slug).await.map(drop)
            }
            None => self.image(image).await.map(drop),
        }
    }

    /// The folder of a slug's files.
    pub(crate) async fn files(self: &Arc<Self>, mounts: &Mounts, slug: Option<Sha256>) -> Result<PathBuf, RuntimeError> {
        match slug {
            Some(slug) => self.tree(&mounts.trees, slug).await,
            None => Ok(mounts.places.empty()),
        }
    }

    /// A new place, where slugs are mounted.
    pub(crate) async fn new_place(self: &Arc<Self>) -> Result<Option<String>, RuntimeError> {
        let Some(mounts) = self.mounting().await? else { return Ok(None) };
        self.place(mounts).map(Some)
    }

    pub(crate) fn place(&self, mounts: &Mounts) -> Result<String, RuntimeError> {
        mounts.places.make(self.clock.now()).map_err(|error| RuntimeError::Refused(format!("there is no place for the dyno: {error}")))
    }

    /// Mounts a dyno's files in its place, if it has one.
    pub(crate) async fn furnish(self: &Arc<Self>, place: Option<&str>, slug: Option<Sha256>) -> Result<(), RuntimeError> {
        let (Some(mounts), Some(place)) = (&self.mounts, place) else { return Ok(()) };
        let files = self.files(mounts, slug).await?;
        mounts.places.mount(place, &files).map_err(|error| RuntimeError::Refused(format!("the slug could not be mounted: {error}")))
    }

    /// Removes a place whose container is no more; a failure is only worth a note, since the next sweep tries again.
    pub(crate) async fn leave(&self, place: Option<String>) {
        let (Some(mounts), Some(place)) = (&self.mounts, place) else { return };
        let (places, name) = (mounts.places.clone(), place.clone());
        let removed = tokio::task::spawn_blocking(move || places.remove(&name)).await;
        if let Err(error) = removed.map_err(io::Error::other).and_then(|removed| removed) {
            tracing::warn!(place, %error, "a dyno's files could not be removed; it is tried again");
        }
    }

    /// The slugs whose files a container has, and the places containers are in.
    async fn mounted_for(&self, mounts: &Mounts) -> Result<(BTreeSet<Sha256>, HashSet<String>), RuntimeError> {
        let (mut slugs, mut named) = (BTreeSet::new(), HashSet::new());
        let options = ListContainersOptions { all: true, filters: Some(self.instance.filter_all()), ..Default::default() };
        for labels in self.api.list_containers(Some(options)).await.map_err(refused)?.into_iter().filter_map(|container| container.labels) {
            let Some(place) = labels.get(PLACE) else { continue };
            let labels = mounts.places.assigned(place).unwrap_or_else(|| labels.clone());
            slugs.extend(labels.get(SLUG).and_then(|slug| slug.parse::<Sha256>().ok()));
            named.insert(place.clone());
        }
        Ok((slugs, named))
    }

    /// The files of slugs, with what they take on the disk.
    pub(crate) async fn stored_trees(&self) -> Result<Vec<Stored>, RuntimeError> {
        let Some(mounts) = &self.mounts else { return Ok(Vec::new()) };
        let (used, _) = self.mounted_for(mounts).await?;
        let files = mounts.trees.files().map_err(|error| RuntimeError::Refused(format!("the slugs' files could not be measured: {error}")))?;
        let stored =
            |(slug, name, bytes)| Stored { kind: StoredKind::SlugImage { slug: Some(slug), outdated: false }, name, bytes, in_use: used.contains(&slug) };
        Ok(files.into_iter().map(stored).collect())
    }

    /// Removes what no container needs any more: places nobody is in, and files of slugs not named here.
    pub(crate) async fn retain_mounts(&self, slugs: &BTreeSet<Sha256>) -> Result<(), RuntimeError> {
        let Some(mounts) = &self.mounts else { return Ok(()) };
        let (mut kept, named) = self.mounted_for(mounts).await?;
        kept.extend(slugs);
        let (places, trees, before) = (mounts.places.clone(), mounts.trees.clone(), self.clock.now() - GRACE);
        let swept = tokio::task::spawn_blocking(move || places.sweep(&named, before).and_then(|()| trees.retain(&kept)));
        let swept = swept.await.map_err(io::Error::other).and_then(|swept| swept);
        swept.map_err(|error| RuntimeError::Refused(format!("what was mounted could not be removed: {error}")))
    }

    /// Removes places that an earlier life, which ended before this time, made and had no container for yet. Not at once: the
    /// engine may still be making it.
    pub(crate) async fn sweep_places(self: Arc<Self>, before: Timestamp) {
        let Some(mounts) = &self.mounts else { return };
        tokio::time::sleep(AFTER_A_CRASH).await;
        let swept = async {
            let (_, named) = self.mounted_for(mounts).await?;
            let places = mounts.places.clone();
            let swept = tokio::task::spawn_blocking(move || places.sweep(&named, before)).await;
            swept.map_err(io::Error::other).and_then(|swept| swept).map_err(|error| RuntimeError::Refused(error.to_string()))
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, "places of an earlier life could not be removed; the sweeper does it");
        }
    }

    /// Removes spares of an earlier life that became nothing.
    pub(crate) async fn sweep_spares(&self) -> Result<(), RuntimeError> {
        let options = ListContainersOptions { all: true, filters: Some(self.instance.filter(Kind::Spare)), ..Default::default() };
        for container in self.api.list_containers(Some(options)).await.map_err(refused)? {
            let labels = container.labels.unwrap_or_default();
            if self.identity(&labels).is_none() {
                self.discard(&container.id.unwrap_or_default()).await;
                self.leave(labels.get(PLACE).cloned()).await;
            }
        }
        Ok(())
    }
}
