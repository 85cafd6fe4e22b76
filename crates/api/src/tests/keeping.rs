//! What is the admin's: `/mypaas/…`; releases that have expired; what stacks are made of.

use std::{sync::Arc, time::Duration};

use engine::{Task, leftovers::Leftovers};
use ports::{Clock, runtime::fake::FakeRuntime};

use super::World;

#[tokio::test]
async fn only_admins_see_the_disk_and_clear_it() {
    let world = World::new().await;
    let forbidden = "403 forbidden: Only admins of this platform may do that. `mypaasd account:admin EMAIL` on the server makes somebody one.";
    for (method, path) in [("GET", "/mypaas/disk"), ("GET", "/mypaas/garbage"), ("POST", "/mypaas/garbage/actions/collect")] {
        assert_eq!(world.ask(method, path, &[("authorization", &world.bob.bearer())], "").await.verdict(), forbidden, "{path}");
        assert_eq!(world.ask(method, path, &[], "").await.verdict(), "401 unauthorized: Invalid credentials provided.", "{path}");
        assert_eq!(world.ann(method, path, "").await.verdict(), "200", "{path}");
    }
    let disk = world.ann("GET", "/mypaas/disk", "").await.json();
    assert!(disk["free_bytes"].as_u64().unwrap() > 0);
    assert_eq!((&disk["floor_bytes"], &disk["kinds"][0]), (&(1_u64 << 30).into(), &serde_json::json!({"kind": "slug", "count": 0, "bytes": 0})));
    assert_eq!(world.ann("GET", "/mypaas/garbage", "").await.body, r#"{"bytes":0,"garbage":[]}"#);
}

#[tokio::test]
async fn an_expired_release_is_listed_and_cannot_be_gone_back_to() {
    let world = World::new().await;
    let app = world.app("shop").await;
    let first = world.deploy(&app, "11111111aaaa").await;
    let second = world.deploy(&app, "22222222bbbb").await;
    for n in 0..20 {
        world.ann("PATCH", "/apps/shop/config-vars", &format!(r#"{{"A":"{n}"}}"#)).await;
    }
    let mut leftovers = Leftovers(world.api.platform.clone());
    leftovers.run().await;
    assert_eq!(world.ann("GET", "/apps/shop/releases/3", "").await.json()["status"], "succeeded", "old enough only after 30 days");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30 * 24 * 3600)).await;
    tokio::time::resume();
    leftovers.run().await;

    let expired = world.ann("GET", "/apps/shop/releases/3", "").await.json();
    assert_eq!((&expired["status"], &expired["eligible_for_rollback"]), (&"expired".into(), &false.into()));
    assert_eq!(world.ann("GET", "/apps/shop/releases", "").await.json().as_array().unwrap().len(), 24);
    let sentence = "422 release_expired: Cannot roll back to v3: it has expired, and its slug is gone. \
                    `releases` shows which releases can still be gone back to; to run older code, push it again.";
    assert_eq!(world.ann("POST", "/apps/shop/releases", r#"{"release":"v3"}"#).await.verdict(), sentence);
    let sentence = "422 release_expired: This slug is gone: the releases that had it have expired. To run its code, push it again.";
    assert_eq!(world.ann("POST", "/apps/shop/releases", &format!(r#"{{"slug":"{first}"}}"#)).await.verdict(), sentence);
    assert_eq!(world.ann("GET", &format!("/apps/shop/slugs/{first}"), "").await.json()["deleted_at"], "2026-05-31T10:00:00Z");
    assert_eq!(world.ann("GET", &format!("/apps/shop/slugs/{second}"), "").await.json()["deleted_at"], serde_json::Value::Null);
    assert_eq!(world.ann("POST", "/apps/shop/releases", r#"{"release":"v4"}"#).await.verdict(), "201");
}

#[tokio::test]
async fn stacks_say_what_they_are_made_of() {
    let engine = Arc::new(std::sync::OnceLock::<Arc<FakeRuntime>>::new());
    let made = engine.clone();
    let world = World::with(move |clock: Arc<dyn Clock>| made.get_or_init(|| Arc::new(FakeRuntime::new(clock))).clone()).await;
    let app = world.app("shop").await;
    let stack = world.ann("GET", "/stacks/heroku-24", "").await.json();
    assert_eq!((&stack["default"], &stack["state"], &stack["updated_at"]), (&true.into(), &"public".into(), &"2026-05-01T10:00:00Z".into()));
    let base = serde_json::json!({"image": "mypaas/heroku-24:run", "image_id": "sha256:heroku-24-0", "variant": "plain", "dynos": 0, "dynos_on_older": 0});
    assert_eq!(stack["base"], base);
    let bobs = world.ask("GET", "/stacks/heroku-24", &[("authorization", &world.bob.bearer())], "").await.json();
    assert_eq!(bobs["base"].get("dynos"), None, "how much others run is the admin's to know");

    let names = |answer: serde_json::Value| answer.as_array().unwrap().iter().map(|stack| stack["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(world.ann("GET", "/apps/shop/available-stacks", "").await.json()), ["heroku-22", "heroku-24"]);
    let hidden = world.ask("GET", &format!("/apps/{}/available-stacks", app.id), &[("authorization", &world.bob.bearer())], "").await;
    assert_eq!(hidden.status.as_u16(), 404);
    engine.get().unwrap().break_down();
    let listed = world.ann("GET", "/stacks", "").await.json();
    assert_eq!((listed[0].get("base"), listed.as_array().unwrap().len()), (None, 2));
}
