//! Who gets in, and where to.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};

use crate::{
    client::Client,
    platform::{World, token},
};

impl World {
    pub(crate) async fn ask(&self, request: http::request::Builder, body: impl Into<Bytes>) -> (Response<()>, Bytes) {
        let request = request.body(Full::new(body.into())).unwrap();
        let (parts, body) = git::handle(self.git.clone(), request).await.into_parts();
        (Response::from_parts(parts, ()), body.collect().await.unwrap().to_bytes())
    }

    fn basic(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!("Basic {}", STANDARD.encode(format!("heroku:{}", self.token)))
    }

    pub(crate) fn authorized(&self, request: http::request::Builder) -> http::request::Builder {
        request.header(header::AUTHORIZATION, self.basic())
    }
}

const REFS: &str = "/shop.git/info/refs?service=git-receive-pack";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_a_token() {
    let (world, client) = (World::new().await, Client::new().await);
    let (answer, _) = world.ask(Request::get(REFS), "").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Basic realm=\"mypaas\"");
    // An app that is not there looks the same to somebody unknown.
    let (answer, _) = world.ask(Request::get("/nothing.git/info/refs?service=git-receive-pack"), "").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    client.commit("server.js", "1").await;
    let url = format!("http://heroku:wrong@{}/shop.git", world.address);
    let text = client.git(&["push", &url, "main"]).await.must_fail();
    assert!(text.contains("remote: Invalid credentials provided."), "{text}");
    assert!(text.contains("Authentication failed"), "{text}");
}

/// Hostile inputs 46.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_app_and_somebody_elses_look_the_same() {
    let (world, client) = (World::new().await, Client::new().await);
    client.commit("server.js", "1").await;
    let stranger = token(&world.platform, "bob@example.com").await;
    let theirs = world.url().replace(&world.token, &stranger);
    for url in [theirs, world.url().replace("shop", "nothing")] {
        for arguments in [["push", &url, "main"], ["fetch", &url, "main"]] {
            let text = client.git(&arguments).await.must_fail();
            assert!(text.contains("remote: Couldn't find that app."), "{text}");
        }
    }
    assert!(!world.repository().exists());
}

/// Hostile inputs 44, 45.
#[tokio::test(flavor = "multi_thread")]
async fn other_paths_lead_nowhere() {
    let world = World::new().await;
    for path in [
        "/shop.git/../other.git/info/refs?service=git-receive-pack",
        "/shop.git//info/refs?service=git-receive-pack",
        "/%2e%2e.git/info/refs?service=git-receive-pack",
        "/shop.git/info/refs?service=git-upload-archive",
        "/shop.git/config",
        "/shop.git/HEAD",
        "/shop.git/hooks/pre-receive",
        "/shop.git/objects/../..",
    ] {
        let (answer, body) = world.ask(world.authorized(Request::get(path)), "").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
        assert_eq!(body, "There is no such page here.\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refs_are_told_as_the_protocol_says() {
    let world = World::new().await;
    let (answer, body) = world.ask(world.authorized(Request::get(REFS)), "").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/x-git-receive-pack-advertisement");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-cache, max-age=0, must-revalidate");
    let text = String::from_utf8_lossy(&body);
    assert!(text.starts_with("001f# service=git-receive-pack\n0000"), "{text}");
    for capability in ["report-status", "side-band-64k", "delete-refs"] {
        assert!(text.contains(capability), "{text}");
    }
    assert!(!text.contains("push-options"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_gzipped() {
    let (world, client) = (World::new().await, Client::new().await);
    let commit = client.commit("server.js", "1").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    let wants = format!("0032want {commit}\n00000009done\n");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(wants.as_bytes()).unwrap();
    let fetch = || world.authorized(Request::post("/shop.git/git-upload-pack")).header(header::CONTENT_TYPE, "application/x-git-upload-pack-request");
    let (answer, body) = world.ask(fetch().header(header::CONTENT_ENCODING, "gzip"), gzip.finish().unwrap()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(body.starts_with(b"0008NAK\nPACK"), "{body:?}");
    let (answer, _) = world.ask(fetch().header(header::CONTENT_ENCODING, "br"), wants).await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (answer, _) = world.ask(world.authorized(Request::post("/shop.git/git-upload-pack")), "0000").await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_answered() {
    let world = World::new().await;
    let push = world.authorized(Request::post("/shop.git/git-receive-pack")).header(header::CONTENT_TYPE, "application/x-git-receive-pack-request");
    let (answer, body) = world.ask(push, "0000").await;
    assert_eq!((answer.status(), body.len()), (StatusCode::OK, 0));
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/x-git-receive-pack-result");
}
