//! Slugs made elsewhere: asked for, uploaded, released.

use std::time::Duration;

use axum::{body::Body, extract::Request};
use builder::Limits;
use flate2::{Compression, write::GzEncoder};
use http_body_util::BodyExt;
use ports::{downloads::FakeDownloads, sandbox::fake::FakeSandboxes};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower_service::Service;

use super::{Answer, World};

fn slug(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn good() -> Vec<u8> {
    slug(&[("./app/web", "serve"), ("./app/Procfile", "old: nothing")])
}

fn checksum(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("SHA256:{digits}")
}

impl World {
    async fn new_slug(&self, body: &Value) -> Answer {
        self.ann("POST", "/apps/shop/slugs", &body.to_string()).await
    }

    async fn slug_now(&self, slug: &Value) -> Value {
        self.ann("GET", &format!("/apps/shop/slugs/{}", slug["id"].as_str().unwrap()), "").await.json()
    }

    /// Without a token, as something that the client thinks of.
    async fn put_slug(&self, slug: &Value, bytes: &[u8]) -> Answer {
        let path = slug["blob"]["url"].as_str().unwrap().strip_prefix("http://localhost:5001").unwrap();
        let request =
            Request::builder().method("PUT").uri(path).header("content-type", "application/x-www-form-urlencoded").header("content-length", bytes.len());
        let (parts, body) = self.router.clone().call(request.body(Body::from(bytes.to_vec())).unwrap()).await.unwrap().into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        answer.keeps_the_rules("PUT", path);
        answer
    }

    async fn release_of(&self, slug: &Value) -> Answer {
        self.ann("POST", "/apps/shop/releases", &json!({ "slug": slug["id"] }).to_string()).await
    }
}

#[tokio::test]
async fn a_slug_is_asked_for_uploaded_and_released() {
    let world = World::new().await;
    world.app("shop").await;
    let archive = good();
    let asked = json!({
        "buildpack_provided_description": "Elsewhere", "checksum": checksum(&archive), "commit": "60883d9e8947a57e04dc9124f25df004866a2051",
        "commit_description": "fixed a bug\nwith API documentation", "process_types": { "web": "./web -p $PORT", "worker": "./work" }, "stack": "heroku-22",
    });
    let created = world.new_slug(&asked).await;
    assert_eq!(created.verdict(), "201");
    let created = created.json();
    for field in ["buildpack_provided_description", "checksum", "commit", "commit_description", "process_types"] {
        assert_eq!(created[field], asked[field], "{field}");
    }
    assert_eq!((&created["blob"]["method"], &created["size"], &created["stack"]["name"]), (&"put".into(), &Value::Null, &"heroku-22".into()));
    assert_eq!(world.slug_now(&created).await["blob"]["method"], "put");
    let nothing = "422 invalid_params: Nothing was uploaded to that slug yet: PUT its archive to the URL of its blob first.";
    assert_eq!(world.release_of(&created).await.verdict(), nothing);

    // What GET shows is a place as good as the first.
    assert_eq!(world.put_slug(&world.slug_now(&created).await, &archive).await.verdict(), "200");
    let there = world.slug_now(&created).await;
    assert_eq!((&there["blob"]["method"], &there["id"]), (&"get".into(), &created["id"]));
    for field in ["buildpack_provided_description", "checksum", "commit", "commit_description", "process_types", "stack"] {
        assert_eq!(there[field], created[field], "{field}");
    }
    let url = there["blob"]["url"].as_str().unwrap().strip_prefix("http://localhost:5001").unwrap();
    let (status, _, body) = world.open("GET", url, &[], "").await;
    let stored = body.collect().await.unwrap().to_bytes();
    assert_eq!((status.as_u16(), there["size"].as_u64()), (200, Some(stored.len() as u64)));

    let released = world.release_of(&created).await;
    assert_eq!(released.verdict(), "201");
    let released = released.json();
    assert_eq!((&released["slug"]["id"], &released["description"]), (&created["id"], &"Deploy 60883d9e".into()));
    let types: Vec<_> = world.ann("GET", "/apps/shop/formation", "").await.json().as_array().unwrap().iter().map(|it| it["type"].clone()).collect();
    assert_eq!(types, ["web", "worker"]);
    let back = world.ann("POST", "/apps/shop/releases", &json!({ "release": released["version"].to_string() }).to_string()).await;
    assert_eq!((back.verdict().as_str(), &back.json()["slug"]["id"]), ("201", &created["id"]));
}

#[tokio::test]
async fn an_upload_is_refused_and_tried_again() {
    let world = World::new().await;
    world.app("shop").await;
    let (archive, other) = (good(), slug(&[("app/other", "x")]));
    let made = world.new_slug(&json!({ "process_types": { "web": "./web" }, "checksum": checksum(&archive) })).await.json();
    let taken = "422 invalid_params: The slug was not taken: ";
    let wrong = format!("{taken}the archive is not the one that was promised: its SHA-256 is {}.", &checksum(&other)[7..]);
    assert_eq!(world.put_slug(&made, &other).await.verdict(), wrong);
    let free = world.new_slug(&json!({ "process_types": {} })).await.json();
    let outside = "everything in a slug lies in the folder `app`, and not everything in this does.";
    for (bytes, why) in [
        (b"not a slug".to_vec(), "a slug is a gzipped tar archive, and this is not gzipped."),
        (vec![], "a slug is a gzipped tar archive, and this is not gzipped."),
        (slug(&[("web", "serve")]), outside),
        (slug(&[("./app/web", "serve"), ("./etc/passwd", "x")]), outside),
        (slug(&[]), outside),
    ] {
        assert_eq!(world.put_slug(&free, &bytes).await.verdict(), format!("{taken}{why}"));
    }
    let cut = world.put_slug(&free, &archive[..archive.len() / 2]).await.verdict();
    assert!(cut.starts_with(&format!("{taken}the source is not a readable tar archive")), "{cut}");
    for slug in [&made, &free] {
        assert_eq!((&world.slug_now(slug).await["blob"]["method"], world.release_of(slug).await.status.as_u16()), (&"put".into(), 422));
        assert_eq!(world.put_slug(slug, &archive).await.verdict(), "200");
        // Who did not hear that it was there sends it again.
        assert_eq!(world.put_slug(slug, &archive).await.verdict(), "200");
        let changed = "409 conflict: Something else was uploaded to this slug already, and slugs do not change: create another.";
        assert_eq!(world.put_slug(slug, &other).await.verdict(), changed);
        assert_eq!(world.release_of(slug).await.verdict(), "201");
    }
}

#[tokio::test]
async fn what_cannot_be_a_slug_is_not_begun() {
    let world = World::new().await;
    world.app("shop").await;
    let web = |rest: Value| {
        let mut body = json!({ "process_types": { "web": "./web" } });
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        body
    };
    for (body, why) in [
        (json!({}), "Give the commands of the slug's process types as process_types."),
        (json!({ "process_types": { "we b": "x" } }), "Process types can only contain letters, digits, dashes, and underscores (at most 63)."),
        (json!({ "process_types": { "web": "" } }), "The process type `web` has no command."),
        (web(json!({ "stack": "cedar-14" })), "Invalid stack. Stacks here are: heroku-22, heroku-24"),
        (web(json!({ "checksum": "MD5:1" })), "The checksum must be SHA256: and 64 hex digits."),
        (web(json!({ "commit": "x".repeat(256) })), "A commit and a buildpack's description are 1 to 255 bytes of plain text."),
        (web(json!({ "commit_description": "x".repeat(4097) })), "The description of a commit is at most 4096 bytes of text."),
    ] {
        assert_eq!(world.new_slug(&body).await.verdict(), format!("422 invalid_params: {why}"));
    }
    let stacks = world.ann("GET", "/stacks", "").await.json();
    let by_id = world.new_slug(&web(json!({ "stack": stacks[0]["id"] }))).await.json();
    assert_eq!(by_id["stack"], json!({ "id": stacks[0]["id"], "name": stacks[0]["name"] }));
}

#[tokio::test]
async fn a_place_for_a_slug_is_a_key_to_that_alone() {
    let nothing = FakeSandboxes { act: std::sync::Arc::new(|_, _, _| 0), files: [].into() };
    let world = World::building(std::sync::Arc::new(nothing), Limits { slug_bytes: 1_000, ..Limits::default() }, FakeDownloads::default()).await;
    world.app("shop").await;
    world.app("blog").await;
    let made = world.new_slug(&json!({ "process_types": { "web": "./web" } })).await.json();
    let path = made["blob"]["url"].as_str().unwrap().strip_prefix("http://localhost:5001").unwrap();
    let none = "404 not_found: Couldn't find that slug.";
    assert_eq!(world.ask("GET", path, &[], "").await.verdict(), none);
    assert_eq!(world.ask("PUT", path, &[], "x").await.status, 411);
    assert_eq!(world.ask("PUT", path, &[("content-length", "1001")], "x").await.status, 413);
    let more = "422 invalid_params: The slug was not taken: the archive is larger than 1000B.";
    assert_eq!(world.ask("PUT", path, &[("content-length", "1")], &format!("\u{1f}{}", "x".repeat(1_200))).await.verdict(), more);

    let named = format!("/apps/blog/slugs/{}", made["id"].as_str().unwrap());
    assert_eq!(world.ann("GET", &named, "").await.verdict(), none);
    let elsewhere = world.ann("POST", "/apps/blog/releases", &json!({ "slug": made["id"] }).to_string()).await;
    assert_eq!(elsewhere.verdict(), none);
    // A token that may only look is not told where it can be put.
    let reader = world.scoped("read").await;
    let seen = world.ask("GET", &named.replace("blog", "shop"), &[("authorization", &format!("Bearer {reader}"))], "").await.json();
    assert_eq!((&seen["blob"]["method"], &seen["blob"]["url"]), (&"put".into(), &"".into()));

    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3601)).await;
    tokio::time::resume();
    assert_eq!(world.put_slug(&made, &good()).await.verdict(), none, "an hour later");
    assert_eq!(world.put_slug(&world.slug_now(&made).await, &good()).await.verdict(), "200", "with a new link");
    let gone = world.new_slug(&json!({ "process_types": { "web": "./web" } })).await.json();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(24 * 3600 + 1)).await;
    tokio::time::resume();
    world.new_slug(&json!({ "process_types": { "web": "./web" } })).await;
    assert_eq!(world.slug_now(&gone).await["id"], "not_found", "a day later nobody wants it any more");
}
