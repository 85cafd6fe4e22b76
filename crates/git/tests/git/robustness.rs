//! What goes wrong, or is meant to.

use std::{os::unix::fs::PermissionsExt, sync::atomic::Ordering, time::Duration};

use git::Limits;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    client::{Client, said},
    platform::{World, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn output_comes_while_the_build_runs() {
    let (world, client) = (World::new().await, Client::new().await);
    client.commit("wait", "").await;
    let mut push = client.start(&["push", &world.url(), "main"]);
    let mut lines = BufReader::new(push.stderr.take().unwrap()).lines();
    // Nothing lets the build go on before this line is read.
    while !lines.next_line().await.unwrap().expect("output while the build runs").contains("installing things") {}
    world.deployed.gate.add_permits(1);
    assert!(push.wait().await.unwrap().success());
}

/// Hostile inputs 51.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_goes_on_when_the_client_is_gone() {
    let (world, client) = (World::new().await, Client::new().await);
    let commit = client.commit("wait", "").await;
    let mut push = client.start(&["push", &world.url(), "main"]);
    until("the build runs", || world.deployed.waiting.load(Ordering::SeqCst) == 1).await;
    push.kill().await.unwrap();
    world.deployed.gate.add_permits(1);
    until("the branch has moved", || std::fs::read_to_string(world.repository().join("refs/heads/main")).is_ok_and(|tip| tip.trim() == commit)).await;
    assert_eq!(world.commits_deployed(), [commit]);
    // And the app can be pushed to again.
    std::fs::remove_file(client.path("wait")).unwrap();
    let next = client.commit("server.js", "2").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    assert_eq!(world.commits_deployed().last(), Some(&next));
}

/// Hostile inputs 51, 55.
#[tokio::test(flavor = "multi_thread")]
async fn two_pushes_at_once_are_built_one_after_the_other() {
    let (world, one, two) = (World::new().await, Client::new().await, Client::new().await);
    one.commit("wait", "one").await;
    two.commit("wait", "two").await;
    let first = one.start(&["push", &world.url(), "main"]);
    until("the first build runs", || world.deployed.waiting.load(Ordering::SeqCst) == 1).await;
    let mut second = two.start(&["push", &world.url(), "main"]);
    let mut lines = BufReader::new(second.stderr.take().unwrap()).lines();
    let waits = "remote: -----> Another build of this app is under way; waiting for it to finish...";
    assert_eq!(lines.next_line().await.unwrap().unwrap().trim_end(), waits);
    world.deployed.gate.add_permits(1);
    said(first.wait_with_output().await.unwrap()).must();
    // Its branch is not where it was when the second push began: building that would have been in vain.
    let mut rest = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        rest += &line;
    }
    assert!(rest.contains("main has moved while this push waited."), "{rest}");
    assert!(!second.wait().await.unwrap().success());
    assert_eq!(world.commits_deployed(), [one.head().await]);
    assert!(!world.deployed.two_at_once.load(Ordering::SeqCst));
    // Other apps do not wait; the same one, later, does not either.
    world.deployed.gate.add_permits(1);
    two.git(&["push", "--force", &world.url(), "main"]).await.must();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_line_is_sent_while_the_build_waits() {
    let (world, client) = (World::new().await, Client::new().await);
    client.commit("half", "").await;
    let mut push = client.start_traced(&["push", &world.url(), "main"]);
    let mut lines = BufReader::new(push.stderr.take().unwrap()).lines();
    let heard = async {
        // git shows whole lines only; that it has got more is in its trace, alone or behind the line before.
        let half = |line: &str| line.contains("sideband< ") && line.trim_end().ends_with("       installing");
        while !half(&lines.next_line().await.unwrap().expect("the push goes on")) {}
    };
    tokio::time::timeout(Duration::from_secs(60), heard).await.expect("half a line arrives while the build waits");
    world.deployed.gate.add_permits(1);
    while lines.next_line().await.unwrap().is_some() {}
    assert!(push.wait().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_waits_for_a_build_that_is_none_and_the_other_way_round() {
    let (world, client) = (World::new().await, Client::new().await);
    let mut screen = Silent::default();
    let turn = world.platform.take_turn(world.app.id, &mut screen).await;
    client.commit("wait", "one").await;
    let mut push = client.start(&["push", &world.url(), "main"]);
    let mut lines = BufReader::new(push.stderr.take().unwrap()).lines();
    let waits = "-----> Another build of this app is under way; waiting for it to finish...";
    assert_eq!(lines.next_line().await.unwrap().unwrap().trim_end(), format!("remote: {waits}"));
    drop(turn);
    until("the push is built", || world.deployed.waiting.load(Ordering::SeqCst) == 1).await;
    let (taken, ()) = tokio::join!(world.platform.take_turn(world.app.id, &mut screen), async {
        world.deployed.gate.add_permits(1);
    });
    // The push had its turn until its branch had moved.
    assert!(world.repository().join("refs/heads/main").exists() && screen.0 == [waits], "{:?}", screen.0);
    drop(taken);
    while lines.next_line().await.unwrap().is_some() {}
    assert!(push.wait().await.unwrap().success());
}

#[derive(Default)]
struct Silent(Vec<String>);

impl builder::Terminal for Silent {
    fn line(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }

    fn bytes(&mut self, _: &[u8]) {}
}

/// Hostile inputs 48.
#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_is_too_large_is_refused_with_a_sentence() {
    let (world, client) = (World::with(Limits { pack_bytes: 10_000, ..Limits::default() }, true).await, Client::new().await);
    std::fs::write(client.path("large"), world.platform.chance.bytes::<20_000>()).unwrap();
    client.commit("server.js", "1").await;
    let text = client.git(&["push", &world.url(), "main"]).await.must_fail();
    assert!(text.contains("pack exceeds maximum allowed size"), "{text}");
    assert!(world.commits_deployed().is_empty());
}

/// Hostile inputs 52.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_never_arrives_is_ended() {
    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody};
    let world = World::with(Limits { transfer: Duration::from_millis(200), ..Limits::default() }, true).await;
    let body = StreamBody::new(stream::pending::<Result<hyper::body::Frame<bytes::Bytes>, std::convert::Infallible>>());
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("x:{}", world.token));
    let request = http::Request::post("/shop.git/git-receive-pack")
        .header("authorization", format!("Basic {encoded}"))
        .header("content-type", "application/x-git-receive-pack-request")
        .body(body)
        .unwrap();
    let answer = git::handle(world.git.clone(), request).await;
    assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty());
}

/// Hostile inputs 49, 50.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_tree_is_not_taken_and_nothing_of_a_repository_is_run() {
    let (world, client) = (World::new().await, Client::new().await);
    let blob = client.git(&["hash-object", "-w", "--stdin"]).await.must().trim().to_owned();
    // A tree with an entry named `.git`: refused by every honest client, so written by hand.
    let mut raw = b"40000 .git\0".to_vec();
    std::fs::write(client.path("empty"), "").unwrap();
    let tree = client.git(&["hash-object", "-t", "tree", "-w", "empty"]).await.must().trim().to_owned();
    raw.extend((0..tree.len()).step_by(2).map(|at| u8::from_str_radix(&tree[at..at + 2], 16).unwrap()));
    std::fs::write(client.path("raw"), raw).unwrap();
    let evil = client.git(&["hash-object", "-t", "tree", "-w", "--literally", "raw"]).await.must().trim().to_owned();
    let commit = client.git(&["commit-tree", "-m", "evil", &evil]).await.must().trim().to_owned();
    let text = client.git(&["push", &world.url(), &format!("{commit}:refs/heads/main")]).await.must_fail();
    assert!(text.contains("hasDotgit"), "{text}");
    // A hook of the repository's own, were it ever to get there, is not looked at.
    let hooks = world.repository().join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    for hook in ["pre-receive", "update", "post-receive"] {
        std::fs::write(hooks.join(hook), format!("#!/bin/sh\ntouch {}\n", world.folder.path().join("ran").display())).unwrap();
        std::fs::set_permissions(hooks.join(hook), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    client.commit("server.js", &blob).await;
    client.git(&["push", &world.url(), "main"]).await.must();
    assert!(!world.folder.path().join("ran").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_apps_repository_goes_with_it() {
    let (world, client) = (World::new().await, Client::new().await);
    client.commit("server.js", "1").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    world.git.sweep().await.unwrap();
    assert!(world.repository().exists());
    world.platform.destroy_app(&world.actor, "shop").await.unwrap();
    let foreign = world.folder.path().join("repos/lost+found");
    std::fs::create_dir(&foreign).unwrap();
    world.git.sweep().await.unwrap();
    assert!(!world.repository().exists() && foreign.exists());
    // Forgetting what is not there is done at once.
    world.git.forget(world.app.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_made_repository_is_cleared_away() {
    let (world, client) = (World::new().await, Client::new().await);
    let half_made = world.repository().with_extension("new");
    std::fs::create_dir_all(half_made.join("objects")).unwrap();
    client.commit("server.js", "1").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    assert!(!half_made.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_for_our_eyes_only_and_strangers_are_not_heard() {
    use std::io::{Read, Write};
    let world = World::new().await;
    let run = world.folder.path().join("run");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&run), mode(&run.join("hook.sock"))), (0o700, 0o600));
    let mut stranger = std::os::unix::net::UnixStream::connect(run.join("hook.sock")).unwrap();
    stranger.write_all(b"P\0\0\0\x05guess.\0\0\0\0").unwrap();
    let mut answer = Vec::new();
    tokio::task::spawn_blocking(move || stranger.read_to_end(&mut answer).map(|_| assert!(answer.is_empty()))).await.unwrap().unwrap();
}
