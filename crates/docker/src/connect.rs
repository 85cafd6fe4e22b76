//! The connection to the engine, and what is put in order when it begins.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bollard::query_parameters::{ListContainersOptions, RemoveContainerOptions};
use bytes::Bytes;
use domain::StackName;
use ports::{Blobs, Clock, LogSink, RuntimeError};
use tokio::sync::{Notify, RwLock, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    disk::{Disk, DiskLimits},
    error::refused,
    events,
    images::Preparations,
    known::Known,
    labels::{Instance, Kind},
    logs::Since,
    network::Network,
    pool::{self, Pool},
    seen,
    stack_image::Lately,
    wall::{Reach, Wall},
    way::Mounts,
};

/// Where the engine is and what this installation brings along.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The engine's socket; `None` is the usual place.
    pub socket: Option<PathBuf>,
    /// Tells this installation's things from others' on the same engine: eight hex digits, say.
    pub instance: String,
    pub stacks: Vec<StackImages>,
    /// The static `dyno-init` that is put into every image.
    pub dyno_init: PathBuf,
    /// Certificates (PEM) that dynos and builds trust besides the stack's own.
    pub extra_ca_file: Option<PathBuf>,
    pub reach: Reach,
    pub disk: DiskLimits,
    /// The folder in which slugs and dynos' own files lie, in folders of their names.
    pub home: PathBuf,
    /// Whether slugs are mounted where that is possible, and not each made an image.
    pub mount_slugs: bool,
    /// How many spare dynos are kept of each sort that is in use; only where slugs are mounted.
    pub spares: usize,
    pub log_rate: LogRate,
}

/// What a dyno's output may come to in a second before it is dropped and counted, by the dyno's own `dyno-init`: the engine
/// works for every byte that it is given, and nobody limits the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRate {
    pub lines: u32,
    pub bytes: u32,
}

impl Default for LogRate {
    fn default() -> Self {
        Self { lines: 10_000, bytes: 4 << 20 }
    }
}

/// The images of a stack, by the names the engine knows them by.
#[derive(Debug, Clone)]
pub struct StackImages {
    pub name: StackName,
    /// What dynos start from.
    pub run_image: String,
    /// What builds run in: the same and compilers.
    pub build_image: String,
}

/// A Docker engine. Dropping it stops watching; dynos keep running.
pub struct Docker {
    pub(crate) engine: Arc<Engine>,
    _stop: DropGuard,
}

/// What every part of this crate works with.
pub(crate) struct Engine {
    pub(crate) api: bollard::Docker,
    pub(crate) socket: PathBuf,
    pub(crate) instance: Instance,
    pub(crate) stacks: Vec<StackImages>,
    pub(crate) dyno_init: Bytes,
    pub(crate) extra_ca: Option<Bytes>,
    pub(crate) network: Network,
    pub(crate) wall: Wall,
    pub(crate) disk: Disk,
    pub(crate) preparations: Preparations,
    pub(crate) lately: Lately,
    /// `None`: the folders for it cannot be made.
    pub(crate) mounts: Option<Mounts>,
    pub(crate) pool: Pool,
    pub(crate) log_rate: LogRate,
    pub(crate) known: Known,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) changes: Arc<Notify>,
    pub(crate) starts: Semaphore,
    /// Held by every build whose container is being removed.
    pub(crate) removals: Arc<RwLock<()>>,
    /// Processors of the engine's machine, in thousandths: it refuses a limit above.
    pub(crate) cpu_milli: u64,
    pub(crate) stop: CancellationToken,
}

pub(crate) const USUAL_SOCKET: &str = "/var/run/docker.sock";

/// How long the engine may take to begin an answer; committing an image is the slowest.
const ANSWER_SECS: u64 = 300;

/// Starting is bound by the processor; more at once only makes each slower.
pub(crate) const STARTS_AT_ONCE: usize = 4;

impl Docker {
    /// Connects, removes what builds of an earlier run left behind, and takes up the dynos that run.
    pub async fn connect(settings: Settings, blobs: Arc<dyn Blobs>, clock: Arc<dyn Clock>, logs: Arc<dyn LogSink>) -> Result<Arc<Self>, RuntimeError> {
        let socket = settings.socket.unwrap_or_else(|| USUAL_SOCKET.into());
        let api = engine(&socket).await?;
        let dyno_init = read(&settings.dyno_init).await?;
        let extra_ca = match &settings.extra_ca_file {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        let info = api.info().await.map_err(refused)?;
        let cpus = info.ncpu.and_then(|cpus| u64::try_from(cpus).ok()).unwrap_or(1);
        let disk = Disk::of(&api, &info, settings.disk, settings.stacks.first().map(|stack| stack.run_image.as_str())).await;
        let stop = CancellationToken::new();
        let pool = Pool::new(settings.spares, settings.stacks.first().map(|stack| &stack.name));
        let engine = Arc::new(Engine {
            api,
            socket,
            instance: Instance(settings.instance),
            stacks: settings.stacks,
            dyno_init,
            extra_ca,
            network: Network::default(),
            wall: Wall::new(settings.reach),
            disk,
            preparations: Preparations::default(),
            lately: Lately::default(),
            mounts: Mounts::open(&settings.home, settings.mount_slugs).inspect_err(|error| tracing::info!(%error, "slugs cannot be mounted")).ok(),
            pool,
            log_rate: settings.log_rate,
            known: Known::default(),
            blobs,
            clock,
            logs,
            changes: Arc::default(),
            starts: Semaphore::new(STARTS_AT_ONCE),
            removals: Arc::default(),
            cpu_milli: cpus * 1000,
            stop: stop.clone(),
        });
        engine.network().await?;
        engine.sweep().await?;
        engine.spawn(events::follow(engine.clone()));
        engine.spawn(engine.clone().sweep_places(engine.clock.now()));
        engine.spawn(engine.clone().keep_wall());
        engine.spawn(engine.clone().watch_disk());
        seen::list(&engine, Since::Adoption).await?;
        if engine.mounts.is_some() {
            engine.spawn(pool::keep(engine.clone()));
        }
        Ok(Arc::new(Self { engine, _stop: stop.drop_guard() }))
    }
}

impl Docker {
    /// Removes the spare dynos. Those of a life that ended without it end themselves, and the next one removes them.
    pub async fn dismiss_spares(&self) {
        self.engine.dismiss_spares().await;
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        self.engine.pool.release();
    }
}

impl Engine {
    /// Runs a task until it ends or the connection is dropped.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        tokio::spawn(async move {
            stop.run_until_cancelled(task).await;
        });
    }

    /// Removes containers that only a run of the platform that is over had a use for.
    async fn sweep(&self) -> Result<(), RuntimeError> {
        for kind in [Kind::Sandbox, Kind::Preparation] {
            let options = ListContainersOptions { all: true, filters: Some(self.instance.filter(kind)), ..Default::default() };
            for container in self.api.list_containers(Some(options)).await.map_err(refused)? {
                self.discard(&container.id.unwrap_or_default()).await;
            }
        }
        self.sweep_spares().await
    }

    /// Removes a container whatever it does; a failure is only worth a note, since the next connection sweeps.
    pub(crate) async fn discard(&self, id: &str) {
        let options = RemoveContainerOptions { force: true, v: true, ..Default::default() };
        if let Err(error) = self.api.remove_container(id, Some(options)).await
            && crate::error::status(&error) != Some(404)
        {
            tracing::warn!(container = id, %error, "a container that is no longer needed could not be removed");
        }
    }
}

pub(crate) async fn engine(socket: &Path) -> Result<bollard::Docker, RuntimeError> {
    let api = bollard::Docker::connect_with_unix(&socket.to_string_lossy(), ANSWER_SECS, bollard::API_DEFAULT_VERSION).map_err(refused)?;
    api.negotiate_version().await.map_err(refused)
}

async fn read(path: &PathBuf) -> Result<Bytes, RuntimeError> {
    let bytes = tokio::fs::read(path).await.map_err(|error| RuntimeError::Refused(format!("{} could not be read: {error}", path.display())))?;
    Ok(bytes.into())
}
