//! Which buildpacks a push is built with, and what they make of the app.

use crate::story::{Story, tar};

databases::on_both!(
    what_was_found_to_fit_stays_and_a_first_release_gets_what_the_buildpack_asks_for,
    the_list_is_followed_and_a_config_var_comes_before_it,
    a_source_says_what_it_wants_until_the_app_does
);

async fn what_was_found_to_fit_stays_and_a_first_release_gets_what_the_buildpack_asks_for() {
    let story = Story::begin().await;
    story.set("MINE", "mine").await;
    let (released, seen) = story.push().await;
    released.unwrap();
    assert!(seen.contains("-----> Determining which buildpack") && seen.contains("add-ons, which are not built yet: heroku-postgresql:mini\n"), "{seen}");
    assert_eq!(story.buildpacks().await, ["heroku/nodejs"]);
    assert_eq!(story.config().await, ["MINE=mine", "POOL=5"]);

    story.set("POOL", "9").await;
    let (released, seen) = story.push().await;
    released.unwrap();
    assert!(seen.contains("-----> Using buildpack: heroku/nodejs\n") && !seen.contains("add-ons"), "{seen}");
    assert_eq!(story.config().await, ["MINE=mine", "POOL=9"]);
}

async fn the_list_is_followed_and_a_config_var_comes_before_it() {
    let story = Story::begin().await;
    story.platform.set_buildpacks(&story.actor, "shop", &["heroku/python".to_owned()]).await.unwrap();
    let (released, seen) = story.push().await;
    assert!(released.is_err() && seen.contains("-----> App not compatible with buildpack: heroku/python\n"), "{seen}");
    story.set("BUILDPACK_URL", "heroku/nodejs").await;
    story.push().await.0.unwrap();
    assert_eq!(story.bench.compiled(), ["nodejs"]);
    assert_eq!(story.buildpacks().await, ["heroku/python"], "the list stays as it was set");

    story.set("BUILDPACK_URL", "file:///etc/hunter2").await;
    let (released, seen) = story.push().await;
    assert!(released.is_err() && !seen.contains("hunter2"), "{seen}");
    assert!(seen.contains(" !     Push rejected, the config var BUILDPACK_URL names no buildpack. A buildpack URL must begin with https://"), "{seen}");
}

async fn a_source_says_what_it_wants_until_the_app_does() {
    let story = Story::begin().await;
    let app_json = r#"{"buildpacks": [{"url": "heroku/python"}, {"url": "heroku/nodejs"}]}"#;
    let (released, seen) = story.push_tree(tar(&[("app.json", app_json), (".buildpacks", "heroku/nodejs\n")])).await;
    released.unwrap();
    assert!(seen.contains("-----> Using buildpack: heroku/nodejs\n"), "{seen}");
    assert_eq!(story.buildpacks().await, [""; 0], "the file is asked again by every build");
    assert_eq!(story.newest_build().await.buildpacks, Some(vec!["heroku/nodejs".parse().unwrap()]));

    story.bench.fits("python");
    let (released, seen) = story.push_tree(tar(&[("app.json", app_json)])).await;
    released.unwrap();
    assert!(seen.contains("-----> Using buildpacks:\n       1. heroku/python\n       2. heroku/nodejs\n"), "{seen}");
    assert_eq!(story.buildpacks().await, ["heroku/python", "heroku/nodejs"], "as when an app is created from it");

    story.platform.set_buildpacks(&story.actor, "shop", &["heroku/nodejs".to_owned()]).await.unwrap();
    let (released, seen) = story.push_tree(tar(&[("app.json", "no JSON")])).await;
    released.unwrap();
    assert!(seen.contains("-----> Using buildpack: heroku/nodejs\n"), "nobody asks the file any more: {seen}");
}
