//! Nobody learns whether another's app is there, by any route.

use super::World;

/// Every route of an app, with a body it would take.
const ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "", ""),
    ("PATCH", "", r#"{"maintenance":true}"#),
    ("DELETE", "", ""),
    ("GET", "/config-vars", ""),
    ("PATCH", "/config-vars", r#"{"A":"1"}"#),
    ("GET", "/releases", ""),
    ("POST", "/releases", r#"{"release":"v2"}"#),
    ("POST", "/releases", r#"{"slug":"none"}"#),
    ("POST", "/releases", "{}"),
    ("GET", "/releases/2", ""),
    ("GET", "/releases/2/config-vars", ""),
    ("GET", "/formation", ""),
    ("PATCH", "/formation", r#"{"updates":[{"type":"web","quantity":9}]}"#),
    ("GET", "/formation/web", ""),
    ("PATCH", "/formation/web", r#"{"quantity":9}"#),
    ("DELETE", "/formations/web", ""),
    ("POST", "/formations/web/actions/stop", ""),
    ("GET", "/dynos", ""),
    ("POST", "/dynos", r#"{"command":"env"}"#),
    ("DELETE", "/dynos", ""),
    ("GET", "/dynos/web.1", ""),
    ("DELETE", "/dynos/web.1", ""),
    ("POST", "/dynos/web.1/actions/stop", ""),
    ("POST", "/dynos/web.1/actions/resize", r#"{"columns":80,"lines":24}"#),
    ("POST", "/log-sessions", "{}"),
    ("GET", "/builds", ""),
    ("POST", "/builds", r#"{"source_blob":{"url":"https://example.com/a.tgz"}}"#),
    ("POST", "/builds", "{}"),
    ("GET", "/builds/none", ""),
    ("DELETE", "/builds/none", ""),
    ("POST", "/sources", ""),
    ("DELETE", "/build-cache", ""),
    ("GET", "/slugs/none", ""),
    ("POST", "/slugs", r#"{"process_types":{"web":"x"}}"#),
    ("POST", "/slugs", "{}"),
    ("GET", "/domains", ""),
    ("GET", "/domains/shop.localhost", ""),
    ("POST", "/domains", r#"{"hostname":"www.example.com"}"#),
    ("PATCH", "/domains/www.example.com", "{}"),
    ("DELETE", "/domains/www.example.com", ""),
    ("GET", "/available-stacks", ""),
    ("GET", "/collaborators", ""),
    ("GET", "/collaborators/ann@example.com", ""),
    ("POST", "/collaborators", r#"{"user":"bob@example.com"}"#),
    ("DELETE", "/collaborators/ann@example.com", ""),
    ("DELETE", "/collaborators/bob@example.com", ""),
    ("GET", "/addons", ""),
    ("GET", "/addon-attachments", ""),
    ("GET", "/buildpack-installations", ""),
    ("PUT", "/buildpack-installations", r#"{"updates":[{"buildpack":"heroku/nodejs"}]}"#),
    ("GET", "/features", ""),
    ("GET", "/features/spdy", ""),
    ("PATCH", "/features/preboot", r#"{"enabled":true}"#),
    ("GET", "/log-drains", ""),
    ("POST", "/log-drains", r#"{"url":"syslog://example.com:514"}"#),
    ("POST", "/log-drains", r#"{"url":"nonsense"}"#),
    ("GET", "/log-drains/none", ""),
    ("DELETE", "/log-drains/none", ""),
    ("GET", "/sni-endpoints", ""),
    ("GET", "/webhooks", ""),
    ("POST", "/webhooks", r#"{"include":["api:app"],"level":"sync","url":"https://example.com/"}"#),
    ("POST", "/webhooks", "{}"),
    ("GET", "/webhooks/none", ""),
    ("PATCH", "/webhooks/none", r#"{"level":"sync"}"#),
    ("DELETE", "/webhooks/none", ""),
    ("GET", "/webhook-deliveries", ""),
    ("GET", "/webhook-deliveries/none", ""),
    ("GET", "/webhook-events", ""),
    ("GET", "/webhook-events/none", ""),
    ("GET", "/pipeline-couplings", ""),
    // Not built yet, which is nobody else's business either.
    ("POST", "/acm", ""),
];

/// Hostile inputs 56 and 57.
#[tokio::test]
async fn anothers_app_is_as_good_as_none() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    let before = (world.ann("GET", "/apps/shop", "").await.body, world.ann("GET", "/apps/shop/formation", "").await.body);
    for named in ["shop".to_owned(), app.id.to_string(), "none".to_owned(), "no%20name".to_owned()] {
        for (method, rest, body) in ROUTES {
            let path = format!("/apps/{named}{rest}");
            let foreign = world.ask(method, &path, &[("authorization", &world.bob.bearer())], body).await;
            assert_eq!(foreign.verdict(), "404 not_found: Couldn't find that app.", "{method} {path}");
            assert_eq!(foreign.json()["resource"], "app");
            let nobody = world.ask(method, &path, &[], body).await;
            assert_eq!(nobody.verdict(), "401 unauthorized: Invalid credentials provided.", "{method} {path}");
        }
    }
    assert_eq!(world.ask("GET", "/apps", &[("authorization", &world.bob.bearer())], "").await.body, "[]");
    assert_eq!((world.ann("GET", "/apps/shop", "").await.body, world.ann("GET", "/apps/shop/formation", "").await.body), before);
}

/// The table above has every route that takes an app.
#[test]
fn no_route_of_an_app_is_left_out() {
    let routes = include_str!("../routes.rs").lines().filter_map(|line| line.split_once(".route(\"/apps/{app}")).map(|(_, rest)| rest);
    for line in routes {
        let (path, handlers) = line.split_once('"').unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                let known = ROUTES.iter().any(|(known, rest, _)| known.eq_ignore_ascii_case(method) && fits(path, rest));
                assert!(known, "{method} {path} is not in the table");
            }
        }
    }
}

fn fits(template: &str, path: &str) -> bool {
    template.split('/').count() == path.split('/').count()
        && template.split('/').zip(path.split('/')).all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
}
