//! What people do every day.

use crate::{client::Client, platform::World};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_deploys_and_tells_so() {
    let (world, client) = (World::new().await, Client::new().await);
    let commit = client.commit("server.js", "listen()").await;
    let text = client.git(&["push", &world.url(), "main"]).await.must();
    let said: Vec<_> = text.lines().take(7).collect();
    assert_eq!(
        said,
        [
            "remote: Compressing source files... done.",
            "remote: Building source:",
            "remote:",
            "remote: -----> Node.js app detected",
            "remote:        installing things",
            "remote:        Released v3",
            &format!("To http://{}/shop.git", world.address),
        ],
        "{text}"
    );
    assert!(text.contains("* [new branch]      main -> main"), "{text}");
    assert_eq!(*world.deployed.pushes.lock().unwrap(), [(commit, ["server.js".to_owned()].into())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushing_again_has_nothing_to_do_but_an_empty_commit_deploys() {
    let (world, client) = (World::new().await, Client::new().await);
    let first = client.commit("server.js", "1").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    assert_eq!(client.git(&["push", &world.url(), "main"]).await.must(), "Everything up-to-date\n");
    client.git(&["commit", "--quiet", "--allow-empty", "-m", "again"]).await.must();
    let second = client.head().await;
    client.git(&["push", &world.url(), "main"]).await.must();
    // History may be rewritten.
    client.git(&["commit", "--quiet", "--amend", "--allow-empty", "-m", "differently"]).await.must();
    let third = client.head().await;
    assert!(client.git(&["push", &world.url(), "main"]).await.must_fail().contains("non-fast-forward"));
    client.git(&["push", "--force", &world.url(), "main"]).await.must();
    assert_eq!(world.commits_deployed(), [first, second, third]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_build_rejects_the_push_and_leaves_the_branch() {
    let (world, client) = (World::new().await, Client::new().await);
    let good = client.commit("server.js", "1").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    client.commit("fail", "").await;
    let text = client.git(&["push", &world.url(), "main"]).await.must_fail();
    let told = "remote:  !     Push rejected, failed to compile Node.js app.\nremote:\nremote:  !     Push failed\n\
                remote: Verifying deploy...\nremote:\nremote: !\tPush rejected to shop.\nremote:\n";
    assert!(text.contains(told), "{text}");
    assert!(text.contains("! [remote rejected] main -> main (pre-receive hook declined)"), "{text}");
    assert_eq!(world.commits_deployed(), std::slice::from_ref(&good));
    assert!(client.git(&["ls-remote", &world.url(), "main"]).await.must().starts_with(&good));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_branches_and_tags_are_stored() {
    let (world, client) = (World::new().await, Client::new().await);
    let commit = client.commit("server.js", "1").await;
    client.git(&["tag", "v1"]).await.must();
    for pushed in ["main:feature", "v1"] {
        let text = client.git(&["push", &world.url(), pushed]).await.must();
        assert!(text.starts_with("remote: Pushed to non-main/master branch, skipping build.\nremote: To deploy"), "{text}");
    }
    assert!(world.commits_deployed().is_empty());
    let refs = client.git(&["ls-remote", &world.url()]).await.must();
    assert_eq!(refs, format!("{commit}\trefs/heads/feature\n{commit}\trefs/tags/v1\n"));
    // A stored branch may go again, without a word about builds.
    let text = client.git(&["push", &world.url(), ":feature"]).await.must();
    assert!(text.contains("[deleted]") && !text.contains("remote:"), "{text}");
}

/// Hostile inputs 55.
#[tokio::test(flavor = "multi_thread")]
async fn what_runs_cannot_be_deleted_and_only_one_branch_runs() {
    let (world, client) = (World::new().await, Client::new().await);
    client.commit("server.js", "1").await;
    let text = client.git(&["push", &world.url(), "main", "main:master"]).await.must_fail();
    assert!(text.contains("remote:  !     You cannot push main and master at once"), "{text}");
    client.git(&["push", &world.url(), "main"]).await.must();
    let text = client.git(&["push", &world.url(), ":main"]).await.must_fail();
    assert!(text.contains("remote:  !     You cannot delete main"), "{text}");
    assert!(text.contains("(pre-receive hook declined)"), "{text}");
    assert_eq!(world.commits_deployed().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_checks_out_what_runs() {
    let (world, client, other) = (World::new().await, Client::new().await, Client::new().await);
    // An app that was never pushed to is an empty repository.
    assert!(other.git(&["clone", &world.url(), "empty"]).await.must().contains("empty repository"));
    client.commit("server.js", "on master").await;
    client.git(&["push", &world.url(), "main:master"]).await.must();
    other.git(&["clone", &world.url(), "first"]).await.must();
    assert_eq!(std::fs::read_to_string(other.path("first/server.js")).unwrap(), "on master");
    client.commit("server.js", "on main").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    other.git(&["clone", &world.url(), "second"]).await.must();
    assert_eq!(std::fs::read_to_string(other.path("second/server.js")).unwrap(), "on main");
    // A fetch that knows something already.
    other.git(&["-C", "first", "fetch", "--quiet"]).await.must();
    assert!(other.git(&["-C", "first", "branch", "--remotes"]).await.must().contains("origin/main"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_the_tree_is_built_and_its_submodules_are_named() {
    let (world, client) = (World::new().await, Client::new().await);
    std::fs::write(client.path(".gitattributes"), "docs export-ignore\nversion export-subst\n").unwrap();
    client.commit("docs", "not left out").await;
    let link = format!("160000,{},vendor/lib", "1".repeat(40));
    client.git(&["update-index", "--add", "--cacheinfo", &link]).await.must();
    client.git(&["commit", "--quiet", "-m", "submodule"]).await.must();
    client.git(&["push", &world.url(), "main"]).await.must();
    let expected = builder::Submodule { path: "vendor/lib".to_owned(), commit: "1".repeat(40) };
    assert_eq!(*world.deployed.submodules.lock().unwrap(), [expected]);
    let pushes = world.deployed.pushes.lock().unwrap();
    assert_eq!(pushes[0].1, [".gitattributes".to_owned(), "docs".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_push_comes_in_pieces() {
    let (world, client) = (World::new().await, Client::new().await);
    for part in ["one", "two", "three"] {
        std::fs::write(client.path(part), world.platform.chance.bytes::<500_000>()).unwrap();
    }
    let commit = client.commit("server.js", "1").await;
    // Beyond this size git sends an empty request first, and then a chunked one.
    client.git(&["-c", "http.postBuffer=65536", "push", &world.url(), "main"]).await.must();
    assert_eq!(world.commits_deployed(), [commit]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_leads_to_no_commit_is_refused_before_the_build() {
    let (world, client) = (World::new().await, Client::new().await);
    client.commit("server.js", "1").await;
    client.git(&["tag", "-a", "-m", "release", "v1"]).await.must();
    let text = client.git(&["push", &world.url(), "v1:refs/heads/main"]).await.must_fail();
    assert!(world.commits_deployed().is_empty(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_builder_is_behind_it() {
    let (world, client) = (World::with(git::Limits::default(), false).await, Client::new().await);
    client.commit("README", "no language at all").await;
    let text = client.git(&["push", &world.url(), "main"]).await.must_fail();
    assert!(text.contains("remote:  !     No default language could be detected for this app."), "{text}");
    assert!(text.contains("remote: !\tPush rejected to shop."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pushed_what_and_how_it_went_is_written_down() {
    let (world, client) = (World::new().await, Client::new().await);
    let good = client.commit("server.js", "1").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    client.commit("fail", "").await;
    client.git(&["push", &world.url(), "main"]).await.must_fail();
    client.git(&["push", &world.url(), "HEAD~1:refs/heads/other"]).await.must();
    let seen = async || world.platform.store.read().await.unwrap().audit_events(10).await.unwrap();
    // The client has its answer a moment before the last line is written.
    let mut events = seen().await;
    for _ in 0..600 {
        if events.len() == 3 && events.iter().all(|event| event.status.is_some()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        events = seen().await;
    }
    let told: Vec<_> = events.iter().map(|event| (event.action.as_str(), event.app.as_deref(), event.actor.as_str(), event.status)).collect();
    let one = |status| ("git push", Some("shop"), "ann@example.com", Some(status));
    assert_eq!(told, [one(200), one(422), one(200)]);
    assert_eq!(events[0].detail, Some(format!("refs/heads/main to {}", &good[..8])));
    assert_eq!(events[2].detail, Some(format!("refs/heads/other to {}", &good[..8])));
    assert_eq!(events[0].credential, world.actor.authorization().map(|id| id.to_string()));
}
