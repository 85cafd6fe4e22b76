//! App images: a prepared stack image and a slug. An image gets its name only when it is whole, and is made once however
//! many ask for it at the same time.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use bollard::{
    models::{ContainerConfig, ContainerCreateBody, HostConfig},
    query_parameters::{CommitContainerOptions, CreateContainerOptions, UploadToContainerOptions},
};
use domain::Sha256;
use futures_util::{StreamExt, future::BoxFuture};
use ports::{RuntimeError, runtime::Image};

use crate::{
    connect::Engine,
    error::{found, refused},
    labels::{BASE, Kind, Labels, SLUG},
    stack_image::Variant,
};

/// One lock per image that is being made.
#[derive(Default)]
pub(crate) struct Preparations(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Preparations {
    pub(crate) fn of(&self, image: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = locks.get(image).and_then(Weak::upgrade).unwrap_or_default();
        locks.insert(image.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

/// What an image is to be called.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) repository: String,
    pub(crate) tag: String,
}

impl Target {
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

impl Engine {
    /// The name of the image that a dyno starts from, which is made if it is not there.
    pub(crate) async fn image(self: &Arc<Self>, image: &Image) -> Result<String, RuntimeError> {
        let stack = self.prepared(&image.stack, Variant::Run).await?;
        let Some(slug) = image.slug else { return Ok(stack.name) };
        let target = Target { repository: self.instance.repository("slug"), tag: format!("{}-{}", &slug.to_string()[..12], &stack.digest[..8]) };
        let name = target.name();
        let mut labels = self.instance.labels(Kind::SlugImage);
        labels.extend([(SLUG.to_owned(), slug.to_string()), (BASE.to_owned(), stack.digest)]);
        self.prepare(stack.name, target, labels, move |engine, container| Box::pin(async move { engine.unpack(&container, slug).await })).await?;
        Ok(name)
    }

    /// Makes an image out of another one by filling a container, unless it is there. Not cut short when the caller is:
    /// others may be waiting for the same image.
    pub(crate) async fn prepare(
        self: &Arc<Self>,
        from: String,
        target: Target,
        labels: Labels,
        fill: impl FnOnce(Arc<Self>, String) -> BoxFuture<'static, Result<(), RuntimeError>> + Send + 'static,
    ) -> Result<(), RuntimeError> {
        let name = target.name();
        if found(self.api.inspect_image(&name).await)?.is_some() {
            return Ok(());
        }
        let engine = self.clone();
        let made = tokio::spawn(async move {
            let lock = engine.preparations.of(&name);
            let _making = lock.lock().await;
            if found(engine.api.inspect_image(&name).await)?.is_some() {
                return Ok(());
            }
            let container = engine.unstarted(from).await?;
            let made = match fill(engine.clone(), container.clone()).await {
                Ok(()) => engine.commit(&container, target, labels).await,
                Err(error) => Err(error),
            };
            engine.discard(&container).await;
            made
        });
        made.await.map_err(|error| RuntimeError::Refused(error.to_string()))?
    }

    /// A container that is only ever filled.
    async fn unstarted(&self, image: String) -> Result<String, RuntimeError> {
        let body = ContainerCreateBody {
            image: Some(image),
            cmd: Some(vec!["true".to_owned()]),
            entrypoint: Some(Vec::new()),
            labels: Some(self.instance.labels(Kind::Preparation)),
            host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..Default::default() }),
            ..Default::default()
        };
        Ok(self.api.create_container(None::<CreateContainerOptions>, body).await.map_err(refused)?.id)
    }

    /// Makes the container's files an image and gives it its name: one call, so there is no half of it.
    async fn commit(&self, container: &str, target: Target, labels: Labels) -> Result<(), RuntimeError> {
        let options = CommitContainerOptions {
            container: Some(container.to_owned()),
            repo: Some(target.repository),
            tag: Some(target.tag),
            pause: false,
            ..Default::default()
        };
        self.api.commit_container(options, ContainerConfig { labels: Some(labels), ..Default::default() }).await.map_err(refused)?;
        Ok(())
    }

    async fn unpack(&self, container: &str, slug: Sha256) -> Result<(), RuntimeError> {
        let blob = self.blobs.open(slug).await.map_err(|error| RuntimeError::Slug(Box::new(error)))?;
        // The engine only sees that the upload breaks off; why is noted on the way.
        let broken: Arc<OnceLock<io::Error>> = Arc::default();
        let note = broken.clone();
        let blob = blob.map(move |chunk| {
            chunk.map_err(|error| {
                let kind = error.kind();
                let _ = note.set(error);
                io::Error::from(kind)
            })
        });
        let put = self.put(container, "/", bollard::body_try_stream(blob)).await;
        match Arc::into_inner(broken).and_then(OnceLock::into_inner) {
            Some(error) => Err(RuntimeError::Slug(Box::new(error))),
            None => put,
        }
    }

    /// Unpacks an archive (gzipped or not; numeric owners are kept) in a container.
    pub(crate) async fn put(&self, container: &str, path: &str, archive: Body) -> Result<(), RuntimeError> {
        let options = UploadToContainerOptions { path: path.to_owned(), ..Default::default() };
        self.api.upload_to_container(container, Some(options), archive).await.map_err(refused)
    }
}

/// What an upload sends.
pub(crate) type Body = http_body_util::Either<
    http_body_util::Full<bytes::Bytes>,
    http_body_util::StreamBody<std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<hyper::body::Frame<bytes::Bytes>, io::Error>> + Send>>>,
>;
