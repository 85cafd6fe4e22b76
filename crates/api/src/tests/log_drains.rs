//! Log drains.

use super::World;

const URL: &str = "https://ann:hunter2@logs.example.com/in?key=s3cret";
const ENCODED: &str = "https%3A%2F%2Fann%3Ahunter2%40logs.example.com%2Fin%3Fkey%3Ds3cret";

fn body(url: &str) -> String {
    serde_json::json!({ "url": url }).to_string()
}

#[tokio::test]
async fn drains_are_added_listed_found_by_three_names_and_removed() {
    let world = World::new().await;
    world.app("shop").await;
    assert_eq!(world.ann("GET", "/apps/shop/log-drains", "").await.body, "[]");
    let added = world.ann("POST", "/apps/shop/log-drains", &body(URL)).await;
    assert_eq!(added.verdict(), "201");
    let drain = added.json();
    assert_eq!((drain["url"].as_str(), drain["app"]["name"].as_str(), &drain["addon"]), (Some(URL), Some("shop"), &serde_json::Value::Null));
    let (id, token) = (drain["id"].as_str().unwrap(), drain["token"].as_str().unwrap());
    assert_eq!((token.len(), token.get(..2)), (38, Some("d.")));
    assert_eq!(world.ann("GET", "/apps/shop/log-drains", "").await.json(), serde_json::json!([drain]));
    for named in [id, token, ENCODED] {
        assert_eq!(world.ann("GET", &format!("/apps/shop/log-drains/{named}"), "").await.json(), drain, "{named}");
    }
    let removed = world.ann("DELETE", &format!("/apps/shop/log-drains/{ENCODED}"), "").await;
    assert_eq!((removed.verdict().as_str(), removed.json()), ("200", drain.clone()));
    assert_eq!(
        world.ann("DELETE", &format!("/apps/shop/log-drains/{}", drain["id"].as_str().unwrap()), "").await.verdict(),
        "404 not_found: Couldn't find that log drain."
    );
    assert_eq!(world.ann("GET", "/apps/shop/log-drains", "").await.body, "[]");
}

/// Hostile inputs 68 to 70.
#[tokio::test]
async fn what_is_no_drain_or_one_too_many_is_refused() {
    let world = World::new().await;
    world.app("shop").await;
    for url in ["", "ftp://example.com", "https://", "syslog://example.com", "syslog://a:b@example.com:514", "https://a\r\nHost: b", "$(touch canary)"] {
        let answer = world.ann("POST", "/apps/shop/log-drains", &body(url)).await;
        assert!(answer.verdict().starts_with("422 invalid_params: Url is invalid."), "{url:?}: {}", answer.verdict());
        assert!(!answer.body.contains("canary"), "{}", answer.body);
    }
    assert_eq!(world.ann("POST", "/apps/shop/log-drains", "{}").await.status, 422);
    for port in 1..=5 {
        assert_eq!(world.ann("POST", "/apps/shop/log-drains", &body(&format!("syslog://logs.example.com:{port}"))).await.verdict(), "201");
    }
    let again = world.ann("POST", "/apps/shop/log-drains", &body("syslog://logs.example.com:1")).await;
    assert_eq!(again.verdict(), "422 invalid_params: Url has already been taken");
    let sixth = world.ann("POST", "/apps/shop/log-drains", &body("syslog://logs.example.com:6")).await;
    assert_eq!(sixth.verdict(), "422 invalid_params: You have reached the limit of 5 log drains of an app. Remove one first.");
    assert_eq!(world.ann("GET", "/apps/shop/log-drains", "").await.json().as_array().unwrap().len(), 5);
}
