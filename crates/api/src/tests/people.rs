//! Working on one app together, giving it away, tokens that may do less, passwords, and what is written down of all that.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Answer, Person, World, basic};

impl World {
    async fn bob(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, path, &[("authorization", &self.bob.bearer())], body).await
    }

    async fn with_token(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    }

    /// A token of Ann's with this scope.
    pub(super) async fn scoped(&self, scope: &str) -> String {
        let made = self.ann("POST", "/oauth/authorizations", &json!({ "scope": [scope] }).to_string()).await.json();
        assert_eq!(made["scope"], json!([scope]));
        made["access_token"]["token"].as_str().unwrap().to_owned()
    }
}

fn emails(list: &Answer) -> Vec<String> {
    list.json().as_array().unwrap().iter().map(|it| format!("{} {}", it["user"]["email"].as_str().unwrap(), it["role"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_collaborator_does_everything_but_give_the_app_away() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    assert_eq!(world.bob("GET", "/apps/shop", "").await.status, 404);
    assert_eq!(world.ann("POST", "/apps/shop/collaborators", r#"{"user":"bob@example.com","silent":true}"#).await.verdict(), "201");
    assert_eq!(emails(&world.ann("GET", "/apps/shop/collaborators", "").await), ["ann@example.com owner", "bob@example.com collaborator"]);

    assert_eq!(world.bob("GET", "/apps", "").await.json()[0]["owner"]["email"], "ann@example.com");
    for (method, path, body) in [
        ("GET", "/apps/shop", ""),
        ("PATCH", "/apps/shop/config-vars", r#"{"A":"1"}"#),
        ("PATCH", "/apps/shop/formation/web", r#"{"quantity":2}"#),
        ("PATCH", "/apps/shop", r#"{"maintenance":true}"#),
        ("POST", "/apps/shop/domains", r#"{"hostname":"www.example.com"}"#),
        ("DELETE", "/apps/shop/domains/www.example.com", ""),
        ("GET", "/apps/shop/collaborators/ann@example.com", ""),
    ] {
        let answer = world.bob(method, path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
    }
    for (method, path, body) in [
        ("DELETE", "/apps/shop", ""),
        ("PATCH", "/apps/shop", r#"{"name":"mine"}"#),
        ("POST", "/apps/shop/collaborators", r#"{"user":"ann@example.com"}"#),
        ("DELETE", "/apps/shop/collaborators/ann@example.com", ""),
        ("POST", "/account/app-transfers", r#"{"app":"shop","recipient":"bob@example.com"}"#),
    ] {
        let verdict = world.bob(method, path, body).await.verdict();
        assert_eq!(verdict, "403 forbidden: You do not have access to do this with the app shop: only its owner may.", "{method} {path}");
    }

    // Leaving is one's own matter, and removal is at once.
    assert_eq!(world.bob("DELETE", "/apps/shop/collaborators/bob%40example.com", "").await.verdict(), "200");
    assert_eq!(world.bob("GET", "/apps/shop", "").await.status, 404);
    world.ann("POST", "/apps/shop/collaborators", r#"{"user":"bob@example.com"}"#).await;
    assert_eq!(world.ann("DELETE", "/apps/shop/collaborators/bob@example.com", "").await.verdict(), "200");
    assert_eq!((world.bob("GET", "/apps/shop", "").await.status.as_u16(), world.bob("GET", "/apps", "").await.body.as_str()), (404, "[]"));
}

#[tokio::test]
async fn who_cannot_be_a_collaborator() {
    let world = World::new().await;
    world.app("shop").await;
    let add = async |user: &str| world.ann("POST", "/apps/shop/collaborators", &json!({ "user": user }).to_string()).await.verdict();
    assert_eq!(add("bob@example.com").await, "201");
    for (user, verdict) in [
        ("bob@example.com", "422 invalid_params: User is already a collaborator on this app"),
        ("ANN@example.com", "422 invalid_params: User is already a collaborator on this app"),
        ("eve@example.com", "404 not_found: Couldn't find that user."),
        ("", "404 not_found: Couldn't find that user."),
        ("-rf", "404 not_found: Couldn't find that user."),
    ] {
        assert_eq!(add(user).await, verdict, "{user}");
    }
    let remove = async |who: &str| world.ann("DELETE", &format!("/apps/shop/collaborators/{who}"), "").await.verdict();
    assert_eq!(remove("ann@example.com").await, "422 invalid_params: The owner of an app cannot be removed from it.");
    assert_eq!(remove("eve@example.com").await, "404 not_found: Couldn't find that collaborator.");
}

#[tokio::test]
async fn an_app_is_given_away() {
    let world = World::new().await;
    world.app("shop").await;
    let offer = r#"{"app":"shop","recipient":"bob@example.com"}"#;
    assert_eq!(world.bob("POST", "/account/app-transfers", offer).await.verdict(), "404 not_found: Couldn't find that app.");
    let made = world.ann("POST", "/account/app-transfers", offer).await;
    assert_eq!((made.status.as_u16(), &made.json()["state"]), (201, &Value::from("pending")));
    let path = format!("/account/app-transfers/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(
        world.ann("POST", "/account/app-transfers", offer).await.verdict(),
        "422 invalid_params: App is being transferred already. Cancel that transfer first."
    );

    // An offer changes nothing yet, and only the recipient can take it.
    assert_eq!(world.bob("GET", "/apps/shop", "").await.status, 404);
    assert_eq!(world.ann("PATCH", &path, r#"{"state":"accepted"}"#).await.verdict(), "403 forbidden: Only the recipient may answer an app transfer.");
    assert_eq!(world.bob("DELETE", &path, "").await.verdict(), "403 forbidden: Only who offered the app may cancel its transfer.");
    assert_eq!(world.ann("DELETE", &path, "").await.verdict(), "200");
    assert_eq!(world.bob("PATCH", &path, r#"{"state":"accepted"}"#).await.verdict(), "404 not_found: Couldn't find that app transfer.");

    world.ann("POST", "/account/app-transfers", offer).await;
    assert_eq!(
        world.bob("PATCH", "/account/app-transfers/shop", r#"{"state":"mine"}"#).await.verdict(),
        "422 invalid_params: State must be `accepted` or `declined`"
    );
    assert_eq!(world.bob("PATCH", "/account/app-transfers/shop", r#"{"state":"accepted"}"#).await.json()["state"], "accepted");
    assert_eq!(emails(&world.bob("GET", "/apps/shop/collaborators", "").await), ["ann@example.com collaborator", "bob@example.com owner"]);
    assert_eq!(world.ann("DELETE", "/apps/shop", "").await.status, 403);
    assert_eq!(
        world.bob("PATCH", "/account/app-transfers/shop", r#"{"state":"declined"}"#).await.verdict(),
        "422 invalid_params: This app transfer is accepted and cannot become declined."
    );
    assert_eq!(world.bob("DELETE", "/apps/shop", "").await.verdict(), "200");
}

/// Hostile inputs 56.
#[tokio::test]
async fn a_token_does_what_it_was_made_for() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    let requests = [
        ("GET", "/account", ""),
        ("GET", "/apps/shop", ""),
        ("GET", "/apps/shop/config-vars", ""),
        ("PATCH", "/apps/shop/formation/web", r#"{"quantity":1}"#),
        ("PATCH", "/apps/shop/config-vars", r#"{"A":"1"}"#),
        ("POST", "/oauth/authorizations", "{}"),
    ];
    for (scope, may) in
        [("identity", "x-----"), ("read", "xx----"), ("write", "xx-x--"), ("read-protected", "xxx---"), ("write-protected", "xxxxx-"), ("global", "xxxxxx")]
    {
        let token = world.scoped(scope).await;
        let mut seen = String::new();
        for (method, path, body) in requests {
            let answer = world.with_token(&token, method, path, body).await;
            assert!(
                answer.status.is_success() || answer.verdict().starts_with("403 forbidden: This token may not do that: it needs the scope "),
                "{}",
                answer.body
            );
            assert_eq!(answer.header("oauth-scope"), scope);
            seen.push(if answer.status.is_success() { 'x' } else { '-' });
        }
        assert_eq!(seen, may, "{scope}");
    }
    let unknown = world.ann("POST", "/oauth/authorizations", r#"{"scope":["everything"]}"#).await;
    assert!(unknown.verdict().starts_with("422 invalid_params: Scope must be one of global, "), "{}", unknown.body);
}

/// An account with a password, and a token of it.
async fn eve(world: &World) -> Person {
    let password = SecretString::from("correct horse");
    let account = world.api.platform.create_account("eve@example.com".parse().unwrap(), &password).await.unwrap();
    let made = log_in(world, "eve@example.com", "correct horse").await;
    assert_eq!(made.verdict(), "201");
    Person { account, token: made.json()["access_token"]["token"].as_str().unwrap().to_owned() }
}

async fn log_in(world: &World, user: &str, password: &str) -> Answer {
    world.ask("POST", "/oauth/authorizations", &[("authorization", &basic(user, password))], "{}").await
}

#[tokio::test]
async fn another_password_ends_all_other_tokens() {
    let world = World::new().await;
    let eve = eve(&world).await;
    let other = log_in(&world, "eve@example.com", "correct horse").await.json()["access_token"]["token"].as_str().unwrap().to_owned();
    let change = async |body: &str| world.with_token(&eve.token, "PATCH", "/account", body).await.verdict();
    assert_eq!(change(r#"{"password":"wrong","new_password":"battery staple"}"#).await, "422 invalid_params: Current password is wrong");
    assert_eq!(change(r#"{"new_password":"battery staple"}"#).await, "422 invalid_params: Give the current password as password.");
    assert_eq!(change(r#"{"password":"correct horse","new_password":"short"}"#).await, "422 invalid_params: Password is too short (minimum is 8 characters)");
    assert_eq!(world.with_token(&other, "GET", "/account", "").await.status, 200);
    assert_eq!(change(r#"{"password":"correct horse","new_password":"battery staple","name":"Eve\nof Eden"}"#).await, "200");
    assert_eq!(world.with_token(&other, "GET", "/account", "").await.status, 401);
    assert_eq!(world.with_token(&eve.token, "GET", "/account", "").await.json()["name"], "Eveof Eden");
    assert_eq!(log_in(&world, "eve@example.com", "correct horse").await.status, 401);
    assert_eq!(log_in(&world, "eve@example.com", "battery staple").await.status, 201);
}

/// Hostile inputs 62.
#[tokio::test]
async fn passwords_cannot_be_guessed_for_long() {
    let world = World::new().await;
    eve(&world).await;
    for (user, known) in [("eve@example.com", true), ("nobody@example.com", false)] {
        for _ in 0..10 {
            assert_eq!(log_in(&world, user, "wrong").await.verdict(), "401 unauthorized: Invalid credentials provided.");
        }
        // Right or wrong, known or not: the same.
        for password in ["correct horse", "wrong"] {
            let verdict = log_in(&world, user, password).await.verdict();
            assert_eq!(verdict, "429 rate_limit: Too many wrong passwords were given.\nPlease wait a few minutes before you try again.", "{user} {known}");
        }
    }
}

#[tokio::test]
async fn every_change_is_written_down() {
    let world = World::new().await;
    world.app("shop").await;
    world.ann("PATCH", "/apps/shop/config-vars", r#"{"SECRET_KEY":"hunter2hunter2"}"#).await;
    world.ann("POST", "/apps/shop/collaborators", r#"{"user":"bob@example.com"}"#).await;
    world.bob("DELETE", "/apps/shop", "").await;
    world.bob("POST", "/apps/shop/log-drains", r#"{"url":"syslog://u:hunter2@127.0.0.1:1"}"#).await;
    world.bob("DELETE", "/apps/shop/log-drains/syslog%3A%2F%2Fu%3Ahunter2%40127.0.0.1%3A1", "").await;
    world.ann("GET", "/apps/shop", "").await;
    log_in(&world, "hunter2", "hunter2").await;
    log_in(&world, "nobody@example.com", "hunter2").await;

    // Ann came first, so that she is the admin.
    assert_eq!(world.bob("GET", "/mypaas/audit-events", "").await.status, 403);
    let events = world.ann("GET", "/mypaas/audit-events", "").await;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let told: Vec<String> =
        events.json().as_array().unwrap().iter().map(|it| ["actor", "action", "app", "detail", "status"].map(|field| text(&it[field])).join(" | ")).collect();
    assert_eq!(
        told,
        [
            "ann@example.com | POST /apps | null | null | 201",
            "ann@example.com | PATCH /apps/{app}/config-vars | shop | SECRET_KEY | 200",
            "ann@example.com | POST /apps/{app}/collaborators | shop | bob@example.com | 201",
            "bob@example.com | DELETE /apps/{app} | shop | null | 403",
            "bob@example.com | POST /apps/{app}/log-drains | shop | null | 422",
            "bob@example.com | DELETE /apps/{app}/log-drains/{drain} | shop | null | 404",
            "nobody@example.com | POST /oauth/authorizations | null | null | 401",
        ]
    );
    assert!(!events.body.contains("hunter2"), "{}", events.body);
}
