//! What is kept and what goes, told through the engine with a store and blobs that are real.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::{collections::BTreeMap, sync::Arc};

use builder::{Builder, Limits};
use domain::{App, Release, Sha256, Slug, dyno::Policy, keeping::Keep, release::ReleaseStatus};
use engine::{Actor, Keeping, Parts, Platform, Refusal, Settings, Task, disk::Kind, dynos::Which, formation::Formations, leftovers::Leftovers};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Blobs, Chance, Clock,
    blobs::disk::DiskBlobs,
    clock::HandClock,
    downloads::FakeDownloads,
    log_sink::KeptLines,
    runtime::{ContainerKey, Stored, StoredKind, fake::FakeRuntime},
    sandbox::fake::FakeSandboxes,
};
use store::{Db, SealKey};

databases::on_both!(
    a_release_beyond_the_last_ones_expires_and_says_so,
    young_releases_are_kept_however_many_they_are,
    what_still_runs_or_was_written_lately_stays,
    a_crash_after_the_rows_leaves_work_and_no_lie,
    the_dry_run_says_what_then_goes_and_only_admins_may_ask,
    the_cache_of_an_app_that_is_not_built_goes,
    dynos_move_to_the_newest_base_when_they_are_next_started_without_a_release
);

struct Story {
    clock: Arc<HandClock>,
    platform: Arc<Platform>,
    runtime: Arc<FakeRuntime>,
    blobs: Arc<DiskBlobs>,
    formations: Formations,
    leftovers: Leftovers,
    actor: Actor,
    app: App,
    home: tempfile::TempDir,
}

impl Story {
    /// Keeping the last `releases` releases and everything younger than `days`. Files are written long before this time.
    async fn keeping(releases: u32, days: i64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::at("2100-01-01T00:00:00Z".parse::<Timestamp>().unwrap()));
        let runtime = Arc::new(FakeRuntime::new(clock.clone()));
        let chance = Arc::new(Chance::seeded(7));
        let blobs = Arc::new(DiskBlobs::open(home.path().join("blobs")).await.unwrap());
        let sandboxes = Arc::new(FakeSandboxes { act: Arc::new(|_, _, _| 1), files: BTreeMap::new() });
        let policy = Keep { releases, release_age: SignedDuration::from_hours(24 * days), ..Keep::default() };
        let platform = Platform::new(Parts {
            store: Db::open(&databases::url(home.path()).await, SealKey::new(1, [7; 32]), chance.clone()).await.unwrap(),
            runtime: runtime.clone(),
            builder: Builder::new(sandboxes, blobs.clone(), home.path().join("buildpacks"), Limits::default()),
            downloads: Arc::new(FakeDownloads::default()),
            logs: Arc::<KeptLines>::default(),
            clock: clock.clone(),
            chance,
            settings: settings(),
            keeping: Keeping { policy, ..Keeping::beside(home.path().join("repos")) },
        });
        let actor = person(&platform, "ann@example.com").await;
        let app = platform.create_app(&actor, Some("shop"), None).await.unwrap();
        let (formations, leftovers) = (Formations::new(platform.clone()), Leftovers(platform.clone()));
        Self { clock, platform, runtime, blobs, formations, leftovers, actor, app, home }
    }

    /// A slug with an archive of its own, released.
    async fn deploy(&self, archive: &str) -> Sha256 {
        let mut writer = self.blobs.create().await.unwrap();
        writer.write(archive.as_bytes()).await.unwrap();
        let (sha256, bytes) = writer.finish().await.unwrap();
        let now = self.platform.clock.now();
        let slug = Slug {
            id: self.platform.chance.id(now),
            app: self.app.id,
            sha256,
            diff_id: Sha256([2; 32]),
            bytes,
            stack: self.app.stack.clone(),
            process_types: domain::Procfile::parse(b"web: x").unwrap(),
            commit: None,
            language: None,
            created_at: now,
        };
        let mut tx = self.platform.store.write().await.unwrap();
        tx.insert_slug(&slug).await.unwrap();
        tx.commit().await.unwrap();
        self.platform.release_slug(&self.actor, "shop", slug.id, None).await.unwrap();
        sha256
    }

    async fn releases(&self) -> Vec<Release> {
        self.platform.store.read().await.unwrap().releases(self.app.id).await.unwrap()
    }

    /// `v6 succeeded`, newest first, of those with a slug.
    async fn listed(&self) -> Vec<String> {
        self.releases().await.iter().filter(|release| release.slug.is_some()).map(|release| format!("{} {}", release.version, release.status.word())).collect()
    }

    async fn there(&self, of: &[Sha256]) -> Vec<bool> {
        let mut there = Vec::new();
        for digest in of {
            there.push(self.blobs.has(*digest).await.unwrap());
        }
        there
    }

    /// Makes a blob one that was written so long ago.
    fn date(&self, digest: Sha256, ago: SignedDuration) {
        let name = digest.to_string();
        let path = self.home.path().join("blobs").join(&name[..2]).join(name);
        let written = std::time::SystemTime::from(self.clock.now() - ago);
        std::fs::File::options().append(true).open(path).unwrap().set_modified(written).unwrap();
    }

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
}

async fn person(platform: &Platform, email: &str) -> Actor {
    let account = platform.create_account(email.parse().unwrap(), &"correct horse".to_owned().into()).await.unwrap();
    let token = platform.new_token(account.clone(), "test", None).await.unwrap();
    Actor { account, credential: engine::Credential::Token(token.authorization.id), scopes: domain::Scopes::global() }
}

fn settings() -> Settings {
    Settings {
        app_domain: "localhost".into(),
        app_scheme: "http",
        app_port: 5000,
        default_stack: "heroku-24".parse().unwrap(),
        stacks: vec!["heroku-24".parse().unwrap()],
        policy: Policy { cycle_spread: SignedDuration::ZERO, ..Policy::default() },
        sizes: domain::DynoSizes::default(),
        quota: engine::Quota::default(),
        rendezvous: ("localhost".into(), 5001),
        api_url: "http://localhost:5001".into(),
        ssh: None,
    }
}

async fn a_release_beyond_the_last_ones_expires_and_says_so() {
    let mut story = Story::keeping(2, 0).await;
    let slugs = [story.deploy("a").await, story.deploy("b").await, story.deploy("c").await, story.deploy("d").await];
    story.leftovers.run().await;
    assert_eq!(story.there(&slugs).await, [false, false, true, true]);
    assert_eq!(story.listed().await, ["v6 succeeded", "v5 succeeded", "v4 expired", "v3 expired"]);

    let refused = story.platform.rollback(&story.actor, "shop", "v3").await.unwrap_err();
    assert!(
        matches!(refused, Refusal::Expired(_)) && refused.to_string().starts_with("Cannot roll back to v3: it has expired, and its slug is gone."),
        "{refused}"
    );
    let slug = story.releases().await.iter().find_map(|release| release.slug.filter(|_| release.status == ReleaseStatus::Expired)).unwrap();
    assert!(matches!(story.platform.release_slug(&story.actor, "shop", slug, None).await, Err(Refusal::Expired(_))));
    assert_eq!(story.releases().await.len(), 6, "nothing half-done");

    // What was gone back to is current, however far back it came from.
    story.platform.rollback(&story.actor, "shop", "v5").await.unwrap();
    for value in ["1", "2", "3"] {
        let change = [("A".to_owned(), Some(value.to_owned()))].into();
        story.platform.change_config(&story.actor, "shop", &change).await.unwrap();
    }
    story.leftovers.run().await;
    assert_eq!(story.there(&slugs).await, [false, false, true, false]);
    assert_eq!(story.listed().await[..4], ["v10 succeeded", "v9 succeeded", "v8 succeeded", "v7 succeeded"]);
}

async fn young_releases_are_kept_however_many_they_are() {
    let mut story = Story::keeping(1, 30).await;
    let old = story.deploy("old").await;
    story.clock.advance(SignedDuration::from_hours(24 * 20));
    let young = story.deploy("young").await;
    let newest = story.deploy("newest").await;
    story.leftovers.run().await;
    assert_eq!(story.there(&[old, young, newest]).await, [true, true, true]);
    story.clock.advance(SignedDuration::from_hours(24 * 11));
    story.leftovers.run().await;
    assert_eq!(story.there(&[old, young, newest]).await, [false, true, true]);
}

async fn what_still_runs_or_was_written_lately_stays() {
    let mut story = Story::keeping(1, 0).await;
    let running = story.deploy("running").await;
    story.settle().await;
    let next = story.deploy("next").await;
    // Its dynos were not told yet: they still run the release before.
    story.leftovers.run().await;
    assert_eq!(story.there(&[running, next]).await, [true, true]);
    story.settle().await;
    story.clock.advance(SignedDuration::from_secs(60));
    story.settle().await;

    let mut writer = story.blobs.create().await.unwrap();
    writer.write(b"a build is about to name this").await.unwrap();
    let (unnamed, _) = writer.finish().await.unwrap();
    story.date(unnamed, SignedDuration::from_mins(59));
    assert_eq!(story.platform.garbage(&story.actor).await.unwrap().iter().map(|garbage| garbage.kind).collect::<Vec<_>>(), [Kind::Slug]);
    story.leftovers.run().await;
    assert_eq!(story.there(&[running, next, unnamed]).await, [false, true, true]);
    story.date(unnamed, SignedDuration::from_mins(61));
    story.leftovers.run().await;
    assert_eq!(story.there(&[next, unnamed]).await, [true, false]);
}

async fn a_crash_after_the_rows_leaves_work_and_no_lie() {
    let mut story = Story::keeping(1, 0).await;
    let slugs = [story.deploy("a").await, story.deploy("b").await];
    story.runtime.break_down();
    assert_eq!(story.leftovers.run().await.failed, 1);
    // Given up, and still there: nobody can go back to it any more.
    assert_eq!((story.there(&slugs).await, story.listed().await), (vec![true, true], vec!["v4 succeeded".to_owned(), "v3 expired".to_owned()]));
    assert!(story.platform.rollback(&story.actor, "shop", "v3").await.is_err());
    story.runtime.recover();
    story.leftovers.run().await;
    assert_eq!(story.there(&slugs).await, [false, true]);
}

async fn the_dry_run_says_what_then_goes_and_only_admins_may_ask() {
    let story = Story::keeping(1, 0).await;
    let (old, new) = (story.deploy("old one").await, story.deploy("new").await);
    let stored = |name: &str, kind, in_use| Stored { kind, name: name.to_owned(), bytes: 100, in_use };
    let image = |slug, outdated| StoredKind::SlugImage { slug: Some(slug), outdated };
    for (name, kind, in_use) in [
        ("old", image(old, false), false),
        ("new", image(new, false), false),
        ("new on the old base", image(new, true), false),
        ("new, running on the old base", image(new, true), true),
        ("old base", StoredKind::StackImage { outdated: true }, false),
        ("base", StoredKind::StackImage { outdated: false }, false),
        ("cache", StoredKind::Cache { app: Some(story.app.id) }, false),
        ("cache of nobody", StoredKind::Cache { app: None }, false),
    ] {
        story.runtime.store(stored(name, kind, in_use));
    }
    let orphan = story.home.path().join("repos").join(format!("{}.git", story.platform.chance.id::<App>(story.clock.now())));
    std::fs::create_dir_all(&orphan).unwrap();
    std::fs::write(orphan.join("HEAD"), "12345").unwrap();

    let disk = story.platform.disk(&story.actor).await.unwrap();
    assert_eq!((disk.kinds[&Kind::Slug], disk.kinds[&Kind::SlugImage], disk.kinds[&Kind::BuildCache]), ((2, 10), (4, 400), (2, 200)));
    assert_eq!((disk.kinds[&Kind::Repository], disk.apps), ((1, 5), vec![("shop".parse().unwrap(), 510)]));

    let said = story.platform.garbage(&story.actor).await.unwrap();
    let lines: Vec<_> =
        said.iter().map(|it| format!("{} {} {}: {}", it.kind.word(), it.app.as_ref().map_or("-", |app| app.as_str()), it.bytes, it.reason)).collect();
    assert_eq!(
        lines,
        [
            "slug shop 7: no release that can be gone back to has it",
            "slug-image shop 100: no release that can be gone back to has it",
            "slug-image shop 100: its stack has a newer image",
            "stack-image - 100: its stack has a newer image",
            "build-cache - 100: its app is gone",
            "repository - 5: its app is gone",
        ]
    );
    assert_eq!((story.there(&[old]).await, story.platform.garbage(&story.actor).await.unwrap()), (vec![true], said.clone()), "asking changes nothing");
    assert_eq!(story.platform.collect_garbage(&story.actor).await.unwrap(), said);
    assert_eq!(story.there(&[old, new]).await, [false, true]);
    // The repository is its own sweeper's to remove.
    assert_eq!(story.platform.garbage(&story.actor).await.unwrap().iter().map(|it| it.kind).collect::<Vec<_>>(), [Kind::Repository]);

    let bob = person(&story.platform, "bob@example.com").await;
    assert!(matches!(story.platform.garbage(&bob).await, Err(Refusal::Forbidden)));
    assert!(matches!(story.platform.collect_garbage(&bob).await, Err(Refusal::Forbidden)));
    assert!(matches!(story.platform.disk(&bob).await, Err(Refusal::Forbidden)));
    assert!(story.platform.set_admin(&bob.account.email, true).await.unwrap());
    story.platform.disk(&bob).await.unwrap();
}

async fn the_cache_of_an_app_that_is_not_built_goes() {
    let mut story = Story::keeping(20, 30).await;
    story.runtime.store(Stored { kind: StoredKind::Cache { app: Some(story.app.id) }, name: "cache".to_owned(), bytes: 1, in_use: false });
    story.clock.advance(SignedDuration::from_hours(24 * 59));
    story.leftovers.run().await;
    assert!(story.runtime.kept().unwrap().idle.is_empty());
    story.clock.advance(SignedDuration::from_hours(24 * 2));
    assert_eq!(story.platform.garbage(&story.actor).await.unwrap()[0].reason, "its app was not built for long");
    story.leftovers.run().await;
    assert_eq!(story.platform.garbage(&story.actor).await.unwrap(), []);
    assert!(story.runtime.kept().unwrap().idle.contains(&story.app.id));
}

async fn dynos_move_to_the_newest_base_when_they_are_next_started_without_a_release() {
    let mut story = Story::keeping(20, 30).await;
    story.deploy("a").await;
    story.settle().await;
    let key = ContainerKey { app: story.app.id, dyno: "web.1".parse().unwrap() };
    let base = |story: &Story| story.runtime.base(&key).unwrap();
    let on = async |story: &Story| {
        let bases = story.platform.bases().await;
        let on = story.platform.dynos_on(bases.iter().find(|base| base.stack.as_str() == "heroku-24").unwrap()).await.unwrap();
        (on.newest, on.older)
    };
    assert_eq!((base(&story), on(&story).await), ("heroku-24-0".to_owned(), (1, 0)));

    story.runtime.rebase();
    story.settle().await;
    assert_eq!((base(&story), on(&story).await), ("heroku-24-0".to_owned(), (0, 1)), "a running dyno is left alone");
    story.platform.restart(&story.actor, "shop", &Which::All).await.unwrap();
    story.settle().await;
    assert_eq!((base(&story), on(&story).await), ("heroku-24-1".to_owned(), (1, 0)));

    story.runtime.rebase();
    story.clock.advance(SignedDuration::from_hours(24));
    story.settle().await;
    assert_eq!(base(&story), "heroku-24-2", "the daily cycle is enough");
    story.runtime.rebase();
    story.runtime.crash(&key, 1);
    story.settle().await;
    assert_eq!(base(&story), "heroku-24-3", "so is a crash");
    assert_eq!((story.listed().await, story.runtime.picture().len()), (vec!["v3 succeeded".to_owned()], 1));
}
