//! What an admin sees of everybody: `/mypaas/apps`, `/mypaas/accounts`, `/mypaas/nodes`.

use std::sync::{Arc, OnceLock};

use ports::{Clock, runtime::fake::FakeRuntime};
use serde_json::json;

use super::World;

const ROUTES: [&str; 3] = ["/mypaas/apps", "/mypaas/accounts", "/mypaas/nodes"];

#[tokio::test]
async fn who_may_see_all_of_it() {
    let world = World::new().await;
    world.app("shop").await;
    let forbidden = "403 forbidden: Only admins of this platform may do that. `mypaasd account:admin EMAIL` on the server makes somebody one.";
    let scopes = ["identity", "read", "write", "read-protected", "write-protected"];
    let mut seen = String::new();
    for route in ROUTES {
        let ask = async |bearer: &str| world.ask("GET", route, &[("authorization", bearer)], "").await.verdict();
        assert_eq!(world.ask("GET", route, &[], "").await.verdict(), "401 unauthorized: Invalid credentials provided.", "{route}");
        assert_eq!(ask("Bearer MPS-garbage").await, "401 unauthorized: Invalid credentials provided.", "{route}");
        assert_eq!(ask(&world.bob.bearer()).await, forbidden, "{route}");
        // An admin's token is worth what it was made for.
        for scope in scopes {
            let token = world.scoped(scope).await;
            let verdict = ask(&format!("Bearer {token}")).await;
            assert!(verdict.starts_with("403 forbidden: This token may not do that: it needs the scope global"), "{route} {scope}: {verdict}");
        }
        seen.push_str(&ask(&world.ann.bearer()).await);
        // Looking is all there is.
        for method in ["POST", "PATCH", "DELETE"] {
            assert_eq!(world.ann(method, route, "{}").await.status.as_u16(), 404, "{method} {route}");
        }
    }
    assert_eq!(seen, "200200200");

    // Who becomes an admin sees it, and who is one no longer does not.
    let bob = async || world.ask("GET", "/mypaas/apps", &[("authorization", &world.bob.bearer())], "").await;
    world.api.platform.set_admin(&world.bob.account.email, true).await.unwrap();
    assert_eq!(bob().await.json()[0]["owner"]["email"], "ann@example.com");
    world.api.platform.set_admin(&world.bob.account.email, false).await.unwrap();
    assert_eq!(bob().await.verdict(), forbidden);
}

#[tokio::test]
async fn all_apps_and_everybody() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    world.ann("PATCH", "/apps/shop", r#"{"maintenance":true}"#).await;
    world.ann("POST", "/apps/shop/collaborators", r#"{"user":"bob@example.com"}"#).await;
    world.ask("POST", "/apps", &[("authorization", &world.bob.bearer())], r#"{"name":"blog"}"#).await;

    let apps = world.ann("GET", "/mypaas/apps", "").await.json();
    let names: Vec<_> = apps.as_array().unwrap().iter().map(|app| (app["name"].as_str().unwrap(), app["owner"]["email"].as_str().unwrap())).collect();
    assert_eq!(names, [("blog", "bob@example.com"), ("shop", "ann@example.com")]);
    let (blog, shop) = (&apps[0], &apps[1]);
    assert_eq!((&shop["release"], &shop["slug_size"], &shop["wanted"], &shop["maintenance"]), (&json!(3), &json!(1234), &json!(1), &json!(true)));
    assert_eq!((&blog["slug_size"], &blog["wanted"], &blog["disk_bytes"]), (&json!(null), &json!(0), &json!(0)));
    assert_eq!(shop["dynos"], json!({"up": 0, "starting": 0, "crashed": 0, "idle": 0, "one_off": 0}));

    let everybody = world.ann("GET", "/mypaas/accounts", "").await.json();
    let ann = json!({"admin": true, "apps": 1, "authorizations": 1, "collaborations": 0, "keys": 0, "email": "ann@example.com", "name": null,
                     "created_at": "2026-05-01T10:00:00Z", "id": world.ann.account.id.to_string()});
    let bob = json!({"admin": false, "apps": 1, "authorizations": 1, "collaborations": 1, "keys": 0, "email": "bob@example.com", "name": null,
                     "created_at": "2026-05-01T10:00:00Z", "id": world.bob.account.id.to_string()});
    assert_eq!(everybody, json!([ann, bob]));

    // Somebody who has left is nobody, whatever they leave behind.
    world.ask("PATCH", "/apps/shop/config-vars", &[("authorization", &world.bob.bearer())], r#"{"A":"1"}"#).await;
    assert_eq!(world.ask("DELETE", "/apps/blog", &[("authorization", &world.bob.bearer())], "").await.status.as_u16(), 200);
    assert_eq!(world.ask("DELETE", "/account", &[("authorization", &world.bob.bearer())], "").await.status.as_u16(), 200);
    assert!(world.ann("GET", "/apps/shop/releases", "").await.body.contains("@deleted.invalid"));
    assert_eq!(world.ann("GET", "/mypaas/accounts", "").await.json().as_array().unwrap().len(), 1);
    world.ann("POST", "/apps", r#"{"name":"blog"}"#).await;

    // In pages, as every list.
    let page = world.ask("GET", "/mypaas/apps", &[("authorization", &world.ann.bearer()), ("range", "name ..; max=1")], "").await;
    assert_eq!((page.status.as_u16(), page.header("next-range")), (206, "name ]blog..; max=1"));
}

#[tokio::test]
async fn the_machine_and_its_dynos_while_the_engine_is_there_and_away() {
    let engine = Arc::new(OnceLock::<Arc<FakeRuntime>>::new());
    let made = engine.clone();
    let world = World::with(move |clock: Arc<dyn Clock>| made.get_or_init(|| Arc::new(FakeRuntime::new(clock))).clone()).await;
    world.app("shop").await;
    let node = world.ann("GET", "/mypaas/nodes", "").await.json()[0].clone();
    let expected = json!({
        "name": "fake", "engine": "Fake 1.0", "processors": 4, "memory_bytes": 8_589_934_592_u64, "used_memory_bytes": 0, "state": "up", "apps": 1,
        "version": env!("CARGO_PKG_VERSION"), "waiting_for": null, "free_disk_bytes": node["free_disk_bytes"],
        "dynos": {"up": 0, "starting": 0, "crashed": 0, "idle": 0, "one_off": 0},
    });
    assert_eq!(node, expected);
    assert!(node["free_disk_bytes"].as_u64().unwrap() > 0);

    engine.get().unwrap().break_down();
    let node = world.ann("GET", "/mypaas/nodes", "").await.json()[0].clone();
    assert_eq!((&node["state"], &node["waiting_for"]), (&json!("unreachable"), &json!("the container engine did not answer")));
    assert_eq!((&node["engine"], &node["used_memory_bytes"], &node["apps"]), (&json!(null), &json!(null), &json!(1)));
    assert_eq!(world.ann("GET", "/mypaas/apps", "").await.json()[0]["disk_bytes"], json!(null), "what cannot be measured is not nothing");
}
