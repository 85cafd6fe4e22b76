//! Buildpack installations, and the registry that Heroku's command line asks for names.

use std::fs;

use serde_json::Value;

use super::World;

fn urls(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap();
    assert!(list.iter().enumerate().all(|(ordinal, one)| one["ordinal"] == ordinal), "{list:?}");
    list.iter().map(|one| format!("{} {}", one["buildpack"]["name"].as_str().unwrap(), one["buildpack"]["url"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_list_is_replaced_whole_and_keeps_its_order() {
    let world = World::new().await;
    world.app("shop").await;
    let path = "/apps/shop/buildpack-installations";
    assert_eq!(world.ann("GET", path, "").await.body, "[]");
    let body = r#"{"updates":[{"buildpack":"https://user:hunter2@example.com/b.git#v1"},{"buildpack":"heroku/nodejs"}]}"#;
    // As Heroku's command line sends it: with an empty Range.
    let answer = world.ask("PUT", path, &[("authorization", &world.ann.bearer()), ("range", "")], body).await;
    let expected = ["https://****@example.com/b.git#v1 https://****@example.com/b.git#v1", "heroku/nodejs urn:buildpack:heroku/nodejs"];
    assert_eq!((answer.status.as_u16(), urls(&answer.json())), (200, expected.map(str::to_owned).to_vec()));
    assert!(!answer.body.contains("hunter2"));

    // Read, turned round and sent back: the credentials are still there, hidden.
    let body = r#"{"updates":[{"buildpack":"heroku/nodejs"},{"buildpack":"https://****@example.com/b.git#v1"}]}"#;
    assert_eq!(world.ann("PUT", path, body).await.status, 200);
    let answer = world.ann("GET", path, "").await;
    assert_eq!(urls(&answer.json()), [expected[1], expected[0]]);
    let mut tx = world.api.platform.store.read().await.unwrap();
    let app = tx.app_named(&"shop".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(tx.buildpacks(app.id).await.unwrap()[1].expose(), "https://user:hunter2@example.com/b.git#v1");
    assert_eq!(world.ann("PUT", path, r#"{"updates":[]}"#).await.body, "[]");
}

#[tokio::test]
async fn what_names_no_buildpack_is_refused_and_changes_nothing() {
    let world = World::new().await;
    world.app("shop").await;
    let path = "/apps/shop/buildpack-installations";
    world.ann("PUT", path, r#"{"updates":[{"buildpack":"heroku/nodejs"}]}"#).await;
    let scheme = "422 invalid_params: A buildpack URL must begin with https://, http:// or git://.";
    for (buildpack, expected) in [
        ("ext::sh -c touch% /tmp/c", scheme),
        ("file:///etc", scheme),
        ("ssh://-oProxyCommand=touch/x", scheme),
        ("https://-x/y", "422 invalid_params: A buildpack URL needs a host that does not begin with '-', such as https://example.com/buildpack.git."),
        ("https://example.com/x#-u", "422 invalid_params: The part of a buildpack URL after '#' must be the name of a branch or tag, or a commit."),
        ("nodejs", "422 invalid_params: A buildpack name has a namespace and a name, such as heroku/nodejs, and only letters, digits, '_' and '-'."),
    ] {
        let body = serde_json::json!({"updates": [{"buildpack": "heroku/python"}, {"buildpack": buildpack}]}).to_string();
        assert_eq!(world.ann("PUT", path, &body).await.verdict(), expected, "{buildpack}");
    }
    let none = world.ann("PUT", path, r#"{"updates":[{}]}"#).await;
    assert!(none.verdict().starts_with("422 invalid_params: A buildpack is named by its name (heroku/nodejs), a git URL"), "{}", none.body);
    let url = "https://user:hunter2@exa mple.com/x";
    let answer = world.ann("PUT", path, &serde_json::json!({"updates": [{"buildpack": url}]}).to_string()).await;
    assert!(answer.status == 422 && !answer.body.contains("hunter2"), "{}", answer.body);
    assert_eq!(urls(&world.ann("GET", path, "").await.json()), ["heroku/nodejs urn:buildpack:heroku/nodejs"]);
}

#[tokio::test]
async fn a_name_of_the_catalogue_is_looked_up_by_anybody() {
    let world = World::new().await;
    let bin = world.folder.path().join("buildpacks/nodejs/bin");
    fs::create_dir_all(&bin).unwrap();
    for script in ["detect", "compile"] {
        fs::write(bin.join(script), "").unwrap();
    }
    let found = world.ask("GET", "/buildpacks/heroku%2Fnodejs", &[], "").await.json();
    assert_eq!((found["blob_url"].as_str(), found["full_name"].as_str()), (Some("urn:buildpack:heroku/nodejs"), Some("heroku/nodejs")));
    for unknown in ["heroku%2Fcobol", "emk%2Fnodejs", "heroku%2F..%2F..%2Fetc", "nodejs"] {
        let answer = world.ask("GET", &format!("/buildpacks/{unknown}"), &[], "").await;
        assert_eq!(answer.verdict(), "404 not_found: Couldn't find that buildpack.", "{unknown}");
    }
}
