//! OAuth clients.

use serde_json::json;

use super::World;

#[tokio::test]
async fn clients_are_registered_changed_rotated_and_removed() {
    let world = World::new().await;
    assert_eq!(world.ann("GET", "/oauth/clients", "").await.body, "[]");
    let made = world.ann("POST", "/oauth/clients", r#"{"name":"mine","redirect_uri":"https://example.com/back"}"#).await;
    assert_eq!(made.verdict(), "201");
    let made = made.json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let path = format!("/oauth/clients/{id}");
    assert_eq!(world.ann("GET", &path, "").await.json(), made);
    assert_eq!(world.ann("GET", "/oauth/clients", "").await.json(), json!([made]));
    let changed = world.ann("PATCH", &path, r#"{"name":"ours"}"#).await.json();
    assert_eq!((&changed["name"], &changed["redirect_uri"], &changed["secret"]), (&json!("ours"), &made["redirect_uri"], &made["secret"]));
    let rotated = world.ann("POST", &format!("{path}/actions/rotate-credentials"), "").await.json();
    assert!(rotated["secret"].as_str().unwrap().len() == 64 && rotated["secret"] != secret);
    for (method, body) in [("GET", ""), ("PATCH", r#"{"name":"stolen"}"#), ("DELETE", "")] {
        let theirs = world.ask(method, &path, &[("authorization", &world.bob.bearer())], body).await;
        assert_eq!(theirs.verdict(), "404 not_found: Couldn't find that OAuth client.");
    }
    assert_eq!(world.ann("DELETE", &path, "").await.json(), rotated);
    assert_eq!(world.ann("GET", &path, "").await.verdict(), "404 not_found: Couldn't find that OAuth client.");
}

#[tokio::test]
async fn what_is_no_client_says_why() {
    let world = World::new().await;
    for (body, verdict) in [
        ("{}", "422 invalid_params: Invalid request body: missing field"),
        (r#"{"name":"","redirect_uri":"https://example.com/"}"#, "422 invalid_params: Name is invalid."),
        (r#"{"name":"x","redirect_uri":"javascript:alert(1)"}"#, "422 invalid_params: Redirect uri is invalid."),
    ] {
        let answer = world.ann("POST", "/oauth/clients", body).await;
        assert!(answer.verdict().starts_with(verdict), "{body}: {}", answer.verdict());
    }
    for _ in 0..50 {
        assert_eq!(world.ann("POST", "/oauth/clients", r#"{"name":"x","redirect_uri":"https://example.com/"}"#).await.verdict(), "201");
    }
    let more = world.ann("POST", "/oauth/clients", r#"{"name":"x","redirect_uri":"https://example.com/"}"#).await;
    assert_eq!(more.verdict(), "422 invalid_params: There are too many OAuth clients (maximum is 50). Remove one first.");
}
