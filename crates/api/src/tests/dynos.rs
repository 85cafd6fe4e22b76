//! Formations and dynos.

use std::sync::Arc;

use ports::runtime::fake::FakeRuntime;

use super::World;

#[tokio::test]
async fn scales_as_people_and_clients_write_it() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    for (body, now) in [
        (r#"{"updates":[{"type":"web","quantity":"2"},{"type":"worker","quantity":1,"size":"standard-2x"}]}"#, "web=2:Standard-1X worker=1:Standard-2X"),
        (r#"{"updates":[{"type":"web","quantity":"+1","size":null,"docker_image":null}]}"#, "web=3:Standard-1X"),
        (r#"{"updates":[{"type":"web","quantity":"-2"}]}"#, "web=1:Standard-1X"),
        (r#"{"updates":[{"type":"worker","dyno_size":{"name":"Basic"}}]}"#, "worker=1:Basic"),
        (r#"{"updates":[]}"#, ""),
    ] {
        let answer = world.ann("PATCH", "/apps/shop/formation", body).await;
        let formations = answer.json();
        let shown = formations.as_array().unwrap_or_else(|| panic!("{}", answer.body)).iter();
        let shown: Vec<_> = shown.map(|it| format!("{}={}:{}", it["type"].as_str().unwrap(), it["quantity"], it["size"].as_str().unwrap())).collect();
        assert_eq!(shown.join(" "), now, "{body}");
    }
    let web = world.ann("PATCH", "/apps/shop/formation/web", r#"{"quantity":4}"#).await.json();
    assert_eq!((&web["quantity"], &web["command"], &web["app"]["name"]), (&4.into(), &"node web.js".into(), &"shop".into()));
    // By the formation's own id too, and by a size's.
    let size = world.ann("GET", "/dyno-sizes/eco", "").await.json();
    let body = format!(r#"{{"updates":[{{"type":{},"dyno_size":{{"id":{}}}}}]}}"#, web["id"], size["id"]);
    assert_eq!(world.ann("PATCH", "/apps/shop/formation", &body).await.json()[0]["size"], "Eco");
    assert_eq!(world.ann("GET", &format!("/apps/shop/formation/{}", web["id"].as_str().unwrap()), "").await.json()["type"], "web");
}

#[tokio::test]
async fn refuses_scales_that_cannot_be_and_changes_nothing() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    for (updates, verdict) in [
        (r#"{"type":"web","quantity":101}"#, "422 invalid_params: Cannot scale to 101 dynos (maximum is 100 of a type)"),
        (r#"{"type":"web","quantity":"-2"}"#, "422 invalid_params: Cannot scale below zero: there are 1 dynos"),
        (r#"{"type":"web","quantity":"many"}"#, "422 invalid_params: Quantity must be a number between 0 and 100, or a change like +1: many"),
        (
            r#"{"type":"web","size":"huge"}"#,
            "422 invalid_params: No such dyno size: huge. Sizes are Eco, Basic, Standard-1X, Standard-2X, Performance-M and Performance-L.",
        ),
    ] {
        let body = format!(r#"{{"updates":[{{"type":"worker","quantity":5}},{updates}]}}"#);
        assert_eq!(world.ann("PATCH", "/apps/shop/formation", &body).await.verdict(), verdict, "{body}");
    }
    let unknown = world.ann("PATCH", "/apps/shop/formation/clock", r#"{"quantity":1}"#).await;
    assert_eq!(unknown.status, 422);
    assert_eq!(world.ann("GET", "/apps/shop/formation/clock", "").await.json()["resource"], "formation");
    assert_eq!(world.ann("GET", "/apps/shop/formation/worker", "").await.json()["quantity"], 0);
}

#[tokio::test]
async fn a_one_off_dyno_is_attached_by_a_secret_or_runs_by_itself() {
    let world = World::new().await;
    let app = world.app("shop").await;
    let early = world.ann("POST", "/apps/shop/dynos", r#"{"command":"bash"}"#).await;
    assert_eq!(early.verdict(), "422 invalid_params: Nothing was deployed yet: push some code first.");
    world.deploy(&app, "11111111aaaa").await;

    let attached =
        world.ann("POST", "/apps/shop/dynos", r#"{"attach":true,"command":"bash","env":{"TERM":"xterm","COLUMNS":80,"LINES":24},"size":null}"#).await;
    assert_eq!(attached.verdict(), "201");
    let dyno = attached.json();
    let secret = dyno["attach_url"].as_str().unwrap().strip_prefix("rendezvous://localhost:5002/").unwrap();
    assert!(secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(
        (&dyno["state"], &dyno["type"], &dyno["release"]["version"], &dyno["size"]),
        (&"starting".into(), &"run".into(), &3.into(), &"Standard-1X".into())
    );

    let detached = world.ann("POST", "/apps/shop/dynos", r#"{"attach":false,"command":"sleep 5","type":"worker","size":"standard-2x"}"#).await.json();
    assert_eq!((&detached["attach_url"], &detached["type"], &detached["size"]), (&serde_json::Value::Null, &"worker".into(), &"Standard-2X".into()));
    let listed = world.ann("GET", "/apps/shop/dynos", "").await;
    assert!(!listed.body.contains(secret));
    assert_eq!(listed.json().as_array().unwrap().len(), 2);
    let name = detached["name"].as_str().unwrap();
    for named in [name, detached["id"].as_str().unwrap()] {
        assert_eq!(world.ann("GET", &format!("/apps/shop/dynos/{named}"), "").await.json()["command"], "sleep 5");
    }

    let stopped = world.ann("POST", &format!("/apps/shop/dynos/{name}/actions/stop"), "").await;
    assert_eq!((stopped.status.as_u16(), stopped.body.as_str()), (202, "{}"));
    let gone = async {
        while world.ann("GET", &format!("/apps/shop/dynos/{name}"), "").await.status != 404 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.expect("the stopped dyno goes away");
}

#[tokio::test]
async fn restarts_what_is_named() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    for (method, path, verdict) in [
        ("DELETE", "/apps/shop/dynos", "202"),
        ("DELETE", "/apps/shop/dynos/web.7", "404 not_found: Couldn't find that dyno."),
        ("DELETE", "/apps/shop/dynos/nonsense", "404 not_found: Couldn't find that dyno."),
        ("DELETE", "/apps/shop/formations/clock", "404 not_found: Couldn't find that dyno."),
        ("POST", "/apps/shop/formations/a%20b/actions/stop", "404 not_found: Couldn't find that dyno."),
        ("DELETE", "/apps/shop/build-cache", "200"),
    ] {
        assert_eq!(world.ann(method, path, "").await.verdict(), verdict, "{method} {path}");
    }
}

#[tokio::test]
async fn a_detached_dyno_is_answered_for_at_once_even_with_the_engine_away() {
    let mut engine = None;
    let world = World::with(|clock| {
        let fake = Arc::new(FakeRuntime::new(clock));
        engine = Some(fake.clone());
        fake
    });
    let world = world.await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    engine.unwrap().break_down();
    for body in [r#"{"command":"env"}"#, r#"{"attach":true,"command":"env"}"#] {
        assert_eq!(world.ann("POST", "/apps/shop/dynos", body).await.verdict(), "201");
    }
}

#[tokio::test]
async fn a_fault_of_the_platform_is_told_without_its_cause() {
    let world = World::new().await;
    world.app("shop").await;
    world.api.platform.store.close().await;
    let answer = world.ann("GET", "/apps/shop", "").await;
    assert_eq!(answer.verdict(), "500 internal_server_error: There is a problem on the platform's side. The request id is in the platform's log.");
    assert!(!answer.body.contains("pool"), "{}", answer.body);
}
