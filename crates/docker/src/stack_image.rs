//! Stack images made ready: with `dyno-init`, the folders builds expect, and the certificates this installation trusts.
//! Made once per stack image, `dyno-init` and certificates; the name carries a digest of all three.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bollard::query_parameters::DownloadFromContainerOptions;
use bytes::Bytes;
use domain::StackName;
use futures_util::TryStreamExt;
use ports::{RuntimeError, runtime::Base};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::StackImages;
use crate::{
    archive::{APP_UID, Archive, ROOT_UID, only_file},
    connect::Engine,
    error::{found, refused},
    images::Target,
    labels::{BASE, Kind},
};

/// Where `dyno-init` is in every image.
pub(crate) const DYNO_INIT: &str = "/.mypaas/dyno-init";

/// To be counted up when what is done to a stack image changes.
const RECIPE: &str = "2";

/// On the images that `deploy/stack/build` makes.
const RECIPE_LABEL: &str = "mypaas.recipe";

const TRUST_STORE: &str = "etc/ssl/certs/ca-certificates.crt";
const EXTRA_CA: &str = "usr/local/share/ca-certificates/mypaas-extra.crt";

/// The settings by which the languages' own tools find the trust store.
const TRUST_SETTINGS: &[&str] = &["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Variant {
    Run,
    Build,
}

/// A prepared stack image.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) name: String,
    /// In hex; differs when anything in the image may.
    pub(crate) digest: String,
}

/// What was there a moment ago is not looked for again by every one of many starts.
#[derive(Default)]
pub(crate) struct Lately(Mutex<HashMap<(StackName, Variant), (Instant, Prepared)>>);

const A_MOMENT: Duration = Duration::from_secs(2);

impl Lately {
    fn seen(&self, stack: &StackName, variant: Variant) -> Option<Prepared> {
        self.lock().get(&(stack.clone(), variant)).filter(|(at, _)| at.elapsed() < A_MOMENT).map(|(_, prepared)| prepared.clone())
    }

    /// It is not there after all.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(StackName, Variant), (Instant, Prepared)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// The prepared image of a stack, which is made if it is not there.
    pub(crate) async fn prepared(self: &Arc<Self>, stack: &StackName, variant: Variant) -> Result<Prepared, RuntimeError> {
        if let Some(prepared) = self.lately.seen(stack, variant) {
            return Ok(prepared);
        }
        let prepared = self.look_or_prepare(stack, variant).await?;
        self.lately.lock().insert((stack.clone(), variant), (Instant::now(), prepared.clone()));
        Ok(prepared)
    }

    async fn look_or_prepare(self: &Arc<Self>, stack: &StackName, variant: Variant) -> Result<Prepared, RuntimeError> {
        let images = self.stacks.iter().find(|images| images.name == *stack).ok_or_else(|| RuntimeError::NoStack(stack.clone()))?;
        let (id, target, digest) = self.to_prepare(images, variant).await?.ok_or_else(|| RuntimeError::NoStack(stack.clone()))?;
        let (name, mut labels) = (target.name(), self.instance.labels(Kind::StackImage));
        labels.insert(BASE.to_owned(), digest.clone());
        self.prepare(id, target, labels, move |engine, container| Box::pin(async move { engine.equip(&container, variant).await })).await?;
        Ok(Prepared { name, digest })
    }

    /// Every image that [`Self::prepared`] would answer with today, made or not. `None`: a stack's image is not there, and
    /// what was made of it may be all there is.
    pub(crate) async fn current_stacks(&self) -> Result<Option<Vec<Prepared>>, RuntimeError> {
        let mut current = Vec::new();
        for images in &self.stacks {
            for variant in [Variant::Run, Variant::Build] {
                let Some((_, target, digest)) = self.to_prepare(images, variant).await? else { return Ok(None) };
                current.push(Prepared { name: target.name(), digest });
            }
        }
        Ok(Some(current))
    }

    /// What dynos of each stack start on today.
    pub(crate) async fn bases(&self) -> Result<Vec<Base>, RuntimeError> {
        let mut bases = Vec::new();
        for images in &self.stacks {
            let Some(image) = found(self.api.inspect_image(&images.run_image).await)? else { continue };
            let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
            let image_id = image.id.unwrap_or_default();
            bases.push(Base {
                stack: images.name.clone(),
                digest: self.digest(&image_id),
                image: images.run_image.clone(),
                image_id,
                made_at: image.created.and_then(|text| text.parse().ok()),
                variant: match (labels.contains_key(RECIPE_LABEL), images.run_image.ends_with("-runtimes")) {
                    (false, _) => "foreign",
                    (true, true) => "runtimes",
                    (true, false) => "plain",
                },
            });
        }
        Ok(bases)
    }

    /// The stack's image, and what it is to be called once prepared. `None`: it is not on this machine.
    async fn to_prepare(&self, images: &StackImages, variant: Variant) -> Result<Option<(String, Target, String)>, RuntimeError> {
        let (source, word) = match variant {
            Variant::Run => (&images.run_image, "run"),
            Variant::Build => (&images.build_image, "build"),
        };
        let Some(image) = found(self.api.inspect_image(source).await)? else { return Ok(None) };
        let id = image.id.unwrap_or_default();
        let digest = self.digest(&id);
        let target = Target { repository: self.instance.repository(&format!("{}-{word}", images.name)), tag: digest[..12].to_owned() };
        Ok(Some((id, target, digest)))
    }

    fn digest(&self, stack_image_id: &str) -> String {
        let mut hasher = Sha256::new();
        for part in [RECIPE.as_bytes(), stack_image_id.as_bytes(), &self.dyno_init, self.extra_ca.as_deref().unwrap_or_default()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        domain::Sha256(hasher.finalize().into()).to_string()
    }

    async fn equip(&self, container: &str, variant: Variant) -> Result<(), RuntimeError> {
        let trust = match &self.extra_ca {
            Some(extra) => Some((extra, self.trust_store(container, extra).await?)),
            None => None,
        };
        let archive = || {
            let mut archive = Archive::new().folder(".mypaas", ROOT_UID)?.file(&DYNO_INIT[1..], &self.dyno_init, 0o755)?.folder("app", APP_UID)?;
            if variant == Variant::Build {
                // A cache's volume takes its first owner from the folder it is mounted over.
                for folder in ["tmp/codon", "tmp/codon/tmp", "tmp/codon/tmp/cache", "tmp/codon/tmp/buildpacks", "tmp/codon/tmp/env"] {
                    archive = archive.folder(folder, APP_UID)?;
                }
            }
            if let Some((extra, store)) = &trust {
                archive = archive.file(TRUST_STORE, store, 0o644)?.file(EXTRA_CA, extra, 0o644)?;
            }
            archive.finish()
        };
        let archive = archive().map_err(|error: std::io::Error| RuntimeError::Refused(format!("the stack image could not be prepared: {error}")))?;
        self.put(container, "/", bollard::body_full(archive)).await
    }

    /// The image's certificates and the extra ones, one after the other.
    async fn trust_store(&self, container: &str, extra: &Bytes) -> Result<Vec<u8>, RuntimeError> {
        let options = DownloadFromContainerOptions { path: format!("/{TRUST_STORE}") };
        let download: Result<Vec<Bytes>, _> = self.api.download_from_container(container, Some(options)).try_collect().await;
        let mut store = match found(download)? {
            Some(chunks) => only_file(&chunks.concat()).map_err(|error| refused(error.into()))?.unwrap_or_default(),
            None => Vec::new(),
        };
        if !store.is_empty() && !store.ends_with(b"\n") {
            store.push(b'\n');
        }
        store.extend_from_slice(extra);
        Ok(store)
    }

    /// Adds what makes the languages' tools trust the extra certificates, unless the environment says otherwise.
    pub(crate) fn with_trust(&self, mut env: Vec<(String, String)>) -> Vec<(String, String)> {
        if self.extra_ca.is_some() {
            for name in TRUST_SETTINGS {
                if !env.iter().any(|(key, _)| key == name) {
                    env.push(((*name).to_owned(), format!("/{TRUST_STORE}")));
                }
            }
        }
        env
    }
}
