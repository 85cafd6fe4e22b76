//! Config vars, releases, rollback, slugs.

use super::World;

#[tokio::test]
async fn every_change_of_config_is_a_release() {
    let world = World::new().await;
    world.app("shop").await;
    let set = world.ann("PATCH", "/apps/shop/config-vars", r#"{"FOO":"bar","BAZ":"1"}"#).await;
    assert_eq!(set.body, r#"{"BAZ":"1","FOO":"bar"}"#);
    let unset = world.ann("PATCH", "/apps/shop/config-vars", r#"{"FOO":null}"#).await;
    assert_eq!(unset.body, r#"{"BAZ":"1"}"#);
    assert_eq!(world.ann("GET", "/apps/shop/config-vars", "").await.body, r#"{"BAZ":"1"}"#);
    assert_eq!(world.ann("GET", "/apps/shop/releases/v3/config-vars", "").await.body, r#"{"BAZ":"1","FOO":"bar"}"#);

    let headers = [("authorization", world.ann.bearer()), ("range", "version ..; order=desc,max=1".to_owned())];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let newest = world.ask("GET", "/apps/shop/releases", &headers, "").await;
    assert_eq!((newest.status.as_u16(), newest.header("next-range")), (206, "version ]4..; max=1, order=desc"));
    let release = &newest.json()[0];
    assert_eq!((&release["version"], &release["description"], &release["current"]), (&4.into(), &"Remove FOO config vars".into(), &true.into()));
    assert_eq!((&release["user"]["email"], &release["status"], &release["slug"]), (&"ann@example.com".into(), &"succeeded".into(), &serde_json::Value::Null));
}

#[tokio::test]
async fn refuses_config_that_no_environment_carries() {
    let world = World::new().await;
    world.app("shop").await;
    for (body, verdict) in [
        (r#"{"PORT":"1"}"#, "422 invalid_params: PORT is set by the platform in every dyno and cannot be a config var"),
        (r#"{"A B":"1"}"#, "422 invalid_params: Config var names must start with a letter or underscore and can only contain letters, digits, and underscores"),
        (r#"{"A":1}"#, "422 invalid_params: Invalid request body: invalid type: integer `1`, expected a string at line 1 column 6"),
        (r#"["A"]"#, "422 invalid_params: Invalid request body: invalid type: sequence, expected a map at line 1 column 0"),
    ] {
        assert_eq!(world.ann("PATCH", "/apps/shop/config-vars", body).await.verdict(), verdict, "{body}");
    }
    assert_eq!(world.ann("GET", "/apps/shop/releases", "").await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_rollback_brings_back_code_and_config() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.ann("PATCH", "/apps/shop/config-vars", r#"{"A":"old"}"#).await;
    let first = world.deploy(&app, "11111111aaaa").await;
    world.ann("PATCH", "/apps/shop/config-vars", r#"{"A":"new"}"#).await;
    let second = world.deploy(&app, "22222222bbbb").await;
    let v4 = world.ann("GET", "/apps/shop/releases/4", "").await.json();
    assert_eq!((&v4["description"], &v4["eligible_for_rollback"]), (&"Deploy 11111111".into(), &true.into()));

    for (version, named) in [(7, v4["id"].as_str().unwrap()), (8, "v4"), (9, "4")] {
        let answer = world.ann("POST", "/apps/shop/releases", &format!(r#"{{"release":"{named}"}}"#)).await;
        assert_eq!(answer.verdict(), "201");
        let release = answer.json();
        assert_eq!((&release["version"], &release["description"], &release["current"]), (&version.into(), &"Rollback to v4".into(), &true.into()));
        assert_eq!(release["slug"]["id"], first.to_string());
    }
    assert_eq!(world.ann("GET", "/apps/shop/config-vars", "").await.body, r#"{"A":"old"}"#);

    let again = world.ann("POST", "/apps/shop/releases", &format!(r#"{{"slug":"{second}","description":"Retry of v6"}}"#)).await.json();
    assert_eq!((&again["description"], &again["slug"]["id"]), (&"Retry of v6".into(), &second.to_string().into()));
    assert_eq!(world.ann("GET", "/apps/shop", "").await.json()["slug_size"], 1234);
    let slug = world.ann("GET", &format!("/apps/shop/slugs/{second}"), "").await.json();
    assert_eq!((&slug["commit"], &slug["process_types"]["web"]), (&"22222222bbbb".into(), &"node web.js".into()));
    assert!(slug["checksum"].as_str().unwrap().starts_with("SHA256:"));
}

#[tokio::test]
async fn refuses_to_go_back_to_nothing() {
    let world = World::new().await;
    world.app("shop").await;
    let neither = "422 invalid_params: Give either the `release` to roll back to, or the `slug` to release.";
    for (body, verdict) in [
        (r#"{"release":"v1"}"#, "422 invalid_params: Cannot roll back to v1: it has no slug."),
        (r#"{"release":"v9"}"#, "404 not_found: Couldn't find that release."),
        (r#"{"release":"latest"}"#, "404 not_found: Couldn't find that release."),
        (r#"{"slug":"none"}"#, "404 not_found: Couldn't find that slug."),
        ("{}", neither),
        (r#"{"slug":"x","release":"v1"}"#, neither),
    ] {
        assert_eq!(world.ann("POST", "/apps/shop/releases", body).await.verdict(), verdict, "{body}");
    }
    assert_eq!(world.ann("GET", "/apps/shop/releases/v0", "").await.json()["resource"], "release");
}
