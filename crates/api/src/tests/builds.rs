//! Builds from archives: uploaded, fetched, followed, cancelled.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use axum::body::Body;
use builder::Limits;
use bytes::Bytes;
use domain::{Build, BuildStatus};
use http_body_util::BodyExt;
use ports::downloads::FakeDownloads;
use serde_json::Value;

use super::{
    Answer, World,
    workshop::{Bench, EMPTY_TAR, Workshop},
};

struct Scene {
    world: World,
    shop: Arc<Workshop>,
    gate: Arc<tokio::sync::Semaphore>,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        let bench = Bench::default();
        let (shop, gate) = (bench.shop.clone(), bench.gate.clone());
        let pages = FakeDownloads(vec![("https://example.com/a.tgz".to_owned(), Bytes::from_static(EMPTY_TAR))]);
        let world = World::building(Arc::new(bench), limits, pages).await;
        world.app("shop").await;
        Self { world, shop, gate }
    }

    /// Uploads an archive of nothing; gives where it can be had.
    async fn uploaded(&self) -> String {
        let source = self.world.ann("POST", "/apps/shop/sources", "").await;
        assert_eq!(source.verdict(), "201");
        let put = self.put(&source.json()["source_blob"]["put_url"], EMPTY_TAR).await;
        assert_eq!(put.verdict(), "200");
        source.json()["source_blob"]["get_url"].as_str().unwrap().to_owned()
    }

    async fn put(&self, url: &Value, body: &[u8]) -> Answer {
        let length = body.len().to_string();
        self.world.ask("PUT", path(url), &[("content-length", length.as_str())], std::str::from_utf8(body).unwrap()).await
    }

    async fn build_of(&self, url: &str, rest: &str) -> Answer {
        self.world.ann("POST", "/apps/shop/builds", &format!(r#"{{"source_blob":{{"url":"{url}"{rest}}}}}"#)).await
    }

    /// Begins a build of an upload.
    async fn begun(&self, rest: &str) -> Value {
        let answer = self.build_of(&self.uploaded().await, rest).await;
        assert_eq!(answer.verdict(), "201");
        answer.json()
    }

    /// What a build says, once it has said all.
    async fn output(&self, build: &Value) -> String {
        self.world.ask("GET", path(&build["output_stream_url"]), &[], "").await.body
    }

    /// The same build as it is now.
    async fn now(&self, build: &Value) -> Value {
        self.world.ann("GET", &format!("/apps/shop/builds/{}", build["id"].as_str().unwrap()), "").await.json()
    }

    async fn follow(&self, build: &Value) -> Follower {
        let (status, _, body) = self.world.open("GET", path(&build["output_stream_url"]), &[], "").await;
        assert_eq!(status, 200);
        Follower(body, String::new())
    }

    async fn cancel(&self, build: &Value) -> Answer {
        self.world.ann("DELETE", &format!("/apps/shop/builds/{}", build["id"].as_str().unwrap()), "").await
    }
}

/// Somebody who reads on while a build goes on.
struct Follower(Body, String);

impl Follower {
    async fn hears(&mut self, words: &str) {
        while !self.1.contains(words) {
            let frame = tokio::time::timeout(Duration::from_secs(20), self.0.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("it does not come: {words}; but {}", self.1));
            let data = frame.unwrap_or_else(|| panic!("it ends without {words}: {}", self.1)).unwrap().into_data().unwrap();
            self.1 += std::str::from_utf8(&data).unwrap();
        }
    }
}

fn path(url: &Value) -> &str {
    url.as_str().unwrap().strip_prefix("http://localhost:5001").unwrap()
}

#[tokio::test]
async fn an_upload_is_built_and_released() {
    let scene = Scene::new().await;
    let build = scene.begun(r#","version":"v1.2.3""#).await;
    assert_eq!((&build["status"], &build["source_blob"]["version"], &build["slug"]), (&"pending".into(), &"v1.2.3".into(), &Value::Null));
    let said = scene.output(&build).await;
    for words in ["-----> Building on the Heroku-24 stack\n", "       compiling\n", "       Released v3\n", "Verifying deploy... done.\n"] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    let done = scene.now(&build).await;
    assert_eq!((&done["status"], &done["failure"]), (&"succeeded".into(), &Value::Null));
    let release = scene.world.ann("GET", "/apps/shop/releases/3", "").await.json();
    assert_eq!((&release["description"], &release["id"]), (&"Deploy v1.2.3".into(), &done["release"]["id"]));
    assert_eq!(scene.output(&done).await, said, "afterwards it is there as a whole");

    let slug = scene.world.ann("GET", &format!("/apps/shop/slugs/{}", done["slug"]["id"].as_str().unwrap()), "").await.json();
    let (status, headers, body) = scene.world.open("GET", path(&slug["blob"]["url"]), &[], "").await;
    let archive = body.collect().await.unwrap().to_bytes();
    assert_eq!((status.as_u16(), archive.len() as u64), (200, slug["size"].as_u64().unwrap()));
    assert_eq!((&headers["content-type"], &archive[..2]), (&"application/gzip".parse().unwrap(), [0x1f, 0x8b].as_slice()));
}

/// Hostile inputs 42.
#[tokio::test]
async fn a_source_that_is_not_as_promised_is_not_built() {
    let scene = Scene::new().await;
    let right = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
    let build = scene.begun(&format!(r#","checksum":"SHA256:{right}""#)).await;
    scene.output(&build).await;
    assert_eq!(scene.now(&build).await["status"], "succeeded");

    let build = scene.begun(&format!(r#","checksum":"SHA256:{}""#, right.replace('5', "6"))).await;
    let sentence = format!("Push rejected, the source is not the one that was promised: its SHA-256 is {right}.");
    assert!(scene.output(&build).await.contains(&sentence));
    let failed = scene.now(&build).await;
    assert_eq!((&failed["status"], &failed["failure"]["id"], &failed["failure"]["message"]), (&"failed".into(), &"source".into(), &sentence.into()));
    for (url, rest, verdict) in [
        ("https://example.com/a.tgz", r#","checksum":"MD5:1""#, "422 invalid_params: The checksum must be SHA256: and 64 hex digits."),
        ("file:///etc/passwd", "", "422 invalid_params: The source URL must begin with https:// or http://."),
        ("http://localhost:5001/sources/made-up", "", "422 invalid_params: The link to the source is not valid, or not any more."),
    ] {
        assert_eq!(scene.build_of(url, rest).await.verdict(), verdict);
    }
    let source = scene.world.ann("POST", "/sources", "").await.json();
    let nothing = "422 invalid_params: Nothing was uploaded to that source yet: PUT the archive to its put_url first.";
    assert_eq!(scene.build_of(source["source_blob"]["get_url"].as_str().unwrap(), "").await.verdict(), nothing);
    assert_eq!(scene.world.ann("POST", "/apps/shop/builds", "{}").await.verdict(), "422 invalid_params: Give the source's URL as source_blob.url.");
}

#[tokio::test]
async fn a_source_elsewhere_is_fetched() {
    let scene = Scene::new().await;
    let build = scene.build_of("https://example.com/a.tgz", "").await.json();
    scene.output(&build).await;
    assert_eq!(scene.now(&build).await["status"], "succeeded");
    let build = scene.build_of("https://example.com/missing.tgz", "").await.json();
    assert!(scene.output(&build).await.contains(" !     Push rejected, the source could not be fetched: the server answered 404.\n"));
}

#[tokio::test]
async fn links_are_keys_to_one_thing_for_an_hour() {
    let scene = Scene::new().await;
    let source = scene.world.ann("POST", "/sources", "").await.json();
    let urls = &source["source_blob"];
    let none = "404 not_found: Couldn't find that source.";
    assert_eq!(scene.put(&urls["get_url"], EMPTY_TAR).await.verdict(), none);
    assert_eq!(scene.world.ask("GET", path(&urls["get_url"]), &[], "").await.verdict(), none, "nothing is there yet");
    assert_eq!(scene.world.ask("PUT", path(&urls["put_url"]), &[], "x").await.status, 411);
    assert_eq!(scene.world.ask("PUT", path(&urls["put_url"]), &[("content-length", "1073741825")], "x").await.status, 413);
    assert_eq!(scene.put(&urls["put_url"], b"first").await.verdict(), "200");
    assert_eq!(scene.put(&urls["put_url"], b"second").await.verdict(), "200");
    assert_eq!(scene.world.ask("GET", path(&urls["get_url"]), &[], "").await.body, "second");
    let build = scene.begun("").await;
    let swapped = path(&build["output_stream_url"]).replace(build["id"].as_str().unwrap(), "01890000-0000-7000-8000-000000000001");
    assert_eq!(scene.world.ask("GET", &swapped, &[], "").await.verdict(), "404 not_found: Couldn't find that build.");

    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3601)).await;
    tokio::time::resume();
    assert_eq!(scene.world.ask("GET", path(&urls["get_url"]), &[], "").await.verdict(), none);
    assert_eq!(scene.put(&urls["put_url"], b"third").await.verdict(), none);
}

#[tokio::test]
async fn a_build_is_followed_live_and_cancelled_for_real() {
    let scene = Scene::new().await;
    scene.shop.waits.store(true, Ordering::SeqCst);
    let build = scene.begun("").await;
    let mut follower = scene.follow(&build).await;
    follower.hears("       compiling\n").await;
    assert_eq!(scene.now(&build).await["status"], "pending");
    let bob = [("authorization", scene.world.bob.bearer())];
    let bob: Vec<_> = bob.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let theirs = scene.world.ask("DELETE", &format!("/apps/shop/builds/{}", build["id"].as_str().unwrap()), &bob, "").await;
    assert_eq!(theirs.verdict(), "404 not_found: Couldn't find that app.");

    let cancelled = scene.cancel(&build).await.json();
    assert_eq!((&cancelled["status"], &cancelled["failure"]["id"]), (&"failed".into(), &"cancelled".into()));
    follower.hears(" !     Build cancelled by ann@example.com.\n").await;
    for _ in 0..1000 {
        if scene.shop.closed.load(Ordering::SeqCst) == 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!((scene.shop.opened.load(Ordering::SeqCst), scene.shop.closed.load(Ordering::SeqCst)), (1, 1), "the sandbox is gone");
    assert_eq!(scene.cancel(&build).await.verdict(), "409 conflict: This build has failed already.");
    assert_eq!(scene.world.ann("GET", "/apps/shop/releases/3", "").await.status, 404);
}

#[tokio::test]
async fn half_a_line_is_heard_while_the_build_waits_and_lines_keep_their_order() {
    let scene = Scene::new().await;
    scene.shop.waits.store(true, Ordering::SeqCst);
    let build = scene.begun("").await;
    let mut follower = scene.follow(&build).await;
    follower.hears("       compiling\n       warned\n       fetching ..").await;
    assert!(follower.1.ends_with("fetching .."), "nothing more was said: {}", follower.1);
    scene.gate.add_permits(1);
    follower.hears("       fetching ... done\n").await;
}

#[tokio::test]
async fn a_build_can_have_buildpacks_of_its_own() {
    let scene = Scene::new().await;
    let url = scene.uploaded().await;
    let ask = async |buildpacks: &str| {
        let body = format!(r#"{{"source_blob":{{"url":"{url}"}},"buildpacks":{buildpacks}}}"#);
        scene.world.ann("POST", "/apps/shop/builds", &body).await
    };
    scene.world.ann("PUT", "/apps/shop/buildpack-installations", r#"{"updates":[{"buildpack":"https://me:hunter2@example.com/b.git"}]}"#).await;
    let shown = serde_json::json!([{"url": "https://****@example.com/b.git#v1"}, {"name": "heroku/nodejs", "url": "urn:buildpack:heroku/nodejs"}]);
    let begun = ask(r#"[{"url":"https://me:hunter2@example.com/b.git#v1"},{"name":"heroku/nodejs"}]"#).await;
    assert_eq!((begun.verdict().as_str(), &begun.json()["buildpacks"]), ("201", &shown));
    let said = scene.output(&begun.json()).await;
    assert!(said.contains("-----> Using buildpacks:\n       1. https://****@example.com/b.git#v1\n       2. heroku/nodejs\n"), "{said}");
    assert_eq!(scene.now(&begun.json()).await["buildpacks"], shown);
    let set = scene.world.ann("GET", "/apps/shop/buildpack-installations", "").await.json();
    assert_eq!(set[0]["buildpack"]["url"], "https://****@example.com/b.git", "what the app is built with stays");

    for (buildpacks, verdict) in [
        (r#"[{"url":"file:///etc"}]"#, "422 invalid_params: A buildpack URL must begin with https://, http:// or git://."),
        (
            "[{}]",
            "422 invalid_params: A buildpack is named by its name (heroku/nodejs), a git URL (https://example.com/buildpack.git#branch) or the URL of a .tgz archive.",
        ),
        (r#"[{"name":"heroku/go"},{"url":"urn:buildpack:heroku/go"}]"#, "422 invalid_params: A buildpack can be listed only once."),
        (
            r#"[{"url":"https://****@elsewhere.com/b"}]"#,
            "422 invalid_params: The credentials in a buildpack URL are hidden as '****' and cannot be read back: write them out.",
        ),
    ] {
        assert_eq!(ask(buildpacks).await.verdict(), verdict);
    }
    scene.world.ann("PUT", "/apps/shop/buildpack-installations", r#"{"updates":[]}"#).await;
    let found = ask("null").await.json();
    assert_eq!(found["buildpacks"], Value::Null);
    scene.output(&found).await;
    assert_eq!(scene.now(&found).await["buildpacks"][0]["name"], "heroku/nodejs");
}

#[tokio::test]
async fn one_build_at_a_time_and_one_that_waits_can_be_cancelled() {
    let scene = Scene::new().await;
    scene.shop.waits.store(true, Ordering::SeqCst);
    let first = scene.begun("").await;
    scene.follow(&first).await.hears("compiling").await;
    let (second, third) = (scene.begun("").await, scene.begun("").await);
    for waiting in [&second, &third] {
        scene.follow(waiting).await.hears("-----> Another build of this app is under way; waiting for it to finish...\n").await;
    }
    // A purge answers at once, and waits by itself.
    assert_eq!(scene.world.ann("DELETE", "/apps/shop/build-cache", "").await.verdict(), "200");
    assert_eq!(scene.shop.purged.load(Ordering::SeqCst), 0);
    assert_eq!(scene.cancel(&second).await.json()["status"], "failed");
    assert_eq!(scene.shop.opened.load(Ordering::SeqCst), 1);
    scene.gate.add_permits(2);
    for done in [&first, &third] {
        assert!(scene.output(done).await.contains("Released v"));
        assert_eq!(scene.now(done).await["status"], "succeeded");
    }
    for _ in 0..200 {
        if scene.shop.purged.load(Ordering::SeqCst) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the cache is not purged");
}

#[tokio::test]
async fn a_repeated_failure_is_told_so() {
    let scene = Scene::new().await;
    scene.shop.fails.store(true, Ordering::SeqCst);
    let first = scene.begun(r#","version":"abc""#).await;
    let said = scene.output(&first).await;
    assert!(said.ends_with(" !     Push rejected, failed to compile Node.js app.\n\n !     Push failed\n"), "{said}");
    let again = scene.begun(r#","version":"abc""#).await;
    let said = scene.output(&again).await;
    assert!(said.contains(" !     Push failed\n !\n ! ## Warning - The same version of this code has already been built: abc\n !\n"), "{said}");
    let failed = scene.now(&again).await;
    assert_eq!((&failed["failure"]["id"], &failed["failure"]["message"]), (&"compile".into(), &"Push rejected, failed to compile Node.js app.".into()));
}

#[tokio::test]
async fn nothing_is_taken_when_the_disk_is_nearly_full() {
    let scene = Scene::with(Limits { min_free_bytes: u64::MAX, ..Limits::default() }).await;
    let full = "507 insufficient_storage: The platform's disk is nearly full: ";
    assert!(scene.build_of("https://example.com/a.tgz", "").await.verdict().starts_with(full));
    let source = scene.world.ann("POST", "/sources", "").await.json();
    assert!(scene.put(&source["source_blob"]["put_url"], EMPTY_TAR).await.verdict().starts_with(full));
    assert_eq!(scene.world.ann("GET", "/apps/shop/builds", "").await.body, "[]");
}

#[tokio::test]
async fn a_restart_fails_what_was_under_way() {
    let scene = Scene::new().await;
    scene.shop.waits.store(true, Ordering::SeqCst);
    let build = scene.begun("").await;
    let platform = &scene.world.api.platform;
    let stored: Build = platform.store.read().await.unwrap().build(build["id"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.status, BuildStatus::Pending);
    platform.recover().await.unwrap();
    let failed = scene.now(&build).await;
    assert_eq!((&failed["status"], &failed["failure"]["id"]), (&"failed".into(), &"interrupted".into()));
}
