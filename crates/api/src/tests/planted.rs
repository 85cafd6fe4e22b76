//! Secrets are planted, the platform is used, and then all that it said and wrote down is searched for them.

use secrecy::SecretString;

use super::{World, basic};

databases::on_both!(no_secret_is_found_where_it_was_not_asked_for);

const PASSWORD: &str = "planted-password-of-eve";
const VALUE: &str = "planted-config-value";
const URL: &str = "postgres://planted-user:planted-database-password@db.example.com/app";
const BUILDPACK: &str = "https://planted-git-user:planted-git-password@example.com/b.git";

async fn no_secret_is_found_where_it_was_not_asked_for() {
    let world = World::new().await;
    world.api.platform.create_account("eve@example.com".parse().unwrap(), &SecretString::from(PASSWORD)).await.unwrap();
    let body = r#"{"description":"Planted description","expires_in":2592000,"scope":["global"]}"#;
    let created = world.ask("POST", "/oauth/authorizations", &[("authorization", &basic("eve@example.com", PASSWORD))], body).await;
    assert_eq!(created.verdict(), "201");
    let token = created.json()["access_token"]["token"].as_str().unwrap().to_owned();

    let app = world.app("shop").await;
    let vars = format!(r#"{{"PLANTED_NAME":"{VALUE}","DATABASE_URL":"{URL}"}}"#);
    let set = world.ann("PATCH", "/apps/shop/config-vars", &vars).await;
    assert!(set.status.is_success() && set.body.contains(VALUE), "asked for by who may: {}", set.body);
    let buildpacks = format!(r#"{{"updates":[{{"buildpack":"{BUILDPACK}"}}]}}"#);

    // Whatever is answered, to whoever may and to whoever may not, in order and in error.
    let mut said = vec![world.ann("PUT", "/apps/shop/buildpack-installations", &buildpacks).await];
    world.deploy(&app, "1a2b3c4d5e6f").await;
    let eve = format!("Bearer {token}");
    // A list of one's own authorizations has their tokens, as at Heroku: there they are asked for.
    for (method, path, body) in [
        ("GET", "/account", ""),
        ("GET", "/apps", ""),
        ("GET", "/apps/shop", ""),
        ("PATCH", "/apps/shop", r#"{"maintenance":true}"#),
        ("GET", "/apps/shop/releases", ""),
        ("GET", "/apps/shop/buildpack-installations", ""),
        ("POST", "/apps/shop/releases", r#"{"release":"v99"}"#),
        ("GET", "/apps/shop/formation", ""),
        ("GET", "/apps/shop/dynos", ""),
        ("GET", "/apps/shop/builds", ""),
        ("PATCH", "/apps/shop/config-vars", r#"{"PLANTED NAME":"planted-config-value"}"#),
        ("PATCH", "/apps/shop/config-vars", r#"{"A":"planted-config-value""#),
        ("POST", "/apps/shop/dynos", r#"{"command":"true","env":{"A":"planted-config-value"},"size":"no such size"}"#),
        ("POST", "/apps/shop/builds", r#"{"source_blob":{"url":"https://planted-git-user:planted-git-password@127.0.0.1/x.tar.gz"}}"#),
    ] {
        said.push(world.ann(method, path, body).await);
        said.push(world.ask(method, path, &[("authorization", &eve)], body).await);
        said.push(world.ask(method, path, &[("authorization", &basic("eve@example.com", &format!("{PASSWORD}x")))], body).await);
    }
    let answers: String = said.iter().map(|answer| format!("{:?} {}\n", answer.headers, answer.body)).collect();
    let written = databases::on_disk(world.folder.path()).await;
    assert!(answers.contains("eve@example.com") && written.contains("eve@example.com"), "the search finds what is no secret");
    for secret in [PASSWORD, VALUE, URL, "planted-database-password", "planted-git-password", &token, &world.ann.token, &world.bob.token] {
        assert!(!answers.contains(secret), "{secret} was answered: {answers}");
        assert!(!written.contains(secret), "{secret} was written down");
    }
}
