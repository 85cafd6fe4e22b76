//! Making, finding and removing the containers of dynos.

use std::{sync::Arc, time::Duration};

use bollard::{
    models::ContainerStateStatusEnum as Status,
    query_parameters::{CreateContainerOptions, InspectContainerOptions, KillContainerOptions, RemoveContainerOptions},
};
use ports::{
    RuntimeError,
    runtime::{ContainerKey, ContainerSpec},
};

use crate::{
    connect::Engine,
    error::{found, refused, status},
    labels::{Kind, Labels, PLACE, Tagged},
    logs::Since,
    seen,
    spec::Streams,
    stack_image::Variant,
};

/// What was found under a dyno's name.
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) tagged: Tagged,
    pub(crate) status: Status,
}

impl Found {
    fn runs(&self) -> bool {
        matches!(self.status, Status::RUNNING | Status::PAUSED | Status::RESTARTING | Status::STOPPING)
    }
}

/// What came of making a container.
#[derive(Debug)]
pub(crate) enum Made {
    /// Not started yet, its files not mounted if it has a place for them.
    Ready { id: String, place: Option<String> },
    /// This very generation was started before.
    Started,
}

/// Names become free only a moment after a removal.
const TRIES: usize = 40;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

impl Engine {
    /// A dyno's container of this generation, under either name.
    pub(crate) async fn find(&self, key: &ContainerKey, generation: u64) -> Result<Option<Found>, RuntimeError> {
        for name in [self.instance.container(key), self.instance.second_container(key)] {
            if let Some(found) = self.find_named(key, &name).await?.filter(|found| found.tagged.generation == generation) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    pub(crate) async fn find_named(&self, key: &ContainerKey, name: &str) -> Result<Option<Found>, RuntimeError> {
        let inspected = found(self.api.inspect_container(name, None::<InspectContainerOptions>).await)?;
        Ok(inspected.and_then(|container| {
            let labels = container.config.and_then(|config| config.labels)?;
            let status = container.state.and_then(|state| state.status).unwrap_or(Status::EMPTY);
            // A spare with a dyno's name that was not to be: older than anything.
            let nothing =
                || Tagged { key: key.clone(), generation: 0, one_off: false, attached: true, port: None, place: labels.get(PLACE).cloned(), since: None };
            let tagged = self.identity(&labels).or_else(|| self.instance.is_spare(&labels).then(nothing))?;
            Some(Found { id: container.id?, tagged, status })
        }))
    }

    /// The name that a container is to have: of two names one, and with preboot the one that its predecessor has not. Whoever
    /// else has the other name is removed.
    pub(crate) async fn name_for(&self, spec: &ContainerSpec) -> Result<String, RuntimeError> {
        let (first, second) = (self.instance.container(&spec.key), self.instance.second_container(&spec.key));
        match self.find_named(&spec.key, &second).await? {
            Some(other) if other.tagged.generation > spec.generation => {
                Err(RuntimeError::Stale { dyno: spec.key.dyno.clone(), asked: spec.generation, current: other.tagged.generation })
            }
            Some(other) if other.tagged.generation == spec.generation => Ok(second),
            Some(other) if Some(other.tagged.generation) == spec.beside => Ok(first),
            other => {
                if let Some(older) = other {
                    self.remove(&older).await?;
                }
                Ok(if spec.beside.is_some() { second } else { first })
            }
        }
    }

    /// What a container is, by its labels or by what it has become since.
    pub(crate) fn identity(&self, labels: &Labels) -> Option<Tagged> {
        if !self.instance.is_spare(labels) {
            return Tagged::read(&self.instance, labels);
        }
        let mut labels = labels.clone();
        labels.extend(self.mounts.as_ref()?.places.assigned(labels.get(PLACE)?)?);
        Tagged::read(&self.instance, &labels)
    }

    /// Makes a container exist, replacing one of an older generation.
    pub(crate) async fn make(self: &Arc<Self>, spec: &ContainerSpec, streams: Streams) -> Result<Made, RuntimeError> {
        let new = self.new_place().await?;
        let made = self.make_in(new.as_deref(), spec, streams).await;
        if !matches!(&made, Ok(Made::Ready { place, .. }) if *place == new) {
            self.leave(new).await;
        }
        made
    }

    async fn make_in(self: &Arc<Self>, place: Option<&str>, spec: &ContainerSpec, streams: Streams) -> Result<Made, RuntimeError> {
        let name = self.name_for(spec).await?;
        for _ in 0..TRIES {
            // Looked up each time: an admin's prune may have removed either.
            let image = match place {
                Some(_) => self.prepared(&spec.image.stack, Variant::Run).await?.name,
                None => self.image(&spec.image).await?,
            };
            let body = self.within_quota(Kind::Dyno, self.dyno(spec, image, self.network().await?, streams, place));
            let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
            match self.api.create_container(Some(options), body).await {
                Ok(made) => return Ok(Made::Ready { id: made.id, place: place.map(str::to_owned) }),
                Err(error) if status(&error) == Some(409) => match self.find_named(&spec.key, &name).await? {
                    Some(other) if other.tagged.generation > spec.generation => {
                        return Err(RuntimeError::Stale { dyno: spec.key.dyno.clone(), asked: spec.generation, current: other.tagged.generation });
                    }
                    Some(other) if other.tagged.generation == spec.generation && other.status == Status::CREATED => {
                        return Ok(Made::Ready { id: other.id, place: other.tagged.place });
                    }
                    Some(other) if other.tagged.generation == spec.generation => return Ok(Made::Started),
                    Some(older) => self.remove(&older).await?,
                    None => tokio::time::sleep(BETWEEN_TRIES).await,
                },
                Err(error) if status(&error) == Some(404) => {
                    self.lately.forget();
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                Err(error) => return Err(refused(error)),
            }
        }
        Err(RuntimeError::Refused(format!("the name {name} stayed taken, or its image missing")))
    }

    pub(crate) async fn ensure_running(self: &Arc<Self>, spec: &ContainerSpec) -> Result<(), RuntimeError> {
        // What has to be made first must not hold up others' starts.
        self.make_ready(&spec.image).await?;
        // It takes next to no work, so it waits for nobody.
        if self.start_warm(spec).await? {
            return Ok(());
        }
        let _one_of_few = self.starts.acquire().await.map_err(|error| RuntimeError::Refused(error.to_string()))?;
        if let Made::Ready { id, place } = self.make(spec, Streams::Logged).await? {
            self.furnish(place.as_deref(), spec.image.slug).await?;
            self.start(&id).await?;
        }
        Ok(())
    }

    /// Starts it and begins to look after it.
    pub(crate) async fn start(self: &Arc<Self>, id: &str) -> Result<(), RuntimeError> {
        self.api.start_container(id, None).await.map_err(refused)?;
        if let Some(container) = found(self.api.inspect_container(id, None::<InspectContainerOptions>).await)? {
            seen::look_after(self, &container, Since::Beginning);
        }
        self.changes.notify_one();
        Ok(())
    }

    /// Sends a signal to its first process, if it is of this generation and runs.
    pub(crate) async fn signal(&self, key: &ContainerKey, generation: u64, signal: &str) -> Result<(), RuntimeError> {
        match self.find(key, generation).await? {
            Some(found) if found.runs() => self.send(&found.id, signal).await,
            _ => Ok(()),
        }
    }

    async fn send(&self, id: &str, signal: &str) -> Result<(), RuntimeError> {
        match self.api.kill_container(id, Some(KillContainerOptions { signal: signal.to_owned() })).await {
            // Gone, or not running (any more): as good as done.
            Err(error) if !matches!(status(&error), Some(404 | 409)) => Err(refused(error)),
            _ => Ok(()),
        }
    }

    pub(crate) async fn ensure_gone(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        match self.find(key, generation).await? {
            Some(found) => self.remove(&found).await,
            None => Ok(()),
        }
    }

    /// Ends and removes it, but not before what it wrote has been read.
    pub(crate) async fn remove(&self, container: &Found) -> Result<(), RuntimeError> {
        if container.runs() {
            self.send(&container.id, "SIGKILL").await?;
        }
        self.drain(&container.id).await;
        let options = RemoveContainerOptions { force: true, v: true, ..Default::default() };
        match self.api.remove_container(&container.id, Some(options)).await {
            // 409: someone else is removing it.
            Err(error) if !matches!(status(&error), Some(404 | 409)) => return Err(refused(error)),
            _ => {}
        }
        self.leave(container.tagged.place.clone()).await;
        self.known.forget(&container.id);
        self.changes.notify_one();
        Ok(())
    }
}
