//! The list of hostile inputs, as far as the API takes them; `docs/HOSTILE.md` has all numbers. Each is refused with the
//! right status, a stable id and a sentence, and changes nothing; the same request with a legal value works.

use std::sync::Arc;

use builder::Limits;
use bytes::Bytes;
use ports::downloads::FakeDownloads;
use serde_json::{Value, json};

use super::{World, workshop::Bench};

const MALFORMED: &str =
    "422 invalid_params: Name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, and dashes";

#[tokio::test]
async fn hostile_1_2_3_4_5_6_7_8_names_of_apps() {
    let world = World::new().await;
    world.app("shop").await;
    for name in [
        "a;touch${IFS}/tmp/c",
        "$(id)",
        "`id`",
        "a|b",
        "a&b",
        "../x",
        "..",
        ".",
        "a/b",
        "%2e%2e",
        "-rf",
        "--help",
        "Shop",
        "shop-",
        "1shop",
        "sh\u{43e}p",
        "sh\u{202e}op",
        "sh\0op",
        "shop\n",
        "shop\r\nx: y",
        " shop",
    ] {
        for (method, path) in [("POST", "/apps"), ("PATCH", "/apps/shop")] {
            assert_eq!(world.ann(method, path, &json!({ "name": name }).to_string()).await.verdict(), MALFORMED, "{method} {name:?}");
        }
        // Nor is it anybody's name in a path.
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let verdict = world.ann("GET", &format!("/apps/{encoded}"), "").await.verdict();
        assert!(verdict.starts_with("404 not_found: "), "{name:?}: {verdict}");
    }
    for (name, sentence) in [
        ("", "Name is too short (minimum is 3 characters)"),
        ("a234567890123456789012345678901", "Name is too long (maximum is 30 characters)"),
        ("api", "Name is reserved"),
        ("git", "Name is reserved"),
        ("www", "Name is reserved"),
        ("admin", "Name is reserved"),
        ("localhost", "Name is reserved"),
        ("xn--shop", "Name is reserved"),
    ] {
        assert_eq!(world.ann("POST", "/apps", &json!({ "name": name }).to_string()).await.verdict(), format!("422 invalid_params: {sentence}"), "{name:?}");
    }
    assert_eq!(world.ann("GET", "/apps", "").await.json().as_array().unwrap().len(), 1);
    assert_eq!(world.ann("POST", "/apps", r#"{"name":"store"}"#).await.verdict(), "201");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_9_one_of_two_creates_at_once_wins() {
    let world = World::new().await;
    for name in ["one", "two", "three", "four"] {
        let body = json!({ "name": name }).to_string();
        let (first, second) = tokio::join!(world.ann("POST", "/apps", &body), world.ann("POST", "/apps", &body));
        let mut verdicts = [first.verdict(), second.verdict()];
        verdicts.sort();
        assert_eq!(verdicts, ["201", "422 invalid_params: Name is already taken"]);
    }
    assert_eq!(world.ann("GET", "/apps", "").await.json().as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn hostile_13_14_names_of_releases() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    world.deploy(&app, "22222222aaaa").await;
    let none = "404 not_found: Couldn't find that release.";
    for name in [
        "v-1",
        "-1",
        "v0",
        "v+3",
        "v999999999999999999999",
        "v4294967296",
        "v3;id",
        "$(id)",
        "v3\n",
        "vv3",
        "",
        "11111111aaaa1111111111111111111111111111a",
        "HEAD",
        "../3",
        "٣",
    ] {
        assert_eq!(world.ann("POST", "/apps/shop/releases", &json!({ "release": name }).to_string()).await.verdict(), none, "{name:?}");
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        if !name.is_empty() {
            assert_eq!(world.ann("GET", &format!("/apps/shop/releases/{encoded}"), "").await.verdict(), none, "{name:?}");
        }
    }
    assert_eq!(world.ann("GET", "/apps/shop/releases", "").await.json().as_array().unwrap().len(), 4);
    assert_eq!(world.ann("POST", "/apps/shop/releases", r#"{"release":"v3"}"#).await.verdict(), "201");
}

/// A version is a word for people: it is never a git revision.
#[tokio::test]
async fn hostile_12_13_15_16_17_18_19_sources_and_buildpacks() {
    let world = World::new().await;
    world.app("shop").await;
    let build = |blob: Value| json!({ "source_blob": blob }).to_string();
    for (blob, sentence) in [
        (json!({ "url": "ext::sh -c touch% /tmp/c" }), "The source URL is not a URL."),
        (json!({ "url": "file:///etc" }), "The source URL must begin with https:// or http://."),
        (json!({ "url": "ssh://-oProxyCommand=touch/x" }), "The source URL must begin with https:// or http://."),
        (json!({ "url": "https://-oProxyCommand=touch/x.git" }), "The source URL is not a URL."),
        (json!({ "url": "https://user:hunter2@host/x.git" }), "A git source must be public and begin with https://."),
        (json!({ "url": "https://host/x.git#--upload-pack=touch" }), "The name after # must be a branch, a tag or a commit."),
        (json!({ "url": "https://host/x\ny.tgz" }), "The source URL is not a URL."),
        (json!({ "url": "https://host/x.tgz", "version": "1\u{0}" }), "The version must be 1 to 512 bytes of plain text."),
        (json!({ "url": "https://host/x.tgz", "version": "a\nb" }), "The version must be 1 to 512 bytes of plain text."),
        (json!({ "url": "https://host/x.tgz", "checksum": "SHA256:$(id)" }), "The checksum must be SHA256: and 64 hex digits."),
    ] {
        let verdict = world.ann("POST", "/apps/shop/builds", &build(blob.clone())).await.verdict();
        assert!(verdict.starts_with("422 invalid_params: ") && !verdict.contains("hunter2"), "{blob}: {verdict}");
        assert!(verdict.ends_with(sentence) || blob["version"].is_string(), "{blob}: {verdict}");
    }
    assert_eq!(world.ann("GET", "/apps/shop/builds", "").await.body, "[]");

    let installation = |url: &str| json!({ "updates": [{ "buildpack": url }] }).to_string();
    for url in [
        "ext::sh -c touch% /tmp/c",
        "file:///etc",
        "ssh://-oProxyCommand=touch/x",
        "https://-oProxyCommand=touch/x",
        "https://host/a'b",
        "https://host/a\"b",
        "https://host/a\nb",
        "https://user:hunter2@host/$(id)",
        "--upload-pack=touch",
        "heroku/../x",
    ] {
        let verdict = world.ann("PUT", "/apps/shop/buildpack-installations", &installation(url)).await.verdict();
        assert!(verdict.starts_with("422 invalid_params: ") && !verdict.contains("hunter2"), "{url}: {verdict}");
    }
    assert_eq!(world.ann("GET", "/apps/shop/buildpack-installations", "").await.body, "[]");
    let legal = world.ann("PUT", "/apps/shop/buildpack-installations", &installation("https://user:hunter2@host/b.git#main")).await;
    assert_eq!(legal.verdict(), "200");
    let shown = world.ann("GET", "/apps/shop/buildpack-installations", "").await.body;
    assert!(shown.contains("https://****@host/b.git#main") && !shown.contains("hunter2") && !legal.body.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn hostile_20_21_22_config_vars() {
    let world = World::new().await;
    world.app("shop").await;
    let set = async |key: &str, value: &str| world.ann("PATCH", "/apps/shop/config-vars", &json!({ key: value }).to_string()).await.verdict();
    let key = "422 invalid_params: Config var names must start with a letter or underscore and can only contain letters, digits, and underscores";
    for name in ["A=B", " ", "", "1A", "A\0", "A\n", "$(id)", "A;id", "A-B", "\u{c4}", &"A".repeat(257)] {
        assert_eq!(set(name, "x").await, key, "{name:?}");
    }
    for name in ["PORT", "DYNO"] {
        assert_eq!(set(name, "x").await, format!("422 invalid_params: {name} is set by the platform in every dyno and cannot be a config var"));
    }
    assert_eq!(set("A", "a\0b").await, "422 invalid_params: The value of A contains a NUL byte, which an environment cannot carry");
    assert_eq!(set("A", &"x".repeat(65_537)).await, "422 invalid_params: The value of A is too long (maximum is 65536 bytes)");
    assert_eq!(set("A", &"x".repeat(65_536)).await, "422 invalid_params: Config vars are too large together (maximum is 65536 bytes)");
    // JSON is UTF-8, or it is none.
    let (status, _, _) = {
        use axum::{body::Body, extract::Request};
        use tower_service::Service;
        let request = Request::patch("/apps/shop/config-vars").header("authorization", world.ann.bearer()).body(Body::from(&b"{\"A\":\"\xff\"}"[..])).unwrap();
        let (parts, body) = world.router.clone().call(request).await.unwrap().into_parts();
        (parts.status, parts.headers, body)
    };
    assert_eq!(status, 400);
    assert_eq!(world.ann("GET", "/apps/shop/config-vars", "").await.body, "{}");
    assert_eq!(world.ann("GET", "/apps/shop/releases", "").await.json().as_array().unwrap().len(), 2);
    // The app's own business: they reach its containers, literally, and nothing else.
    for (name, value) in [
        ("LD_PRELOAD", "/app/x.so"),
        ("PATH", "/app/bin"),
        ("BASH_ENV", "/app/x"),
        ("GIT_SSH_COMMAND", "touch /tmp/c"),
        ("DOCKER_HOST", "tcp://x"),
        ("LITERAL", "${OTHER} $(id) \"q\" 'q'\r\nX-Injected: 1"),
        ("LARGE", &"x".repeat(60_000)),
    ] {
        assert_eq!(set(name, value).await, "200", "{name}");
        assert_eq!(world.ann("GET", "/apps/shop/config-vars", "").await.json()[name], value);
    }
}

#[tokio::test]
async fn hostile_23_ten_thousand_config_vars() {
    let world = World::new().await;
    world.app("shop").await;
    let vars = |value: Value| (0..10_000).map(|number| (format!("K{number}"), value.clone())).collect::<serde_json::Map<_, _>>();
    let set = async |vars| world.ann("PATCH", "/apps/shop/config-vars", &Value::Object(vars).to_string()).await;
    assert_eq!(set(vars("12".into())).await.verdict(), "422 invalid_params: Config vars are too large together (maximum is 65536 bytes)");
    assert_eq!(world.ann("GET", "/apps/shop/config-vars", "").await.body, "{}");
    // 64 KB hold ten thousand small ones: that is one release, told in one line.
    assert_eq!(set(vars("1".into())).await.json().as_object().unwrap().len(), 10_000);
    let release = world.ann("GET", "/apps/shop/releases/v3", "").await.json();
    let told = release["description"].as_str().unwrap();
    assert!(told.starts_with("Set K0, K1, ") && told.ends_with(" more config vars") && told.len() < 400, "{told}");
    assert_eq!(set(vars(Value::Null)).await.body, "{}");
}

/// An archive of one file, at the address where the build asks for it.
async fn building(path: &str, content: &[u8]) -> (World, Value, String) {
    let mut header = [0_u8; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    for (at, text) in
        [(100, "0000644"), (108, "0000000"), (116, "0000000"), (124, &*format!("{:011o}", content.len())), (136, "00000000000"), (257, "ustar\x0000")]
    {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    header[156] = b'0';
    header[148..156].fill(b' ');
    let sum = format!("{:06o}\0 ", header.iter().map(|&byte| u32::from(byte)).sum::<u32>());
    header[148..156].copy_from_slice(sum.as_bytes());
    let tar = [&header, content, &vec![0; content.len().next_multiple_of(512) - content.len() + 1024]].concat();
    let pages = FakeDownloads(vec![("https://example.com/a.tar".to_owned(), Bytes::from(tar))]);
    let world = World::building(Arc::new(Bench::default()), Limits::default(), pages).await;
    world.app("shop").await;
    let build = world.ann("POST", "/apps/shop/builds", r#"{"source_blob":{"url":"https://example.com/a.tar"}}"#).await.json();
    let stream = build["output_stream_url"].as_str().unwrap().strip_prefix("http://localhost:5001").unwrap();
    let said = world.ask("GET", stream, &[], "").await.body;
    let done = world.ann("GET", &format!("/apps/shop/builds/{}", build["id"].as_str().unwrap()), "").await.json();
    (world, done, said)
}

#[tokio::test]
async fn hostile_24_procfiles() {
    let many: String = (0..200).map(|number| format!("type{number}: x\n")).collect();
    let long = format!("web: {}\n", "x".repeat(1_000_000));
    let huge = format!("web: x\n{}", "#\n".repeat(600_000));
    for (procfile, sentence) in [
        ("web;id: x", "Procfile line 1 does not read `type: command`: web;id: x"),
        ("web: a\0b", "Procfile line 1 does not read `type: command`: web: a\\0b"),
        ("web: x\nweb: y", "Procfile line 2 declares `web` again"),
        ("\u{1b}[2J: x", "Procfile line 1 does not read `type: command`: \\u{1b}[2J: x"),
        (&many, "Procfile declares too many process types (maximum is 100)"),
        (&long, "Procfile line 1 is too long (maximum is 65536 bytes)"),
        (&huge, "`Procfile` must be a plain file of at most 1 MB."),
    ] {
        let (world, build, said) = building("Procfile", procfile.as_bytes()).await;
        assert_eq!((&build["status"], &build["failure"]["id"]), (&"failed".into(), &"source".into()), "{said}");
        assert!(said.contains(sentence) && !said.contains('\u{1b}'), "{sentence} is not in {said}");
        assert!(build["failure"]["message"].as_str().unwrap().contains(sentence), "{build}");
        assert_eq!(world.ann("GET", "/apps/shop/releases", "").await.json().as_array().unwrap().len(), 2);
    }
    let (_, build, said) = building("Procfile", b"web: x \"$(id)\" `id`\r\n__proto__: y\r\n").await;
    assert_eq!(build["status"], "succeeded", "{said}");
}

#[tokio::test]
async fn hostile_29_31_images_and_container_options_cannot_be_expressed() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    // Unknown words are left unread, as Heroku does: nothing of them is kept or shown, let alone passed on.
    for (method, path, body) in [
        ("PATCH", "/apps/shop/formation", json!({ "updates": [{ "type": "web", "quantity": 2, "docker_image": "a:b;id" }] })),
        ("POST", "/apps/shop/dynos", json!({ "command": "env", "image": "--privileged", "volumes": ["/:/h"], "privileged": true })),
        ("PATCH", "/apps/shop", json!({ "maintenance": true, "docker_options": "--pid=host -v /:/h" })),
    ] {
        let answer = world.ann(method, path, &body.to_string()).await;
        assert!(answer.status.is_success(), "{}", answer.verdict());
        for word in ["a:b;id", "privileged", "/:/h", "pid=host"] {
            assert!(!answer.body.contains(word), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn hostile_32_sentences_are_encoded() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    let nasty = "\u{1b}[2J\r\n<img onerror=x>\u{202e}\u{0}";
    for (method, path, body) in [
        ("PATCH", "/apps/shop/formation", json!({ "updates": [{ "type": "web", "quantity": nasty }] })),
        ("PATCH", "/apps/shop/formation", json!({ "updates": [{ "type": "web", "size": nasty }] })),
        ("PATCH", "/apps/shop/formation", json!({ "updates": [{ "type": nasty, "quantity": 1 }] })),
        ("PATCH", "/apps/shop", json!({ "maintenance": nasty })),
        ("POST", "/apps", json!({ "name": nasty })),
        ("POST", "/apps", json!({ "region": nasty })),
        ("POST", "/apps", json!({ "stack": nasty })),
        ("PATCH", "/apps/shop/config-vars", json!({ nasty: "x" })),
        ("POST", "/apps/shop/releases", json!({ "release": nasty })),
        ("PUT", "/apps/shop/buildpack-installations", json!({ "updates": [{ "buildpack": nasty }] })),
        ("POST", "/account/keys", json!({ "public_key": nasty })),
    ] {
        let answer = world.ann(method, path, &body.to_string()).await;
        assert!(answer.status.is_client_error() && answer.header("content-type") == "application/json", "{method} {path} {body}");
        let json = answer.json();
        let sentence = json["message"].as_str().unwrap();
        assert!(!sentence.contains(|c: char| c.is_control() || c == '\u{202e}'), "{method} {path}: {sentence:?}");
    }
}
