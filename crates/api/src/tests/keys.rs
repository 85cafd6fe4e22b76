//! The keys people push with over SSH.

use super::World;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH ann@laptop";

fn body(key: &str) -> String {
    serde_json::json!({ "public_key": key }).to_string()
}

#[tokio::test]
async fn keys_are_added_listed_shown_and_removed() {
    let world = World::new().await;
    assert_eq!(world.ann("GET", "/account/keys", "").await.body, "[]");
    let added = world.ann("POST", "/account/keys", &body(&format!("{KEY}\n"))).await;
    assert_eq!(added.verdict(), "201");
    let key = added.json();
    assert_eq!(
        (key["public_key"].as_str(), key["comment"].as_str(), key["email"].as_str(), key["created_at"].as_str()),
        (Some(KEY), Some("ann@laptop"), Some("ann@example.com"), Some("2026-05-01T10:00:00Z"))
    );
    let fingerprint = key["fingerprint"].as_str().unwrap();
    assert!(fingerprint.starts_with("SHA256:"), "{fingerprint}");
    assert_eq!(world.ann("GET", "/account/keys", "").await.json(), serde_json::json!([key]));
    let encoded = fingerprint.replace('/', "%2F").replace('+', "%2B");
    for named in [key["id"].as_str().unwrap(), &encoded] {
        assert_eq!(world.ann("GET", &format!("/account/keys/{named}"), "").await.json(), key, "{named}");
    }
    let removed = world.ann("DELETE", &format!("/account/keys/{encoded}"), "").await;
    assert_eq!((removed.verdict().as_str(), removed.json()), ("200", key));
    assert_eq!(world.ann("GET", "/account/keys", "").await.body, "[]");
    assert_eq!(world.ann("POST", "/account/keys", &body(KEY)).await.verdict(), "201");
}

#[tokio::test]
async fn what_is_no_key_is_refused_with_a_sentence_that_does_not_repeat_it() {
    let world = World::new().await;
    assert_eq!(world.ann("POST", "/account/keys", &body(KEY)).await.verdict(), "201");
    let secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ";
    let private = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}\n-----END OPENSSH PRIVATE KEY-----\n");
    for (key, said) in [
        (KEY, "422 invalid_params: Fingerprint has already been taken"),
        ("", "422 invalid_params: Key is not a public SSH key"),
        ("ssh-dss AAAAB3NzaC1kc3M= x", "422 invalid_params: DSA keys are not accepted"),
        (private.as_str(), "422 invalid_params: This is a private key. It was not kept;"),
        ("$(touch canary)", "422 invalid_params: Key is not a public SSH key"),
    ] {
        let answer = world.ann("POST", "/account/keys", &body(key)).await;
        assert!(answer.verdict().starts_with(said), "{}", answer.verdict());
        assert!(!answer.body.contains(secret) && !answer.body.contains("canary"), "{}", answer.body);
    }
    assert_eq!(world.ann("POST", "/account/keys", "{}").await.status, 422);
    assert_eq!(world.ann("GET", "/account/keys", "").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_sees_or_touches_anothers_keys() {
    let world = World::new().await;
    let key = world.ann("POST", "/account/keys", &body(KEY)).await.json();
    let bob = world.bob.bearer();
    let as_bob = [("authorization", bob.as_str())];
    assert_eq!(world.ask("GET", "/account/keys", &as_bob, "").await.body, "[]");
    let fingerprint = key["fingerprint"].as_str().unwrap().replace('/', "%2F").replace('+', "%2B");
    for named in [key["id"].as_str().unwrap(), &fingerprint, "none"] {
        for method in ["GET", "DELETE"] {
            let path = format!("/account/keys/{named}");
            assert_eq!(world.ask(method, &path, &as_bob, "").await.verdict(), "404 not_found: Couldn't find that key.", "{method} {path}");
            assert_eq!(world.ask(method, &path, &[], "").await.status, 401);
        }
    }
    // A key says who somebody is: it is one person's.
    assert_eq!(world.ask("POST", "/account/keys", &as_bob, &body(KEY)).await.verdict(), "422 invalid_params: Fingerprint has already been taken");
    assert_eq!(world.ann("GET", "/account/keys", "").await.json().as_array().unwrap().len(), 1);
}
