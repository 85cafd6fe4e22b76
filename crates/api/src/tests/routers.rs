//! Routers in processes of their own.

use api_types::{RouterDynoState, RouterRoute, RouterUpdate};
use axum::body::Body;
use domain::App;
use engine::{Task, formation::Formations};
use http::StatusCode;
use http_body_util::BodyExt;
use logs::Filter;

use super::{ROUTER_SECRET, World};

const ROUTES: &str = "/mypaas/router/routes";
const REPORTS: &str = "/mypaas/router/reports";

/// What the control plane says next; nothing if it has ended.
async fn next(stream: &mut Body) -> Option<RouterUpdate> {
    let line = stream.frame().await?.unwrap().into_data().unwrap();
    assert!(line.ends_with(b"\n") && !line[..line.len() - 1].contains(&b'\n'), "one object to a line");
    Some(serde_json::from_slice(&line).unwrap())
}

async fn next_table(stream: &mut Body) -> Vec<RouterRoute> {
    loop {
        if let Some(routes) = next(stream).await.expect("it goes on").routes {
            return routes;
        }
    }
}

async fn as_router(world: &World, body: &str) -> String {
    world.ask("POST", REPORTS, &[("authorization", &format!("Bearer {ROUTER_SECRET}"))], body).await.verdict()
}

async fn follow(world: &World) -> Body {
    let (status, _, stream) = world.open("GET", ROUTES, &[("authorization", &format!("Bearer {ROUTER_SECRET}"))], "").await;
    assert_eq!(status, StatusCode::OK);
    stream
}

#[tokio::test]
async fn a_router_gets_every_table_once_there_is_one() {
    let world = World::new().await;
    let app = world.app("shop").await;
    let mut stream = follow(&world).await;
    // An empty table before the first round would take all apps away from a router that has lived longer than we have.
    // Nobody waits for the store meanwhile, which keeps its own time.
    tokio::time::pause();
    assert_eq!(next(&mut stream).await, Some(RouterUpdate { routes: None }));
    tokio::time::resume();
    let mut formations = Formations::new(world.api.platform.clone());
    formations.run().await;
    let routes = next_table(&mut stream).await;
    assert_eq!((routes.len(), routes[0].name.as_str(), routes[0].blank, routes[0].dynos.len()), (1, "shop", true, 0));
    assert_eq!(routes[0].app, app.id.to_string());

    world.deploy(&app, "11111111aaaa").await;
    formations.run().await;
    let later = next_table(&mut stream).await;
    assert_eq!((later[0].blank, later[0].dynos[0].name.as_str(), later[0].dynos[0].state), (false, "web.1", RouterDynoState::Starting));
    // Another router, or the same one that comes back, gets it at once.
    assert_eq!(next_table(&mut follow(&world).await).await, later);

    world.api.stopping.cancel();
    assert_eq!(next(&mut stream).await, None, "a stop of the platform does not wait for routers");
}

#[tokio::test]
async fn a_table_without_apps_is_one() {
    let world = World::new().await;
    Formations::new(world.api.platform.clone()).run().await;
    assert_eq!(next_table(&mut follow(&world).await).await, []);
}

fn report(app: &App, text: &str) -> String {
    let line = serde_json::json!({ "app": app.id.to_string(), "at": "2026-05-01T10:00:00.123456Z", "text": text });
    serde_json::json!({ "lines": [line], "awaited": [app.id.to_string()], "lost": 0 }).to_string()
}

#[tokio::test]
async fn lines_of_requests_reach_the_log_of_their_app() {
    let world = World::new().await;
    let (shop, gone) = (world.app("shop").await, world.app("gone").await);
    world.ann("DELETE", "/apps/gone", "").await;
    Formations::new(world.api.platform.clone()).run().await;
    for (app, text) in [(&shop, "at=info\nat=forged"), (&gone, "at=info")] {
        assert_eq!(as_router(&world, &report(app, text)).await, "204");
    }
    let lines = |app: &App| world.api.logplex.history(app.id, &Filter::default(), 100).into_iter().map(|line| line.line.to_string()).collect::<Vec<_>>();
    let routed: Vec<_> = lines(&shop).into_iter().filter(|line| line.contains("[router]")).collect();
    assert_eq!(routed, ["2026-05-01T10:00:00.123456+00:00 heroku[router]: at=info at=forged"]);
    assert!(!lines(&gone).iter().any(|line| line.contains("[router]")), "{:?}", lines(&gone));
    assert!(as_router(&world, r#"{"lines":[{"app":"x","at":"","text":""}],"awaited":[],"lost":0}"#).await.starts_with("400"));
}

#[tokio::test]
async fn nobody_else_comes_in_by_this_door_and_routers_by_no_other() {
    let world = World::new().await;
    let app = world.app("shop").await;
    for (method, path) in [("GET", ROUTES), ("POST", REPORTS)] {
        for header in ["", "Bearer wrong", "Bearer ", &world.ann.bearer(), &world.bob.bearer()] {
            let answer = world.ask(method, path, &[("authorization", header)], &report(&app, "at=forged")).await.verdict();
            assert_eq!(answer, "401 unauthorized: Invalid credentials provided.", "{method} {path} {header}");
        }
    }
    for path in ["/apps", "/apps/shop", "/mypaas/disk", "/account"] {
        let answer = world.ask("GET", path, &[("authorization", &format!("Bearer {ROUTER_SECRET}"))], "").await.verdict();
        assert_eq!(answer, "401 unauthorized: Invalid credentials provided.", "{path}");
    }
}
