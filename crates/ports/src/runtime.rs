//! Where dynos run: an engine of containers, on this machine or elsewhere.
//!
//! Containers are named by app and dyno and carry a generation; an act with an older generation is refused, so that a late
//! act of a control plane that has been replaced does no harm.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use domain::{AppId, AppName, DynoName, Sha256, StackName, dyno_size::Limits};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

pub mod contract;
pub mod fake;
mod stored;

pub use stored::{Stored, StoredKind, Unneeded};

/// A dyno's container: one app, one dyno, never two of the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerKey {
    pub app: AppId,
    pub dyno: DynoName,
}

/// What a container runs from: a slug on a stack, or the bare stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub stack: StackName,
    pub slug: Option<Sha256>,
}

/// Everything needed to start a dyno. Has no `Debug`: the environment is secret.
#[derive(Clone)]
pub struct ContainerSpec {
    pub key: ContainerKey,
    pub generation: u64,
    /// For people who look at the engine; not what identifies.
    pub app_name: AppName,
    pub release: u32,
    pub image: Image,
    /// Run by `bash -c` inside the container, after `.profile.d`.
    pub command: String,
    /// Config vars and what the platform adds (PORT, DYNO, …).
    pub env: Vec<(String, String)>,
    pub limits: Limits,
    /// Watched until something listens on it: the dyno is bound. `None`: bound as soon as it runs.
    pub port: Option<u16>,
    /// The one older generation that may live on beside it; every other one must be gone before it starts.
    pub beside: Option<u64>,
}

/// A container as the engine shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenContainer {
    pub key: ContainerKey,
    pub generation: u64,
    pub condition: Condition,
    /// Whether it is a one-off dyno's, which no formation owns.
    pub one_off: bool,
    /// What it was started on: a [`Base::digest`]. `None`: nobody knows any more.
    pub base: Option<String>,
}

/// What dynos of a stack start on today. A dyno moves to it when it is next started, without a release or a build: the same
/// slug on the newest base (Heroku: "erosion resistance").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub stack: StackName,
    /// Differs when anything in it may; tells which containers were started on an older one.
    pub digest: String,
    /// The stack's image as the admin names it, and by its content.
    pub image: String,
    pub image_id: String,
    pub made_at: Option<Timestamp>,
    /// `runtimes` with the distribution's languages, `plain` without, `foreign` if we did not make it.
    pub variant: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Made, not started yet: treated as absent, since starting it is still owed.
    Created,
    /// Running; `bound` where it listens, once it does. An `address` is never assumed to be on this machine.
    Running {
        since: Timestamp,
        bound: bool,
        address: Option<SocketAddr>,
    },
    Exited {
        status: i32,
        oom_killed: bool,
    },
}

/// How much memory the processes of a container use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryUse {
    pub key: ContainerKey,
    pub generation: u64,
    pub rss: u64,
    pub cache: u64,
    pub swap: u64,
    /// Pages in and out since its start.
    pub pages_in: u64,
    pub pages_out: u64,
    /// How many of its threads want a processor.
    pub runnable: u64,
    /// How many of its processes the kernel has killed for want of memory.
    pub killed: u64,
}

/// How a one-off dyno is to be started.
pub struct OneOffSpec {
    pub container: ContainerSpec,
    /// A terminal of this size (columns, rows). `None`: plain pipes.
    pub terminal: Option<(u16, u16)>,
}

/// The bytes of an attached one-off dyno. Without a terminal, output and errors come together in `output`.
pub struct Attached {
    /// Ends when the process has ended and everything it wrote has been read.
    pub output: Box<dyn AsyncRead + Send + Unpin>,
    /// Shutting it down closes the process's standard input.
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
}

/// The machine that dynos run on, as its engine describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What it calls itself.
    pub name: String,
    /// `Docker 28.1.0`.
    pub engine: String,
    pub processors: u64,
    /// In bytes.
    pub memory: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("the container engine did not answer")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the image of stack {0} is not on this machine")]
    NoStack(StackName),
    #[error("generation {asked} of {dyno} was already replaced by {current}")]
    Stale { dyno: DynoName, asked: u64, current: u64 },
    #[error("the container engine refused: {0}")]
    Refused(String),
    /// Nothing may start: what keeps containers from the machine and from each other is not there.
    #[error("apps cannot be kept apart: {0}")]
    Unwalled(String),
    /// It was stopped for that. In bytes.
    #[error("more was written than {limit} bytes")]
    OutOfDisk { limit: u64 },
    /// It was stopped because the machine has no room left. In bytes.
    #[error("the disk is nearly full: {free} bytes are free, {floor} are needed")]
    DiskFull { free: u64, floor: u64 },
    #[error("the slug could not be read")]
    Slug(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What something in the engine may still be needed for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    pub apps: BTreeSet<AppId>,
    /// Those of the apps whose build caches are not worth their room any more.
    pub idle: BTreeSet<AppId>,
    pub slugs: BTreeSet<Sha256>,
}

/// An engine of containers. Only ever touches what carries this installation's label.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Makes the app's image ready, so that a start finds it. Doing it twice is the same as doing it once.
    async fn ensure_image(&self, image: &Image) -> Result<(), RuntimeError>;
    /// Makes a container with this key and generation exist and run; any other one of the same key is replaced, but for the
    /// generation that the specification leaves beside it.
    async fn ensure_running(&self, spec: &ContainerSpec) -> Result<(), RuntimeError>;
    /// Sends SIGTERM to all its processes. Fine if there is none.
    async fn terminate(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError>;
    /// Sends SIGKILL to all its processes. Fine if there is none.
    async fn kill(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError>;
    /// Makes no container of this key and generation exist.
    async fn ensure_gone(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError>;
    /// What the running containers of dynos use (bytes). One that cannot be measured is not named.
    async fn memory(&self) -> Result<Vec<MemoryUse>, RuntimeError>;
    /// Every container of this installation.
    async fn list(&self) -> Result<Vec<SeenContainer>, RuntimeError>;
    /// Starts a one-off dyno and hands over its bytes. Its output does not go to the log.
    async fn run_attached(&self, spec: &OneOffSpec) -> Result<Attached, RuntimeError>;
    /// Gives the terminal of an attached one-off dyno another size (columns, rows). Fine if there is none (any more).
    async fn resize(&self, key: &ContainerKey, size: (u16, u16)) -> Result<(), RuntimeError>;
    /// Waits until the container is no longer running, and says how it ended. `None`: there is none.
    async fn wait(&self, key: &ContainerKey) -> Result<Option<i32>, RuntimeError>;
    /// Removes build caches and images of apps and slugs not named here. What a container still uses stays for next time.
    async fn retain(&self, kept: &Kept) -> Result<(), RuntimeError>;
    /// Everything that [`Self::retain`] decides about. Measures: not for every round.
    async fn stored(&self) -> Result<Vec<Stored>, RuntimeError>;
    /// What dynos of each stack start on today. A stack whose image is not there is left out.
    async fn bases(&self) -> Result<Vec<Base>, RuntimeError>;
    /// The machine that all of this runs on.
    async fn machine(&self) -> Result<Machine, RuntimeError>;
    /// Notified whenever something in the engine may have changed: a container started, bound its port, died.
    fn changes(&self) -> Arc<tokio::sync::Notify>;
}
