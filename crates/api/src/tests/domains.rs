//! Host names that people bring to their apps, and tokens that are described and rotated.

use super::World;

fn body(hostname: &str) -> String {
    serde_json::json!({ "hostname": hostname, "sni_endpoint": null }).to_string()
}

#[tokio::test]
async fn a_domain_is_added_listed_shown_and_removed() {
    let world = World::new().await;
    world.app("shop").await;
    let added = world.ann("POST", "/apps/shop/domains", &body("WWW.Example.com.")).await;
    assert_eq!(added.verdict(), "201");
    let domain = added.json();
    assert_eq!(
        (domain["hostname"].as_str(), domain["kind"].as_str(), domain["cname"].as_str(), domain["status"].as_str()),
        (Some("www.example.com"), Some("custom"), Some("shop.localhost"), Some("none"))
    );
    assert_eq!(world.ann("POST", "/apps/shop/domains", &body("*.example.com")).await.verdict(), "201");
    let all = world.ann("GET", "/apps/shop/domains", "").await.json();
    assert_eq!(all.as_array().unwrap().len(), 3);
    for named in ["www.example.com", "WWW.example.com", domain["id"].as_str().unwrap()] {
        assert_eq!(world.ann("GET", &format!("/apps/shop/domains/{named}"), "").await.json(), domain, "{named}");
    }
    assert_eq!(world.ann("DELETE", "/apps/shop/domains/www.example.com", "").await.json(), domain);
    assert_eq!(world.ann("GET", "/apps/shop/domains/www.example.com", "").await.verdict(), "404 not_found: Couldn't find that domain.");
    // It goes with its app, and comes back with another.
    world.ann("DELETE", "/apps/shop", "").await;
    world.app("store").await;
    assert_eq!(world.ann("POST", "/apps/store/domains", &body("*.example.com")).await.verdict(), "201");
}

/// Hostile inputs 79.
#[tokio::test]
async fn a_name_that_is_anothers_is_refused() {
    let world = World::new().await;
    world.app("shop").await;
    let bob = world.bob.bearer();
    let as_bob = [("authorization", bob.as_str())];
    assert_eq!(world.ask("POST", "/apps", &as_bob, r#"{"name":"bobs"}"#).await.verdict(), "201");
    assert_eq!(world.ask("POST", "/apps/bobs/domains", &as_bob, &body("www.bob.example")).await.verdict(), "201");
    assert_eq!(world.ask("POST", "/apps/bobs/domains", &as_bob, &body("*.wild.example")).await.verdict(), "201");
    for (hostname, why) in [
        ("www.bob.example", "www.bob.example is currently in use by another app."),
        ("*.bob.example", "*.bob.example is currently in use by another app."),
        ("shop.wild.example", "shop.wild.example is currently in use by another app."),
        ("*.a.wild.example", "*.a.wild.example is currently in use by another app."),
        ("bobs.localhost", "Hostname is not one that a single app can have"),
        ("localhost", "Hostname is not one that a single app can have"),
        ("*.localhost", "Hostname is not one that a single app can have"),
        ("com", "Hostname is not one that a single app can have"),
        ("xn--e1afmkfd.example\u{0}", "Hostname is not a valid hostname, like www.example.com or *.example.com"),
        ("", "Hostname is not a valid hostname, like www.example.com or *.example.com"),
    ] {
        assert_eq!(world.ann("POST", "/apps/shop/domains", &body(hostname)).await.verdict(), format!("422 invalid_params: {why}"), "{hostname:?}");
    }
    assert_eq!(world.ann("POST", "/apps/shop/domains", &body("bob.example")).await.verdict(), "201", "a wildcard is for names below it");
    assert_eq!(world.ann("POST", "/apps/shop/domains", "{}").await.status, 422);
    for (method, path, text, why) in [
        ("DELETE", "/apps/shop/domains/shop.localhost", "", "422 invalid_params: The app's own domain cannot be removed; `apps:rename` changes it."),
        ("DELETE", "/apps/shop/domains/www.bob.example", "", "404 not_found: Couldn't find that domain."),
        (
            "PATCH",
            "/apps/shop/domains/bob.example",
            r#"{"sni_endpoint":"x"}"#,
            "501 not_implemented: Certificates of apps' own are not built yet; a domain is added without one.",
        ),
        (
            "POST",
            "/apps/shop/domains",
            r#"{"hostname":"a.example","sni_endpoint":"x"}"#,
            "501 not_implemented: Certificates of apps' own are not built yet; a domain is added without one.",
        ),
    ] {
        assert_eq!(world.ann(method, path, text).await.verdict(), why, "{method} {path}");
    }
    assert_eq!(world.ann("GET", "/apps/shop/domains", "").await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_token_is_described_and_rotated_by_its_owner_only() {
    let world = World::new().await;
    let made = world.ann("POST", "/oauth/authorizations", r#"{"description":"first"}"#).await.json();
    let (path, old) = (format!("/oauth/authorizations/{}", made["id"].as_str().unwrap()), made["access_token"]["token"].as_str().unwrap());
    let works = async |token: &str| world.ask("GET", "/account", &[("authorization", &format!("Bearer {token}"))], "").await.status == 200;
    assert!(works(old).await);
    let bob = world.bob.bearer();
    for (method, suffix) in [("PATCH", ""), ("POST", "/actions/regenerate-tokens")] {
        let answer = world.ask(method, &format!("{path}{suffix}"), &[("authorization", &bob)], r#"{"description":"bob's"}"#).await;
        assert_eq!(answer.verdict(), "404 not_found: Couldn't find that authorization.", "{method}");
    }
    assert_eq!(world.ann("PATCH", &path, r#"{"description":"se\u0007cond"}"#).await.json()["description"], "second");
    assert_eq!(world.ann("PATCH", &path, "{}").await.json()["description"], "second");
    let rotated = world.ann("POST", &format!("{path}/actions/regenerate-tokens"), "").await.json();
    assert_eq!((&rotated["id"], &rotated["description"]), (&made["id"], &"second".into()));
    assert!(!works(old).await && works(rotated["access_token"]["token"].as_str().unwrap()).await);
}
