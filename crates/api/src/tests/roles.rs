//! Every route, asked by everybody: nobody, somebody with nonsense, with a token that has expired or was revoked, with one that
//! may only read, by a stranger.

use super::World;

/// Routes that need no token: the path is the secret, or there is none.
const OPEN: &[&str] = &[
    "GET /schema",
    // For those who have no token yet.
    "POST /auth",
    "GET /auth/browser/{login}",
    "POST /auth/browser/{login}",
    "GET /auth/cli/{login}",
    // What stands for Heroku's public registry.
    "GET /buildpacks/{buildpack}",
    "GET /logs/{secret}",
    "PUT /sources/{secret}",
    "GET /sources/{secret}",
    "GET /builds/{build}/output/{secret}",
    "GET /releases/{release}/output/{secret}",
    "GET /slugs/{secret}",
    "PUT /slugs/{secret}",
];

/// Routers of their own have a secret for these, and no token of anybody's opens them.
const OF_ROUTERS: &str = "/mypaas/router/";

/// `GET /apps/{app}`: every route there is, read from the list of routes itself.
fn routes() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for line in include_str!("../routes.rs").lines() {
        let Some((path, handlers)) = line.split_once(".route(\"").and_then(|(_, rest)| rest.split_once('"')) else { continue };
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                all.push((method.to_ascii_uppercase(), path.to_owned()));
            }
        }
    }
    all
}

/// The path with things of Ann's where there are some.
fn filled(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        parts.push(match part {
            "{app}" => "shop",
            "{release}" => "2",
            "{formation}" | "{type}" => "web",
            "{dyno}" => "web.1",
            "{feature}" => "preboot",
            "{stack}" => "heroku-24",
            "{account}" => "~",
            "{collaborator}" => "ann@example.com",
            "{domain}" => "www.example.com",
            part if part.starts_with('{') => "01234567-89ab-7def-8123-456789abcdef",
            part => part,
        });
    }
    parts.join("/")
}

/// Hostile inputs 56 and 57.
#[tokio::test]
async fn every_route_asked_by_everybody() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    world.ann("POST", "/apps/shop/domains", r#"{"hostname":"www.example.com"}"#).await;
    // Who owns something cannot end their account, as one of the routes would.
    world.ask("POST", "/apps", &[("authorization", &world.bob.bearer())], r#"{"name":"bobs"}"#).await;

    let token = async |body: &str| {
        let made = world.ann("POST", "/oauth/authorizations", body).await.json();
        (made["id"].as_str().unwrap().to_owned(), made["access_token"]["token"].as_str().unwrap().to_owned())
    };
    let (_, expired) = token(r#"{"expires_in":0}"#).await;
    let (id, revoked) = token("{}").await;
    world.ann("DELETE", &format!("/oauth/authorizations/{id}"), "").await;
    let strangers: Vec<Vec<(&str, String)>> = vec![
        vec![],
        vec![("authorization", "Bearer MPS-garbage".to_owned())],
        vec![("authorization", "Basic Og==".to_owned())],
        vec![("authorization", format!("Bearer {expired}"))],
        vec![("authorization", format!("Bearer {revoked}"))],
    ];
    let reader = world.scoped("read").await;
    let (routes, mut read) = (routes(), 0);
    assert!(routes.len() > 90, "{}", routes.len());
    let before = world.ann("GET", "/apps/shop", "").await.body;
    for (method, route) in &routes {
        let (path, open) = (filled(route), OPEN.contains(&format!("{method} {route}").as_str()));
        for headers in &strangers {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = world.ask(method, &path, &headers, "{}").await;
            let status = answer.status.as_u16();
            let fine = match open {
                false => status == 401,
                true if route == "/schema" => status == 200,
                true => (400..500).contains(&status),
            };
            assert!(fine, "{method} {route} {headers:?}: {status} {}", answer.body);
        }
        if open {
            continue;
        }
        // A stranger sees as much of Ann's app as of one that is not there; elsewhere nothing that is Ann's.
        let bob = [("authorization", world.bob.bearer())];
        let bob: Vec<_> = bob.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let foreign = world.ask(method, &path, &bob, "{}").await;
        if route.starts_with("/apps/{app}") {
            let missing = world.ask(method, &path.replace("/apps/shop", "/apps/none"), &bob, "{}").await;
            assert_eq!(foreign.verdict(), missing.verdict(), "{method} {route}");
            assert!(matches!(foreign.status.as_u16(), 404 | 422), "{method} {route}: {}", foreign.body);
        } else {
            assert!(!foreign.body.contains("ann@example.com"), "{method} {route}: {}", foreign.body);
        }
        if route.starts_with(OF_ROUTERS) {
            assert_eq!(foreign.status, 401, "{method} {route}: {}", foreign.body);
            continue;
        }
        // A token that may only read changes nothing, and is told so before anything else.
        let reading = world.ask(method, &path, &[("authorization", &format!("Bearer {reader}"))], "{}").await;
        let session = route == "/apps/{app}/log-sessions";
        if method != "GET" && !session {
            assert!(reading.verdict().starts_with("403 forbidden: This token may not do that"), "{method} {route}: {}", reading.body);
        } else if reading.status != 403 {
            read += 1;
            assert!(reading.status.as_u16() < 500, "{method} {route}: {}", reading.body);
        }
    }
    assert!(read > 20, "{read}");
    assert_eq!(world.ann("GET", "/apps/shop", "").await.body, before);
}
