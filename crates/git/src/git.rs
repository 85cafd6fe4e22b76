//! Everything the crate works with, made once at start.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use builder::Terminal;
use domain::AppId;
use engine::{
    Platform,
    push::{Push, PushError},
};
use tokio::{net::UnixListener, sync::Semaphore};

use crate::{hook, listen::listen, places::Places, process::Program, repositories::Repositories, tickets::Tickets};

/// The repositories and the way in and out of them.
pub struct Git {
    pub(crate) platform: Arc<Platform>,
    pub(crate) deploy: Arc<dyn Deploy>,
    pub(crate) limits: Limits,
    pub(crate) repositories: Repositories,
    pub(crate) tickets: Tickets,
    pub(crate) places: Places,
    /// One repository is tidied up at a time.
    pub(crate) tidying: Arc<Semaphore>,
    /// Where the hook finds us.
    pub(crate) socket: PathBuf,
}

/// What happens to code that was pushed to be deployed.
#[async_trait]
pub trait Deploy: Send + Sync {
    async fn receive(&self, push: Push, terminal: &mut dyn Terminal) -> Result<(), PushError>;
}

#[async_trait]
impl Deploy for Platform {
    async fn receive(&self, push: Push, terminal: &mut dyn Terminal) -> Result<(), PushError> {
        Self::receive(self, push, terminal).await.map(drop)
    }
}

/// What a single push or fetch may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest pack that is received.
    pub pack_bytes: u64,
    /// The longest time a push may take to arrive, and a fetch altogether. The build has a limit of its own.
    pub transfer: Duration,
    /// The longest silence of a client that is sending, or that has something to read.
    pub silence: Duration,
    /// The longest silence of a client over SSH, where it may be packing while we listen already.
    pub thinking: Duration,
    /// Most git processes at work at once, altogether and for one account.
    pub processes: usize,
    pub processes_each: usize,
    pub ssh: SshLimits,
}

/// What people may cost before it is known who they are.
#[derive(Debug, Clone)]
pub struct SshLimits {
    /// Most connections, altogether and from one address.
    pub connections: usize,
    pub connections_each: usize,
    /// How long a client may take until it has said who it is and what it wants.
    pub hello: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pack_bytes: 1 << 30,
            transfer: Duration::from_secs(60 * 60),
            silence: Duration::from_secs(120),
            thinking: Duration::from_secs(10 * 60),
            processes: 64,
            processes_each: 16,
            ssh: SshLimits { connections: 256, connections_each: 32, hello: Duration::from_secs(120) },
        }
    }
}

impl Git {
    /// `folder` holds the repositories, `run_folder` the socket and the hook; both are made if missing. `executable` is a
    /// program that calls [`hook::main`] when its own name is [`hook::NAME`]. Starts to answer hooks; needs a tokio runtime.
    pub fn open(platform: Arc<Platform>, folder: impl AsRef<Path>, run_folder: impl AsRef<Path>, executable: impl AsRef<Path>) -> io::Result<Arc<Self>> {
        let deploy = platform.clone();
        Self::open_with(platform, deploy, Limits::default(), folder.as_ref(), run_folder.as_ref(), executable.as_ref())
    }

    /// The same, with something else to deploy to and other limits.
    pub fn open_with(
        platform: Arc<Platform>,
        deploy: Arc<dyn Deploy>,
        limits: Limits,
        folder: &Path,
        run_folder: &Path,
        executable: &Path,
    ) -> io::Result<Arc<Self>> {
        let (folder, run_folder) = (private_folder(folder)?, private_folder(run_folder)?);
        let hooks = install_hook(&run_folder, &executable.canonicalize()?)?;
        let socket = run_folder.join("hook.sock");
        let listener = bind(&socket)?;
        let program = Program::new(&folder, &hooks, limits.pack_bytes);
        let repositories = Repositories::new(folder, program);
        repositories.clear_unfinished()?;
        let git = Arc::new(Self {
            places: Places::new(limits.processes, limits.processes_each),
            tidying: Arc::new(Semaphore::new(1)),
            tickets: Tickets::default(),
            platform,
            deploy,
            limits,
            repositories,
            socket,
        });
        tokio::spawn(listen(Arc::downgrade(&git), listener));
        Ok(git)
    }

    /// Removes the repository of an app that is destroyed.
    pub async fn forget(&self, app: AppId) -> io::Result<()> {
        self.repositories.remove(app).await
    }

    /// Packs a repository that has grown ragged, beside everything else. While another is being packed this one waits for
    /// its next push.
    pub(crate) fn maintain(self: &Arc<Self>, app: AppId) {
        let Ok(turn) = self.tidying.clone().try_acquire_owned() else { return };
        let git = self.clone();
        tokio::spawn(async move {
            if let Err(error) = git.repositories.tidy(app).await {
                tracing::warn!(%app, error = &error as &dyn std::error::Error, "a repository could not be packed");
            }
            drop(turn);
        });
    }

    /// Removes the repositories of all apps that are not known any more.
    pub async fn sweep(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // Looked at in this order, a repository without an app is one whose app is gone: apps come first.
        for app in self.repositories.apps().await? {
            if self.platform.store.read().await?.app(app).await?.is_none() {
                self.forget(app).await?;
            }
        }
        Ok(())
    }
}

/// Makes the folder for our eyes only, and gives its true path.
fn private_folder(path: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    path.canonicalize()
}

/// A folder with our hook and nothing else in it.
fn install_hook(run_folder: &Path, executable: &Path) -> io::Result<PathBuf> {
    let hooks = run_folder.join("hooks");
    match fs::remove_dir_all(&hooks) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir(&hooks)?;
    symlink(executable, hooks.join(hook::NAME))?;
    Ok(hooks)
}

fn bind(socket: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen at {}: {error}", socket.display()));
    let listener = UnixListener::bind(socket).map_err(named)?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    Ok(listener)
}
