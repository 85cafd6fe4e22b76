//! What every answer does the same way.

use http_body_util::BodyExt;

use super::World;

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = World::new().await;
    world.app("shop").await;
    let (bearer, first) = (world.ann.bearer(), world.ann("GET", "/apps/shop", "").await);
    let tag = first.header("etag").to_owned();
    let ask = async |tag: &str| world.ask("GET", "/apps/shop", &[("authorization", &bearer), ("if-none-match", tag)], "").await;
    let same = ask(&tag).await;
    assert_eq!((same.status.as_u16(), same.body.as_str(), same.header("etag")), (304, "", tag.as_str()));
    assert_eq!(ask("\"other\"").await.body, first.body);
    world.ann("PATCH", "/apps/shop", r#"{"maintenance":true}"#).await;
    assert_eq!(ask(&tag).await.status, 200);
    assert_eq!(world.ann("PATCH", "/apps/shop", "{}").await.header("etag"), "-");
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let world = World::new().await;
    world.app("shop").await;
    for path in ["/apps/shop", "/apps", "/schema", "/apps/none", "/teams"] {
        let (get, head) = (world.ann("GET", path, "").await, world.ann("HEAD", path, "").await);
        assert_eq!((head.status, head.body.as_str(), head.header("etag")), (get.status, "", get.header("etag")), "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
    }
    let session = world.ann("POST", "/apps/shop/log-sessions", r#"{"tail":true}"#).await.json();
    let path = session["logplex_url"].as_str().unwrap().trim_start_matches("http://localhost:5001").to_owned();
    // It ends, though the stream would not.
    assert_eq!(world.ask("HEAD", &path, &[], "").await.status, 200);
}

#[tokio::test]
async fn whoever_takes_gzip_gets_it() {
    let world = World::new().await;
    let plain = world.ask("GET", "/schema", &[], "").await;
    let (status, headers, body) = world.open("GET", "/schema", &[("accept-encoding", "gzip, deflate")], "").await;
    let zipped = body.collect().await.unwrap().to_bytes();
    assert_eq!(
        (status.as_u16(), &headers["content-encoding"], &headers["content-type"]),
        (200, &"gzip".parse().unwrap(), &"application/json".parse().unwrap())
    );
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&zipped[..]), &mut text).unwrap();
    assert_eq!(text, plain.body);
    assert_eq!(headers["content-length"], zipped.len().to_string().as_str());
    assert!(zipped.len() * 4 < plain.body.len() && plain.header("vary").contains("Accept-Encoding"));
    assert_eq!(world.ask("GET", "/regions", &[("accept-encoding", "gzip"), ("authorization", &world.ann.bearer())], "").await.header("content-encoding"), "-");
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let world = World::new().await;
    for name in ["one", "two", "three", "four", "five"] {
        world.app(name).await;
    }
    let bearer = world.ann.bearer();
    let (mut range, mut seen, mut pages) = ("name ..; max=2".to_owned(), Vec::new(), 0);
    loop {
        let page = world.ask("GET", "/apps", &[("authorization", &bearer), ("range", &range)], "").await;
        seen.extend(page.json().as_array().unwrap().iter().map(|app| app["name"].as_str().unwrap().to_owned()));
        pages += 1;
        assert_eq!(page.header("accept-ranges"), "id, name, updated_at");
        match page.status.as_u16() {
            206 => range = page.header("next-range").to_owned(),
            status => break assert_eq!((status, page.header("next-range")), (200, "-")),
        }
    }
    assert_eq!((pages, seen.join(" ").as_str()), (3, "five four one three two"));
    let last = world.ask("GET", "/apps", &[("authorization", &bearer), ("range", "name ..; order=desc, max=1")], "").await;
    assert_eq!((last.header("content-range"), last.header("next-range")), ("name two..two", "name ]two..; max=1, order=desc"));
    assert_eq!(world.ask("GET", "/apps", &[("authorization", &bearer), ("range", "bytes=0-5")], "").await.status, 400);
}

#[tokio::test]
async fn who_asks_too_often_is_told_to_wait() {
    let world = World::new().await;
    let before: u32 = world.ann("GET", "/account", "").await.header("ratelimit-remaining").parse().unwrap();
    assert_eq!(before, 4_499);
    while world.api.platform.spend_request(world.ann.account.id).is_some() {}
    let refused = world.ann("GET", "/apps", "").await;
    assert_eq!(refused.verdict(), "429 rate_limit: Your account reached the API rate limit\nPlease wait a few minutes before making new requests");
    assert!(refused.header("ratelimit-remaining").parse::<u32>().unwrap() < 100);
    // Asking how much is left is free; and everybody has their own.
    assert_eq!(world.ann("GET", "/account/rate-limits", "").await.status, 200);
    assert_eq!(world.ask("GET", "/apps", &[("authorization", &world.bob.bearer())], "").await.status, 200);
    // Paused only while it jumps: the store's threads need real time.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    tokio::time::resume();
    let left = world.ann("GET", "/account/rate-limits", "").await.json()["remaining"].as_u64().unwrap();
    assert!((75..200).contains(&left), "75 a minute, and a few for the time the test takes: {left}");
    assert_eq!(world.ann("GET", "/apps", "").await.status, 200);
}

#[tokio::test]
async fn what_nobody_can_make_is_not_there() {
    let world = World::new().await;
    world.app("shop").await;
    for (path, verdict) in [
        ("/teams", "200"),
        ("/pipelines", "200"),
        ("/apps/shop/webhooks", "200"),
        ("/apps/shop/webhooks/x", "404 not_found: Couldn't find that webhook."),
        ("/apps/shop/telemetry-drains", "200"),
        ("/apps/none/telemetry-drains", "404 not_found: Couldn't find that app."),
        ("/teams/acme/apps", "404 not_found: Couldn't find that team."),
        ("/users/~/addons", "200"),
        ("/users/bob@example.com/addons", "404 not_found: Couldn't find that account."),
        ("/account/delinquency", "501 not_implemented: GET /account/delinquency is not built yet."),
    ] {
        assert_eq!(world.ann("GET", path, "").await.verdict(), verdict, "{path}");
    }
    assert_eq!(world.ann("POST", "/pipelines", "{}").await.verdict(), "501 not_implemented: POST /pipelines is not built yet.");
    assert_eq!(world.ask("GET", "/teams", &[], "").await.status, 401);
}
