//! A platform without containers, with git served on loopback.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use builder::{BuildError, Builder, SourceTree, Submodule, Terminal};
use bytes::Bytes;
use domain::{Account, App};
use engine::{
    Actor, Parts, Platform, Settings,
    push::{Push, PushError},
};
use futures_util::TryStreamExt;
use git::{Deploy, Git, Limits};
use hyper_util::rt::TokioIo;
use ports::{
    Chance, Clock, blobs::disk::DiskBlobs, clock::SystemClock, downloads::FakeDownloads, log_sink::KeptLines, runtime::fake::FakeRuntime,
    sandbox::fake::FakeSandboxes,
};
use secrecy::ExposeSecret;
use store::{Db, SealKey};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Semaphore};

/// One account with the app `shop`, and whatever git needs to push to it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) platform: Arc<Platform>,
    pub(crate) git: Arc<Git>,
    pub(crate) deployed: Arc<Scripted>,
    pub(crate) actor: Actor,
    pub(crate) app: App,
    pub(crate) token: String,
    pub(crate) address: SocketAddr,
}

/// Deploys nothing: it reads the source, and does as a file in it says.
pub(crate) struct Scripted {
    /// What was deployed: the commit, and the files of its source with their sizes.
    pub(crate) pushes: Mutex<Vec<(String, BTreeSet<String>)>>,
    /// The submodules of what was deployed.
    pub(crate) submodules: Mutex<Vec<Submodule>>,
    /// Builds with a file `wait` in their source go on when they get a permit; those with a file `half` wait within a line.
    pub(crate) gate: Semaphore,
    pub(crate) waiting: AtomicUsize,
    pub(crate) two_at_once: AtomicBool,
    running: AtomicUsize,
}

#[async_trait]
impl Deploy for Scripted {
    async fn receive(&self, push: Push, terminal: &mut dyn Terminal) -> Result<(), PushError> {
        if self.running.fetch_add(1, Ordering::SeqCst) > 0 {
            self.two_at_once.store(true, Ordering::SeqCst);
        }
        let SourceTree::Tree { tar, submodules } = push.source else { panic!("a push has a tree") };
        self.submodules.lock().unwrap().extend(submodules);
        let chunks: Vec<Bytes> = tar.try_collect().await.map_err(BuildError::from)?;
        let files = files(&chunks.concat());
        terminal.line("-----> Node.js app detected");
        terminal.bytes(b"       installing");
        if files.contains("half") {
            self.gate.acquire().await.unwrap().forget();
        }
        terminal.bytes(b" things\n");
        if files.contains("wait") {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        if files.contains("fail") {
            let error = BuildError::Compile { language: "Node.js".into(), status: 1 };
            builder::failure_lines(&error).iter().for_each(|line| terminal.line(line));
            return Err(error.into());
        }
        terminal.line("       Released v3");
        self.pushes.lock().unwrap().push((push.commit, files));
        Ok(())
    }
}

fn files(tar: &[u8]) -> BTreeSet<String> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap().map(Result::unwrap).filter(|entry| entry.header().entry_type().is_file());
    entries.map(|entry| entry.path().unwrap().display().to_string()).collect()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default(), true).await
    }

    /// `scripted`: otherwise pushes go to the platform's own builder, which has no buildpacks.
    pub(crate) async fn with(limits: Limits, scripted: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let platform = platform(&folder).await;
        let token = token(&platform, "ann@example.com").await;
        let actor = platform.actor(&token).await.unwrap().unwrap();
        let app = platform.create_app(&actor, Some("shop"), None).await.unwrap();
        let deployed = Arc::new(Scripted {
            pushes: Mutex::default(),
            submodules: Mutex::default(),
            gate: Semaphore::new(0),
            waiting: AtomicUsize::new(0),
            two_at_once: AtomicBool::new(false),
            running: AtomicUsize::new(0),
        });
        let deploy: Arc<dyn Deploy> = if scripted { deployed.clone() } else { platform.clone() };
        let hook = PathBuf::from(env!("CARGO_BIN_EXE_pre-receive"));
        let git = Git::open_with(platform.clone(), deploy, limits, &folder.path().join("repos"), &folder.path().join("run"), &hook).unwrap();
        let address = serve(git.clone()).await;
        Self { folder, platform, git, deployed, actor, app, token, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://heroku:{}@{}/shop.git", self.token, self.address)
    }

    /// The app's repository on the server.
    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.path().join(format!("repos/{}.git", self.app.id))
    }

    pub(crate) fn commits_deployed(&self) -> Vec<String> {
        self.deployed.pushes.lock().unwrap().iter().map(|(commit, _)| commit.clone()).collect()
    }
}

/// A token of a new account, which has no password.
pub(crate) async fn token(platform: &Platform, email: &str) -> String {
    let now = platform.clock.now();
    let account = Account { id: platform.chance.id(now), email: email.parse().unwrap(), created_at: now };
    let mut tx = platform.store.write().await.unwrap();
    tx.insert_account(&account, None).await.unwrap();
    tx.commit().await.unwrap();
    platform.new_token(account, "tests", None).await.unwrap().token.expose_secret().to_owned()
}

async fn platform(folder: &TempDir) -> Arc<Platform> {
    let chance = Arc::new(Chance::from_os());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Db::open(&format!("sqlite://{}", folder.path().join("db").display()), SealKey::new(1, [7; 32]), chance.clone()).await.unwrap();
    let buildpacks = folder.path().join("buildpacks");
    std::fs::create_dir(&buildpacks).unwrap();
    let blobs = DiskBlobs::open(folder.path().join("blobs")).await.unwrap();
    let sandboxes = FakeSandboxes { act: Arc::new(|_, _, _| 1), files: [].into() };
    let builder = Builder::new(Arc::new(sandboxes), Arc::new(blobs), buildpacks, builder::Limits::default());
    let settings = Settings {
        app_domain: "localhost".into(),
        app_scheme: "http",
        app_port: 5000,
        default_stack: "heroku-24".parse().unwrap(),
        stacks: vec!["heroku-24".parse().unwrap()],
        policy: domain::dyno::Policy::default(),
        sizes: domain::DynoSizes::default(),
        quota: engine::Quota::default(),
        rendezvous: ("localhost".into(), 5002),
        api_url: "http://localhost:5001".into(),
        ssh: None,
    };
    let runtime = Arc::new(FakeRuntime::new(clock.clone()));
    Platform::new(Parts {
        store,
        runtime,
        builder,
        downloads: Arc::new(FakeDownloads::default()),
        logs: Arc::new(KeptLines::default()),
        clock,
        chance,
        settings,
        keeping: engine::Keeping::beside(folder.path().join("repos")),
    })
}

async fn serve(git: Arc<Git>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let git = git.clone();
            let answer = hyper::service::service_fn(move |request| {
                let git = git.clone();
                async move { Ok::<_, Infallible>(git::handle(git, request).await) }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    address
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never so: {what}");
}
