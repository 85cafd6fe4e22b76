//! Who somebody is, and what a token opens.

use secrecy::SecretString;

use super::{World, basic};

#[tokio::test]
async fn a_password_becomes_a_token() {
    let world = World::new().await;
    let password = SecretString::from("correct horse");
    world.api.platform.create_account("eve@example.com".parse().unwrap(), &password).await.unwrap();
    let log_in = async |user: &str, password: &str| {
        let body = r#"{"description":"Heroku CLI login from lap","expires_in":2592000,"scope":["global"]}"#;
        world.ask("POST", "/oauth/authorizations", &[("authorization", &basic(user, password))], body).await
    };

    let answer = log_in("Eve@example.com", "correct horse").await;
    assert_eq!(answer.verdict(), "201");
    let body = answer.json();
    assert_eq!((body["user"]["email"].as_str(), body["access_token"]["expires_in"].as_u64()), (Some("eve@example.com"), Some(2_592_000)));
    let token = body["access_token"]["token"].as_str().unwrap();
    let account = world.ask("GET", "/account", &[("authorization", &format!("Bearer {token}"))], "").await;
    assert_eq!(account.json()["email"], "eve@example.com");

    for (user, password) in [("eve@example.com", "wrong horse"), ("nobody@example.com", "correct horse"), ("", "correct horse")] {
        assert_eq!(log_in(user, password).await.verdict(), "401 unauthorized: Invalid credentials provided.", "{user}");
    }
}

#[tokio::test]
async fn a_token_is_taken_as_bearer_or_as_anybodys_password() {
    let world = World::new().await;
    let token = &world.ann.token;
    let ok =
        [format!("Bearer {token}"), format!("bearer {token}"), basic("", token), basic("_", token), basic("heroku", token), basic("ann@example.com", token)];
    let wrong = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {token}x"),
        format!("Token {token}"),
        "Basic %%%".to_owned(),
        basic(token, ""),
        token.clone(),
    ];
    for (headers, expected) in [(ok.as_slice(), "200"), (&wrong, "401 unauthorized: Invalid credentials provided.")] {
        for header in headers {
            assert_eq!(world.ask("GET", "/account", &[("authorization", header)], "").await.verdict(), expected, "{header}");
        }
    }
    assert_eq!(world.ask("GET", "/account", &[], "").await.verdict(), "401 unauthorized: Invalid credentials provided.");
}

#[tokio::test]
async fn logging_out_as_herokus_command_line_does() {
    let world = World::new().await;
    let second = world.ann("POST", "/oauth/authorizations", r#"{"description":"second"}"#).await.json();
    assert_eq!(world.ann("DELETE", "/oauth/sessions/~", "").await.json()["resource"], "session");

    let own = world.ann("GET", "/oauth/authorizations/~", "").await.json();
    assert_ne!(own["access_token"]["token"], world.ann.token.as_str());
    let list = world.ann("GET", "/oauth/authorizations", "").await.json();
    let matching: Vec<_> = list.as_array().unwrap().iter().filter(|it| it["access_token"]["token"] == world.ann.token.as_str()).collect();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert!(!list.to_string().contains(second["access_token"]["token"].as_str().unwrap()));
    let [matching] = matching.as_slice() else { panic!("{list}") };
    assert_eq!(matching["id"], own["id"]);

    let revoked = world.ann("DELETE", &format!("/oauth/authorizations/{}", own["id"].as_str().unwrap()), "").await;
    assert_eq!((revoked.verdict().as_str(), &revoked.json()["id"]), ("200", &own["id"]));
    assert_eq!(world.ann("GET", "/account", "").await.status, 401);
}

#[tokio::test]
async fn nobody_touches_anothers_tokens() {
    let world = World::new().await;
    let own = world.ann("GET", "/oauth/authorizations/~", "").await.json();
    let path = format!("/oauth/authorizations/{}", own["id"].as_str().unwrap());
    for method in ["GET", "DELETE"] {
        let answer = world.ask(method, &path, &[("authorization", &world.bob.bearer())], "").await;
        assert_eq!((answer.status.as_u16(), &answer.json()["resource"]), (404, &"authorization".into()));
    }
    for (user, expected) in
        [("~", "200"), ("bob@example.com", "200"), ("bob%40example.com", "200"), ("ann@example.com", "404 not_found: Couldn't find that account.")]
    {
        for path in [format!("/users/{user}"), format!("/users/{user}/apps")] {
            assert_eq!(world.ask("GET", &path, &[("authorization", &world.bob.bearer())], "").await.verdict(), expected, "{path}");
        }
    }
}

#[tokio::test]
async fn a_token_that_has_expired_opens_nothing() {
    let world = World::new().await;
    let expired = world.ann("POST", "/oauth/authorizations", r#"{"expires_in":"0"}"#).await.json();
    let header = format!("Bearer {}", expired["access_token"]["token"].as_str().unwrap());
    assert_eq!(world.ask("GET", "/account", &[("authorization", &header)], "").await.status, 401);
    let beyond = world.ann("POST", "/oauth/authorizations", r#"{"expires_in":18446744073709551615}"#).await;
    assert_eq!(beyond.verdict(), "422 invalid_params: expires_in is out of range");
}
