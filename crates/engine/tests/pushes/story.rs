//! An app to push, builds that are made up, and a store that is not.

use std::{fs, sync::Arc, time::Duration};

use builder::{Builder, Limits, Terminal};
use bytes::Bytes;
use domain::{App, Build, dyno::Policy};
use engine::{
    Actor, Parts, Platform, Settings,
    push::{Push, PushError},
};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use ports::{ByteStream, Chance, blobs::disk::DiskBlobs, clock::HandClock, log_sink::KeptLines, runtime::fake::FakeRuntime};
use store::{Db, SealKey};

use crate::bench::Bench;

#[derive(Default)]
pub(crate) struct Screen(pub(crate) String);

impl Terminal for Screen {
    fn line(&mut self, text: &str) {
        self.0 += text;
        self.0.push('\n');
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += &String::from_utf8_lossy(bytes);
    }
}

pub(crate) struct Story {
    pub(crate) platform: Arc<Platform>,
    pub(crate) runtime: Arc<FakeRuntime>,
    clock: Arc<HandClock>,
    pub(crate) actor: Actor,
    pub(crate) app: App,
    pub(crate) bench: Bench,
    _home: tempfile::TempDir,
}

/// An archive of these files.
pub(crate) fn tar(files: &[(&str, &str)]) -> ByteStream {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let bytes = Bytes::from(archive.into_inner().unwrap());
    stream::iter([Ok(bytes)]).boxed()
}

impl Story {
    pub(crate) async fn begin() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let home = tempfile::tempdir().unwrap();
        for name in ["nodejs", "python"] {
            let bin = home.path().join("buildpacks").join(name).join("bin");
            fs::create_dir_all(&bin).unwrap();
            ["detect", "compile", "release"].iter().for_each(|script| fs::write(bin.join(script), "").unwrap());
        }
        let bench = Bench::default();
        bench.fits("nodejs");
        let clock = Arc::new(HandClock::at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap()));
        let chance = Arc::new(Chance::seeded(7));
        let store = Db::open(&databases::url(home.path()).await, SealKey::new(1, [7; 32]), chance.clone()).await.unwrap();
        let blobs = Arc::new(DiskBlobs::open(home.path().join("blobs")).await.unwrap());
        let settings = Settings {
            app_domain: "localhost".into(),
            app_scheme: "http",
            app_port: 5000,
            default_stack: "heroku-24".parse().unwrap(),
            stacks: vec!["heroku-24".parse().unwrap()],
            policy: Policy::default(),
            sizes: domain::DynoSizes::default(),
            quota: engine::Quota::default(),
            rendezvous: ("localhost".into(), 5001),
            api_url: "http://localhost:5001".into(),
            ssh: None,
        };
        let builder = Builder::new(Arc::new(bench.clone()), blobs, home.path().join("buildpacks"), limits);
        let runtime = Arc::new(FakeRuntime::new(clock.clone()));
        let platform = Platform::new(Parts {
            store,
            runtime: runtime.clone(),
            builder,
            downloads: Arc::new(ports::downloads::FakeDownloads::default()),
            logs: Arc::<KeptLines>::default(),
            clock: clock.clone(),
            chance,
            settings,
            keeping: engine::Keeping::beside(home.path().join("repos")),
        });
        let account = platform.create_account("ann@example.com".parse().unwrap(), &"correct horse".to_owned().into()).await.unwrap();
        let token = platform.log_in("ann@example.com", &"correct horse".to_owned().into(), "test", None).await.unwrap();
        let actor = Actor { account, credential: engine::Credential::Token(token.authorization.id), scopes: domain::Scopes::global() };
        let app = platform.create_app(&actor, Some("shop"), None).await.unwrap();
        Self { platform, runtime, clock, actor, app, bench, _home: home }
    }

    pub(crate) async fn push(&self) -> (Result<u32, PushError>, String) {
        self.push_tree(tar(&[])).await
    }

    pub(crate) async fn push_tree(&self, source: ByteStream) -> (Result<u32, PushError>, String) {
        self.clock.advance(SignedDuration::from_secs(1));
        let mut screen = Screen::default();
        let turn = self.platform.take_turn(self.app.id, &mut screen).await;
        let (actor, app) = (self.actor.clone(), self.app.clone());
        let push = Push { actor, app, commit: "0123456789abcdef".into(), source: source.into(), request_id: "1".into(), turn };
        let released = self.platform.receive(push, &mut screen).await;
        (released.map(|release| release.version.0), screen.0)
    }

    pub(crate) async fn buildpacks(&self) -> Vec<String> {
        self.platform.buildpacks(&self.actor, "shop").await.unwrap().1.iter().map(ToString::to_string).collect()
    }

    pub(crate) async fn set(&self, key: &str, value: &str) {
        self.platform.change_config(&self.actor, "shop", &[(key.to_owned(), Some(value.to_owned()))].into()).await.unwrap();
    }

    pub(crate) async fn config(&self) -> Vec<String> {
        let config = self.platform.store.read().await.unwrap().config_vars(self.app.id).await.unwrap();
        config.iter().map(|(key, value)| format!("{key}={}", value.expose())).collect()
    }

    pub(crate) async fn newest_build(&self) -> Build {
        self.platform.store.read().await.unwrap().builds(self.app.id).await.unwrap().remove(0)
    }

    /// Waits for what the platform does by itself.
    pub(crate) async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        for _ in 0..2000 {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not come: {what}");
    }
}
