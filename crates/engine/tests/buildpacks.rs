//! What a push makes of an app's buildpacks, with builds that are made up and a store that is not.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};

use builder::{Builder, Limits, Terminal};
use bytes::Bytes;
use domain::{App, dyno::Policy};
use engine::{
    Actor, Parts, Platform, Settings,
    push::{Push, PushError},
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use ports::{
    ByteStream, Chance,
    blobs::disk::DiskBlobs,
    clock::HandClock,
    log_sink::KeptLines,
    runtime::fake::FakeRuntime,
    sandbox::fake::{Act, FakeSandboxes},
};
use store::{Db, SealKey};

#[derive(Default)]
struct Screen(String);

impl Terminal for Screen {
    fn line(&mut self, text: &str) {
        self.0 += text;
        self.0.push('\n');
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += &String::from_utf8_lossy(bytes);
    }
}

struct Story {
    platform: Arc<Platform>,
    actor: Actor,
    app: App,
    /// Which buildpacks' `bin/compile` ran.
    compiled: Arc<Mutex<Vec<String>>>,
    _home: tempfile::TempDir,
}

/// An archive with nothing in it.
fn empty() -> ByteStream {
    stream::iter([Ok(Bytes::from_static(&[0; 1024]))]).boxed()
}

impl Story {
    async fn begin() -> Self {
        let home = tempfile::tempdir().unwrap();
        for name in ["nodejs", "python"] {
            let bin = home.path().join("buildpacks").join(name).join("bin");
            fs::create_dir_all(&bin).unwrap();
            ["detect", "compile", "release"].iter().for_each(|script| fs::write(bin.join(script), "").unwrap());
        }
        let compiled: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = compiled.clone();
        let act: Act = Arc::new(move |program, _, output| {
            let script = program.argv.iter().find_map(|argument| argument.strip_prefix("/tmp/codon/tmp/buildpacks/")).unwrap_or_default();
            match script.split_once("/bin/") {
                Some(("python", "detect")) => return 1,
                Some((_, "release")) => {
                    output.stdout(b"addons: ['heroku-postgresql:mini']\nconfig_vars: {POOL: 5, MINE: theirs}\ndefault_process_types: {web: x}\n");
                }
                Some((name, "compile")) => seen.lock().unwrap().push(name.to_owned()),
                _ => {}
            }
            i32::from(program.argv[0] == "cat")
        });
        let clock = Arc::new(HandClock::at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap()));
        let chance = Arc::new(Chance::seeded(7));
        let store = Db::open(&format!("sqlite://{}", home.path().join("test.db").display()), SealKey::new(1, [7; 32]), chance.clone()).await.unwrap();
        let blobs = Arc::new(DiskBlobs::open(home.path().join("blobs")).await.unwrap());
        // Whatever a build's folder is called, this is what is in it.
        let built: Vec<u8> = vec![0; 1024];
        let sandboxes = Arc::new(AnyFolder(FakeSandboxes { act, files: BTreeMap::new() }, built.into()));
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
        let builder = Builder::new(sandboxes, blobs, home.path().join("buildpacks"), Limits::default());
        let runtime = Arc::new(FakeRuntime::new(clock.clone()));
        let platform = Platform::new(Parts {
            store,
            runtime,
            builder,
            downloads: Arc::new(ports::downloads::FakeDownloads::default()),
            logs: Arc::<KeptLines>::default(),
            clock,
            chance,
            settings,
        });
        let account = platform.create_account("ann@example.com".parse().unwrap(), &"correct horse".to_owned().into()).await.unwrap();
        let token = platform.log_in("ann@example.com", &"correct horse".to_owned().into(), "test", None).await.unwrap();
        let actor = Actor { account, credential: engine::Credential::Token(token.authorization.id) };
        let app = platform.create_app(&actor, Some("shop"), None).await.unwrap();
        Self { platform, actor, app, compiled, _home: home }
    }

    async fn push(&self) -> (Result<u32, PushError>, String) {
        let push = Push { actor: self.actor.clone(), app: self.app.clone(), commit: "0123456789abcdef".into(), source: empty(), request_id: "1".into() };
        let mut screen = Screen::default();
        let released = self.platform.receive(push, &mut screen).await;
        (released.map(|release| release.version.0), screen.0)
    }

    async fn buildpacks(&self) -> Vec<String> {
        self.platform.buildpacks(&self.actor, "shop").await.unwrap().1.iter().map(ToString::to_string).collect()
    }

    async fn set(&self, key: &str, value: &str) {
        self.platform.change_config(&self.actor, "shop", &[(key.to_owned(), Some(value.to_owned()))].into()).await.unwrap();
    }

    async fn config(&self) -> Vec<String> {
        let config = self.platform.store.read().await.unwrap().config_vars(self.app.id).await.unwrap();
        config.iter().map(|(key, value)| format!("{key}={}", value.expose())).collect()
    }
}

#[tokio::test]
async fn what_was_found_to_fit_stays_and_a_first_release_gets_what_the_buildpack_asks_for() {
    let story = Story::begin().await;
    story.set("MINE", "mine").await;
    let (released, seen) = story.push().await;
    released.unwrap();
    assert!(seen.contains("-----> Determining which buildpack") && seen.contains("add-ons, which are not built yet: heroku-postgresql:mini\n"), "{seen}");
    assert_eq!(story.buildpacks().await, ["heroku/nodejs"]);
    assert_eq!(story.config().await, ["MINE=mine", "POOL=5"]);

    story.set("POOL", "9").await;
    let (released, seen) = story.push().await;
    released.unwrap();
    assert!(seen.contains("-----> Using buildpack: heroku/nodejs\n") && !seen.contains("add-ons"), "{seen}");
    assert_eq!(story.config().await, ["MINE=mine", "POOL=9"]);
}

#[tokio::test]
async fn the_list_is_followed_and_a_config_var_comes_before_it() {
    let story = Story::begin().await;
    story.platform.set_buildpacks(&story.actor, "shop", &["heroku/python".to_owned()]).await.unwrap();
    let (released, seen) = story.push().await;
    assert!(released.is_err() && seen.contains("-----> App not compatible with buildpack: heroku/python\n"), "{seen}");
    story.set("BUILDPACK_URL", "heroku/nodejs").await;
    story.push().await.0.unwrap();
    assert_eq!(*story.compiled.lock().unwrap(), ["nodejs"]);
    assert_eq!(story.buildpacks().await, ["heroku/python"], "the list stays as it was set");

    story.set("BUILDPACK_URL", "file:///etc/hunter2").await;
    let (released, seen) = story.push().await;
    assert!(released.is_err() && !seen.contains("hunter2"), "{seen}");
    assert!(seen.contains(" !     Push rejected, the config var BUILDPACK_URL names no buildpack. A buildpack URL must begin with https://"), "{seen}");
}

/// Sandboxes that have the same in every folder.
struct AnyFolder(FakeSandboxes, Bytes);

#[async_trait::async_trait]
impl ports::Sandboxes for AnyFolder {
    async fn open(&self, spec: &ports::sandbox::SandboxSpec) -> Result<Box<dyn ports::Sandbox>, ports::RuntimeError> {
        let tail = &spec.name[spec.name.len() - 8..];
        let files = BTreeMap::from([(format!("/tmp/build_{tail}"), self.1.clone())]);
        FakeSandboxes { act: self.0.act.clone(), files }.open(spec).await
    }

    async fn purge_cache(&self, app: domain::AppId) -> Result<(), ports::RuntimeError> {
        self.0.purge_cache(app).await
    }
}
