//! Stories of apps, told through the engine with a fake runtime, a real store, and time that passes when told to.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod lives;
mod pages;
mod rounds;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use builder::{Builder, Limits};
use domain::{App, Slug, dyno::Policy, release::ReleaseStatus};
use engine::{Actor, Keeping, Parts, Platform, Settings, Task, dynos::Which, formation::Formations, leftovers::Leftovers, scaling::ScaleChange};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Chance, Clock,
    blobs::disk::DiskBlobs,
    clock::HandClock,
    downloads::FakeDownloads,
    log_sink::KeptLines,
    runtime::{ContainerKey, Kept, fake::FakeRuntime},
    sandbox::fake::FakeSandboxes,
};
use store::{Db, SealKey};

databases::on_both!(
    a_first_deploy_starts_one_web_dyno,
    scaling_goes_both_ways,
    a_config_change_is_a_release_and_restarts_dynos_and_rollback_undoes_both,
    a_crash_is_told_and_restarted_with_back_off,
    a_dyno_that_never_binds_is_r10,
    a_restarted_platform_adopts_what_runs,
    while_the_engine_is_away_routes_stay_and_afterwards_all_is_done,
    a_destroyed_app_leaves_nothing,
    dynos_of_a_destroyed_app_have_their_grace,
    restarting_one_dyno_leaves_the_others_alone,
    doors_are_shut_to_strangers
);

struct Story {
    clock: Arc<HandClock>,
    platform: Arc<Platform>,
    runtime: Arc<FakeRuntime>,
    logs: Arc<KeptLines>,
    formations: Formations,
    actor: Actor,
    app: App,
    home: tempfile::TempDir,
}

async fn platform(home: &std::path::Path, clock: Arc<dyn Clock>, runtime: Arc<FakeRuntime>, logs: Arc<KeptLines>) -> Arc<Platform> {
    let chance = Arc::new(Chance::seeded(7));
    let store = Db::open(&databases::url(home).await, SealKey::new(1, [7; 32]), chance.clone()).await.unwrap();
    let blobs = Arc::new(DiskBlobs::open(home.join("blobs")).await.unwrap());
    let sandboxes = Arc::new(FakeSandboxes { act: Arc::new(|_, _, _| 1), files: BTreeMap::new() });
    let settings = Settings {
        app_domain: "localhost".into(),
        app_scheme: "http",
        app_port: 5000,
        default_stack: "heroku-24".parse().unwrap(),
        stacks: vec!["heroku-24".parse().unwrap()],
        policy: Policy { cycle_spread: jiff::SignedDuration::ZERO, ..Policy::default() },
        sizes: domain::DynoSizes::default(),
        quota: engine::Quota::default(),
        rendezvous: ("localhost".into(), 5001),
        api_url: "http://localhost:5001".into(),
        ssh: None,
    };
    Platform::new(Parts {
        store,
        runtime,
        builder: Builder::new(sandboxes, blobs, home.join("buildpacks"), Limits::default()),
        downloads: Arc::new(FakeDownloads::default()),
        logs,
        clock,
        chance,
        settings,
        keeping: Keeping::beside(home.join("repos")),
    })
}

impl Story {
    async fn begin() -> Self {
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap()));
        let (runtime, logs) = (Arc::new(FakeRuntime::new(clock.clone())), Arc::<KeptLines>::default());
        let platform = platform(home.path(), clock.clone(), runtime.clone(), logs.clone()).await;
        let account = platform.create_account("ann@example.com".parse().unwrap(), &"correct horse".to_owned().into()).await.unwrap();
        let token = platform.log_in("ann@example.com", &"correct horse".to_owned().into(), "test", None).await.unwrap();
        let actor = Actor { account, credential: engine::Credential::Token(token.authorization.id), scopes: domain::Scopes::global() };
        let app = platform.create_app(&actor, Some("shop"), None).await.unwrap();
        Self { clock, formations: Formations::new(platform.clone()), platform, runtime, logs, actor, app, home }
    }

    /// A slug with these process types, as if built, released.
    async fn deploy(&mut self, procfile: &str) {
        let id = self.platform.chance.id(self.platform.clock.now());
        let slug = Slug {
            id,
            app: self.app.id,
            sha256: domain::Sha256([1; 32]),
            diff_id: domain::Sha256([2; 32]),
            bytes: 1,
            stack: self.app.stack.clone(),
            process_types: domain::Procfile::parse(procfile.as_bytes()).unwrap(),
            commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
            language: None,
            created_at: self.platform.clock.now(),
        };
        let mut tx = self.platform.store.write().await.unwrap();
        tx.insert_slug(&slug).await.unwrap();
        tx.commit().await.unwrap();
        // A release command ends well, at once.
        self.runtime.attached_end_with(0);
        self.platform.release_slug(&self.actor, "shop", slug.id, None).await.unwrap();
        for _ in 0..2000 {
            let newest = self.platform.store.read().await.unwrap().releases(self.app.id).await.unwrap().remove(0);
            if newest.status != ReleaseStatus::Pending {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the release is still pending");
    }

    /// Rounds until nothing is left to do.
    async fn settle(&mut self) {
        for _ in 0..20 {
            let round = self.formations.run().await;
            self.formations.settle().await;
            if round.done == 0 {
                return;
            }
        }
        panic!("the world does not settle: {:?}", self.runtime.picture());
    }

    /// The platform dies, and another takes over.
    async fn restart_platform(&mut self) {
        self.platform.store.close().await;
        self.platform = platform(self.home.path(), self.platform.clock.clone(), self.runtime.clone(), self.logs.clone()).await;
        self.platform.recover().await.unwrap();
        self.formations = Formations::new(self.platform.clone());
        self.settle().await;
    }

    async fn pass(&mut self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
        self.settle().await;
    }

    async fn scale(&mut self, process_type: &str, quantity: &str) {
        let change = ScaleChange { process_type: process_type.into(), quantity: Some(quantity.into()), size: None };
        self.platform.scale(&self.actor, "shop", &[change]).await.unwrap();
    }

    async fn set(&mut self, key: &str, value: &str) {
        self.platform.change_config(&self.actor, "shop", &[(key.to_owned(), Some(value.to_owned()))].into()).await.unwrap();
    }

    fn key(&self, dyno: &str) -> ContainerKey {
        ContainerKey { app: self.app.id, dyno: dyno.parse().unwrap() }
    }

    /// `web.1 v3 bound`, without generations, which begin at the time of birth.
    fn picture(&self) -> Vec<String> {
        let short = |line: String| line.split(' ').filter(|word| !word.starts_with('g')).collect::<Vec<_>>().join(" ");
        self.runtime.picture().into_iter().map(short).collect()
    }

    async fn states(&self) -> Vec<String> {
        let views = self.platform.dynos(&self.app).await.unwrap();
        views.iter().map(|view| format!("{} {} {}", view.name, view.state, view.waiting_for.clone().unwrap_or_default()).trim_end().to_owned()).collect()
    }
}

async fn a_first_deploy_starts_one_web_dyno() {
    let mut story = Story::begin().await;
    story.settle().await;
    assert_eq!(story.picture(), Vec::<String>::new(), "nothing runs before a deploy");
    story.deploy("web: node server.js\nworker: node worker.js\nrelease: true").await;
    story.settle().await;
    assert_eq!(story.picture(), ["web.1 v3 bound"]);
    assert_eq!(story.states().await, ["web.1 up"]);
    let env = story.runtime.env(&story.key("web.1")).unwrap();
    assert!(env.contains(&("DYNO".into(), "web.1".into())) && env.iter().any(|(key, _)| key == "PORT"));
    let table = story.platform.routes().borrow().clone();
    assert_eq!(table.hosts["shop.localhost"].web.len(), 1);
}

async fn scaling_goes_both_ways() {
    let mut story = Story::begin().await;
    story.deploy("web: x\nworker: y").await;
    story.scale("web", "3").await;
    story.scale("worker", "+1").await;
    story.settle().await;
    assert_eq!(story.picture(), ["web.1 v3 bound", "web.2 v3 bound", "web.3 v3 bound", "worker.1 v3 bound"]);
    story.scale("web", "-2").await;
    story.settle().await;
    assert_eq!(story.picture(), ["web.1 v3 bound", "worker.1 v3 bound"]);
    story.scale("web", "0").await;
    story.settle().await;
    assert!(story.platform.routes().borrow().hosts["shop.localhost"].web.is_empty());
    story.scale("web", "1").await;
    story.settle().await;
    assert_eq!(story.picture(), ["web.1 v3 bound", "worker.1 v3 bound"]);
}

async fn a_config_change_is_a_release_and_restarts_dynos_and_rollback_undoes_both() {
    let mut story = Story::begin().await;
    story.set("COLOUR", "red").await;
    story.deploy("web: x").await;
    story.settle().await;
    story.set("COLOUR", "blue").await;
    story.settle().await;
    assert_eq!(story.picture(), ["web.1 v5 bound"]);
    assert!(story.runtime.env(&story.key("web.1")).unwrap().contains(&("COLOUR".into(), "blue".into())));
    let (_, release) = story.platform.rollback(&story.actor, "shop", "v4").await.unwrap();
    assert_eq!((release.version.0, release.description.as_str()), (6, "Rollback to v4"));
    story.settle().await;
    assert!(story.runtime.env(&story.key("web.1")).unwrap().contains(&("COLOUR".into(), "red".into())));
    let refused = story.platform.rollback(&story.actor, "shop", "v1").await.unwrap_err();
    assert_eq!(refused.to_string(), "Cannot roll back to v1: it has no slug.");
    assert_eq!(story.platform.rollback(&story.actor, "shop", "v99").await.unwrap_err().to_string(), "Couldn't find that release.");
}

async fn a_crash_is_told_and_restarted_with_back_off() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.settle().await;
    story.runtime.crash(&story.key("web.1"), 1);
    story.settle().await;
    story.pass(1).await;
    assert_eq!(story.states().await, ["web.1 up"], "the first crash restarts at once");
    story.runtime.crash(&story.key("web.1"), 1);
    story.settle().await;
    assert_eq!(story.states().await, ["web.1 crashed crashed twice, next start in 60 s"]);
    story.pass(61).await;
    assert_eq!(story.states().await, ["web.1 up"]);
    let told: Vec<_> = story.logs.texts().into_iter().filter(|line| line.starts_with("heroku[web.1]")).collect();
    // On both databases.
    insta::allow_duplicates! {
        insta::assert_snapshot!(told.join("\n"), @"
        heroku[web.1]: Starting process with command `x`
        heroku[web.1]: State changed from starting to up
        heroku[web.1]: Process exited with status 1
        heroku[web.1]: State changed from up to crashed
        heroku[web.1]: State changed from crashed to starting
        heroku[web.1]: Starting process with command `x`
        heroku[web.1]: State changed from starting to up
        heroku[web.1]: Process exited with status 1
        heroku[web.1]: State changed from up to crashed
        heroku[web.1]: State changed from crashed to starting
        heroku[web.1]: Starting process with command `x`
        heroku[web.1]: State changed from starting to up
        ");
    }
}

async fn a_dyno_that_never_binds_is_r10() {
    let mut story = Story::begin().await;
    story.runtime.bind_at_once(false);
    story.deploy("web: x").await;
    story.settle().await;
    assert_eq!(story.states().await, ["web.1 starting"]);
    story.pass(59).await;
    assert_eq!(story.states().await, ["web.1 starting"]);
    story.pass(1).await;
    assert!(story.logs.texts().iter().any(|line| line.contains("Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch")));
}

async fn a_restarted_platform_adopts_what_runs() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.scale("web", "2").await;
    story.settle().await;
    let starts = story.runtime.starts();
    story.restart_platform().await;
    assert_eq!(story.runtime.starts(), starts, "nothing is started again");
    assert_eq!(story.platform.routes().borrow().hosts["shop.localhost"].web.len(), 2);
}

async fn while_the_engine_is_away_routes_stay_and_afterwards_all_is_done() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.settle().await;
    story.runtime.break_down();
    story.scale("web", "2").await;
    let round = story.formations.run().await;
    assert_eq!((round.failed, round.waiting_for), (1, vec!["the container engine did not answer".to_owned()]));
    assert_eq!(story.platform.routes().borrow().hosts["shop.localhost"].web.len(), 1);
    story.runtime.recover();
    story.settle().await;
    assert_eq!(story.picture(), ["web.1 v3 bound", "web.2 v3 bound"]);
}

async fn a_destroyed_app_leaves_nothing() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.settle().await;
    let mut leftovers = Leftovers(story.platform.clone());
    leftovers.run().await;
    let kept = story.runtime.kept().unwrap();
    assert!(kept.apps.contains(&story.app.id) && kept.slugs.len() == 1);

    story.platform.destroy_app(&story.actor, "shop").await.unwrap();
    story.settle().await;
    leftovers.run().await;
    assert_eq!(story.runtime.kept(), Some(Kept::default()));
    assert_eq!(story.picture(), Vec::<String>::new());
    assert!(!story.platform.routes().borrow().hosts.contains_key("shop.localhost"));
}

async fn dynos_of_a_destroyed_app_have_their_grace() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.settle().await;
    story.runtime.ignore_sigterm(&story.key("web.1"));
    story.pass(3600).await;
    story.platform.destroy_app(&story.actor, "shop").await.unwrap();
    story.settle().await;
    story.pass(29).await;
    assert_eq!(story.picture(), ["web.1 v3 bound"]);
    story.pass(2).await;
    assert_eq!(story.picture(), Vec::<String>::new());
}

async fn restarting_one_dyno_leaves_the_others_alone() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.scale("web", "2").await;
    story.settle().await;
    let before = story.runtime.starts();
    story.platform.restart(&story.actor, "shop", &Which::One("web.2".parse().unwrap())).await.unwrap();
    story.settle().await;
    assert_eq!((story.runtime.starts() - before, story.picture()), (1, vec!["web.1 v3 bound".to_owned(), "web.2 v3 bound".to_owned()]));
    let nobody = story.platform.restart(&story.actor, "shop", &Which::One("web.9".parse().unwrap())).await.unwrap_err();
    assert_eq!(nobody.to_string(), "Couldn't find that dyno.");
}

async fn doors_are_shut_to_strangers() {
    let story = Story::begin().await;
    let password = || "another horse".to_owned().into();
    let stranger = Actor { account: story.platform.create_account("bob@example.com".parse().unwrap(), &password()).await.unwrap(), ..story.actor.clone() };
    for name in ["shop", &story.app.id.to_string(), "no-such-app", "../shop", "-rf"] {
        let refused = story.platform.authorize(&stranger, name, engine::Permission::View).await.unwrap_err();
        assert_eq!(refused.to_string(), "Couldn't find that app.");
    }
    assert!(story.platform.log_in("ann@example.com", &password(), "x", None).await.is_err_and(|refusal| matches!(refusal, engine::Refusal::Unauthorized)));
    assert!(story.platform.log_in("nobody@example.com", &password(), "x", None).await.is_err_and(|refusal| matches!(refusal, engine::Refusal::Unauthorized)));
    assert!(story.platform.actor("MPS-wrong").await.unwrap().is_none());
}
