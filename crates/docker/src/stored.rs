//! What lies on the engine's disk for this installation, and the removal of what is not needed any more.
//!
//! What is removed is decided by [`Stored::unneeded`] alone. An image that a container or another image needs is refused by
//! the engine and stays for the next time; so does a volume that a build is using.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bollard::{
    models::ImageSummary,
    query_parameters::{ListContainersOptions, ListImagesOptions, RemoveImageOptions},
};
use ports::{
    RuntimeError,
    runtime::{Kept, Stored, StoredKind},
};

use crate::{
    cache,
    connect::Engine,
    error::{refused, status},
    labels::{Kind, SLUG},
    stack_image::Prepared,
    usage,
};

impl Engine {
    /// Images and caches with their sizes.
    pub(crate) async fn stored(self: &Arc<Self>) -> Result<Vec<Stored>, RuntimeError> {
        let mut stored = self.stored_images().await?;
        stored.extend(self.stored_trees().await?);
        let sizes = usage::volumes(&self.socket).await?;
        for mut cache in self.stored_caches().await? {
            let known = sizes.get(&cache.name).copied().unwrap_or_default();
            (cache.bytes, cache.in_use) = (known.bytes, known.in_use);
            stored.push(cache);
        }
        Ok(stored)
    }

    /// Removes what is not needed.
    pub(crate) async fn retain(self: &Arc<Self>, kept: &Kept) -> Result<(), RuntimeError> {
        self.builds_are_gone().await;
        for cache in self.stored_caches().await?.iter().filter(|cache| cache.unneeded(kept).is_some()) {
            match self.remove_cache(&cache.name).await {
                // A build is using it.
                Err(RuntimeError::Refused(_)) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        self.lately.forget();
        self.renew_spares().await?;
        self.retain_mounts(&kept.slugs).await?;
        // Slugs' images come first: those of stacks are under them.
        for image in self.stored_images().await?.iter().filter(|image| image.unneeded(kept).is_some()) {
            match self.api.remove_image(&image.name, None::<RemoveImageOptions>, None).await {
                Err(error) if !matches!(status(&error), Some(404 | 409)) => return Err(refused(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Images of slugs, then those of stacks.
    async fn stored_images(&self) -> Result<Vec<Stored>, RuntimeError> {
        let all = self.images(None).await?;
        let sizes: HashMap<&str, i64> = all.iter().map(|image| (image.id.as_str(), image.size)).collect();
        let used = self.used(&all).await?;
        let current = self.current_stacks().await?;
        let mut stored = Vec::new();
        for kind in [Kind::SlugImage, Kind::StackImage] {
            for image in self.images(Some(kind)).await? {
                let outdated = current.as_ref().is_some_and(|current| is_outdated(&image, kind, current));
                let slug = image.labels.get(SLUG).and_then(|slug| slug.parse().ok());
                let under = sizes.get(image.parent_id.as_str()).copied().unwrap_or(0);
                stored.push(Stored {
                    kind: if kind == Kind::SlugImage { StoredKind::SlugImage { slug, outdated } } else { StoredKind::StackImage { outdated } },
                    bytes: u64::try_from(image.size - under).unwrap_or(0),
                    in_use: used.contains(&image.id),
                    // One that has lost its name is still known by its id.
                    name: image.repo_tags.into_iter().next().filter(|tag| !tag.starts_with('<')).unwrap_or(image.id),
                });
            }
        }
        Ok(stored)
    }

    async fn stored_caches(&self) -> Result<Vec<Stored>, RuntimeError> {
        let stored = |volume| Stored { kind: StoredKind::Cache { app: cache::of(&volume) }, name: volume.name, bytes: 0, in_use: false };
        Ok(self.caches().await?.into_iter().map(stored).collect())
    }

    /// The images that our containers are made of, and all those under them.
    async fn used(&self, all: &[ImageSummary]) -> Result<HashSet<String>, RuntimeError> {
        let parents: HashMap<&str, &str> = all.iter().map(|image| (image.id.as_str(), image.parent_id.as_str())).collect();
        let options = ListContainersOptions { all: true, filters: Some(self.instance.filter_all()), ..Default::default() };
        let containers = self.api.list_containers(Some(options)).await.map_err(refused)?;
        let mut used = HashSet::new();
        for image in containers.into_iter().filter_map(|container| container.image_id) {
            let mut next = Some(image.as_str());
            while let Some(id) = next.filter(|id| !id.is_empty()) {
                if !used.insert(id.to_owned()) {
                    break;
                }
                next = parents.get(id).copied();
            }
        }
        Ok(used)
    }

    /// Ours of a kind, or everybody's, those without a name among them.
    async fn images(&self, kind: Option<Kind>) -> Result<Vec<ImageSummary>, RuntimeError> {
        let options = ListImagesOptions { all: kind.is_none(), filters: kind.map(|kind| self.instance.filter(kind)), ..Default::default() };
        self.api.list_images(Some(options)).await.map_err(refused)
    }
}

/// Whether it is none of today's stack images, nor made from one.
fn is_outdated(image: &ImageSummary, kind: Kind, current: &[Prepared]) -> bool {
    let of_today = |tag: &String| {
        current.iter().any(|stack| if kind == Kind::SlugImage { tag.ends_with(&format!("-{}", &stack.digest[..8])) } else { stack.name == *tag })
    };
    !image.repo_tags.iter().any(of_today)
}
