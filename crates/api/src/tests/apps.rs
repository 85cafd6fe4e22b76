//! Apps, and what every answer has.

use super::World;

#[tokio::test]
async fn an_app_from_its_creation_to_its_end() {
    let world = World::new().await;
    let created = world.ann("POST", "/apps", r#"{"name":"shop","stack":"cedar","region":"us"}"#).await;
    assert_eq!(created.verdict(), "201");
    let app = created.json();
    for (field, expected) in [
        ("name", "shop"),
        ("create_status", "complete"),
        ("git_url", "http://localhost:5001/shop.git"),
        ("ssh_git_url", "ssh://git@localhost:5003/shop.git"),
        ("web_url", "http://shop.localhost:5000/"),
        ("created_at", "2026-05-01T10:00:00Z"),
    ] {
        assert_eq!(app[field], expected, "{field}");
    }
    assert_eq!((&app["owner"]["email"], &app["region"]["name"], &app["build_stack"]["name"]), (&"ann@example.com".into(), &"us".into(), &"heroku-24".into()));
    // Heroku's command line fails on numbers that are missing, not on those that are null.
    assert!(app.as_object().unwrap().contains_key("repo_size") && app.as_object().unwrap().contains_key("slug_size"));

    let id = app["id"].as_str().unwrap().to_owned();
    let renamed = world.ann("PATCH", &format!("/apps/{id}"), r#"{"name":"store","maintenance":true,"build_stack":"heroku-22"}"#).await.json();
    assert_eq!((&renamed["name"], &renamed["maintenance"], &renamed["build_stack"]["name"]), (&"store".into(), &true.into(), &"heroku-22".into()));
    for (flag, on) in [("0", false), ("1", true), ("null", true), ("false", false)] {
        assert_eq!(world.ann("PATCH", "/apps/store", &format!(r#"{{"maintenance":{flag}}}"#)).await.json()["maintenance"], on, "{flag}");
    }
    assert_eq!(world.ann("GET", "/apps/shop", "").await.verdict(), "404 not_found: Couldn't find that app.");
    assert_eq!(world.ann("GET", "/apps/store", "").await.json()["id"], id.as_str());
    assert_eq!(world.ann("DELETE", "/apps/store", "").await.json()["id"], id.as_str());
    assert_eq!(world.ann("GET", &format!("/apps/{id}"), "").await.json()["resource"], "app");
}

#[tokio::test]
async fn an_app_without_a_name_gets_one() {
    let world = World::new().await;
    for body in ["", "{}", r#"{"name":null,"unknown":[1]}"#] {
        let app = world.ann("POST", "/apps", body).await.json();
        assert_eq!(app["name"].as_str().unwrap().split('-').count(), 3, "{app}");
    }
}

#[tokio::test]
async fn refuses_what_no_app_can_be() {
    let world = World::new().await;
    world.app("shop").await;
    for (body, expected) in [
        (r#"{"name":"shop"}"#, "422 invalid_params: Name is already taken"),
        (r#"{"name":"ab"}"#, "422 invalid_params: Name is too short (minimum is 3 characters)"),
        (
            r#"{"name":"Shop"}"#,
            "422 invalid_params: Name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, and dashes",
        ),
        (r#"{"name":"api"}"#, "422 invalid_params: Name is reserved"),
        (r#"{"name":"other","stack":"heroku-16"}"#, "422 invalid_params: Invalid stack. Stacks here are: heroku-22, heroku-24"),
        (r#"{"name":"other","region":"eu"}"#, "422 invalid_params: Invalid region. The region here is: us"),
        (r#"{"name":5}"#, "422 invalid_params: Invalid request body: invalid type: integer `5`, expected a string at line 1 column 9"),
        (r#"{"name":"#, "400 bad_request: The request body is not valid JSON: EOF while parsing a value at line 1 column 8."),
        ("name=shop", "400 bad_request: The request body is not valid JSON: expected ident at line 1 column 2."),
    ] {
        assert_eq!(world.ann("POST", "/apps", body).await.verdict(), expected, "{body}");
    }
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(1024 * 1024));
    assert_eq!(world.ann("POST", "/apps", &large).await.verdict(), "413 bad_request: The request body is too large (maximum is 1048576 bytes).");
    assert_eq!(world.ann("GET", "/apps", "").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_list_is_read_in_pages() {
    let world = World::new().await;
    for name in ["cherry", "apple", "banana"] {
        world.app(name).await;
    }
    let bearer = world.ann.bearer();
    let mut range = "name ..; max=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let answer = world.ask("GET", "/apps", &[("authorization", &bearer), ("range", &range)], "").await;
        let names: Vec<_> = answer.json().as_array().unwrap().iter().map(|app| app["name"].as_str().unwrap().to_owned()).collect();
        pages.push(format!("{} {} | {} | {}", answer.status.as_u16(), names.join(" "), answer.header("content-range"), answer.header("next-range")));
        if answer.status != 206 {
            break;
        }
        range = answer.header("next-range").to_owned();
    }
    assert_eq!(pages, ["206 apple banana | name apple..banana | name ]banana..; max=2", "200 cherry | - | -"]);

    let malformed = world.ask("GET", "/apps", &[("authorization", &bearer), ("range", "everything")], "").await;
    assert_eq!(malformed.verdict(), "400 bad_request: Invalid `Range` header. Please use format like `id ..; max=10, order=desc`.");
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own() {
    let world = World::new().await;
    let long = "a,".repeat(3500);
    let mut ids = Vec::new();
    for (path, left) in [("/account", "4499"), ("/nowhere", "-"), ("/apps/none", "4498")] {
        let answer = world.ask("GET", path, &[("authorization", &world.ann.bearer()), ("request-id", &long)], "").await;
        assert_eq!((answer.header("request-id").len(), answer.header("ratelimit-remaining"), answer.header("content-type")), (36, left, "application/json"));
        ids.push(answer.header("request-id").to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn tells_what_is_not_built_from_what_is_not_there() {
    let world = World::new().await;
    world.app("shop").await;
    let nowhere = "404 not_found: The requested API endpoint was not found. Are you using the right HTTP verb (i.e. `GET` vs. `POST`), and did you specify your intended version with the `Accept` header?";
    for (method, path, expected) in [
        ("POST", "/apps/shop/acm", "501 not_implemented: POST /apps/:app/acm is not built yet."),
        ("POST", "/pipelines", "501 not_implemented: POST /pipelines is not built yet."),
        ("DELETE", "/apps/shop/config-vars", nowhere),
        ("GET", "/apps/shop/nothing", nowhere),
        ("GET", "/", nowhere),
        ("GET", "/apps/%ff", nowhere),
        ("GET", "/apps/sh%6Fp", "200"),
        ("GET", "/apps/shop/pipeline-couplings", "404 not_found: Couldn't find that pipeline coupling."),
        ("GET", "/account/features/spdy", "404 not_found: Couldn't find that feature."),
    ] {
        assert_eq!(world.ann(method, path, "").await.verdict(), expected, "{method} {path}");
    }
    assert_eq!(world.ask("GET", "/pipelines", &[], "").await.status, 401);
    let head = world.ann("HEAD", "/apps/shop", "").await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn features_are_switched_on_and_off() {
    let world = World::new().await;
    let app = world.app("shop").await;
    let on = |features: serde_json::Value| {
        let names = |feature: &serde_json::Value| feature["enabled"].as_bool().unwrap().then(|| feature["name"].as_str().unwrap().to_owned());
        features.as_array().unwrap().iter().filter_map(names).collect::<Vec<_>>()
    };
    assert_eq!(on(world.ann("GET", "/apps/shop/features", "").await.json()), [""; 0]);
    let preboot = world.ann("PATCH", "/apps/shop/features/preboot", r#"{"enabled":true}"#).await.json();
    assert_eq!((&preboot["name"], &preboot["enabled"], &preboot["state"]), (&"preboot".into(), &true.into(), &"general".into()));
    let again = world.ann("PATCH", &format!("/apps/{}/features/{}", app.id, preboot["id"].as_str().unwrap()), r#"{"enabled":true}"#).await.json();
    assert_eq!(again, preboot, "by ids, and twice is once");
    assert_eq!(on(world.ann("GET", "/apps/shop/features", "").await.json()), ["preboot"]);
    // heroku3 writes it so.
    assert_eq!(world.ann("PATCH", "/apps/shop/features/preboot", r#"{"enabled":0}"#).await.json()["enabled"], false);
    assert_eq!(world.ann("PATCH", "/apps/shop/features/preboot", r#"{"enabled":null}"#).await.status, 422);
    assert_eq!(on(world.ann("GET", "/apps/shop/features", "").await.json()), [""; 0]);
    let unknown = "404 not_found: Couldn't find that feature.";
    assert_eq!(world.ann("PATCH", "/apps/shop/features/spdy", r#"{"enabled":true}"#).await.verdict(), unknown);
    assert_eq!(world.ann("GET", "/apps/shop/features/spdy", "").await.verdict(), unknown);
    assert_eq!(world.ann("PATCH", "/apps/shop/features/preboot", r#"{"enabled":"yes"}"#).await.status, 422);
}

#[tokio::test]
async fn what_the_platform_has_by_itself() {
    let world = World::new().await;
    world.app("shop").await;
    let stacks = world.ann("GET", "/stacks", "").await.json();
    let by_id = world.ann("GET", &format!("/stacks/{}", stacks[0]["id"].as_str().unwrap()), "").await.json();
    assert_eq!(by_id, stacks[0]);
    assert_eq!(world.ann("GET", "/regions/us", "").await.json()["name"], "us");
    assert_eq!(world.ann("GET", "/dyno-sizes/standard-2x", "").await.json()["memory"], 1.0);
    assert_eq!(world.ann("GET", "/dyno-sizes", "").await.json().as_array().unwrap().len(), 6);
    let domain = world.ann("GET", "/apps/shop/domains/shop.localhost", "").await.json();
    assert_eq!((&domain["kind"], &domain["cname"]), (&"heroku".into(), &serde_json::Value::Null));
    assert_eq!(world.ann("GET", "/apps/shop/collaborators", "").await.json()[0]["user"]["email"], "ann@example.com");
    for list in ["addons", "addon-attachments", "buildpack-installations", "webhooks", "builds"] {
        assert_eq!(world.ann("GET", &format!("/apps/shop/{list}"), "").await.body, "[]", "{list}");
    }
}
