//! Reading logs.

use std::time::Duration;

use axum::body::Body;
use domain::{App, LogLine, Source};
use http_body_util::BodyExt;
use ports::LogSink;

use super::World;

const SSE: (&str, &str) = ("accept", "text/event-stream");

impl World {
    fn log(&self, app: &App, process: &str, text: &str) {
        let at = "2026-05-01T10:00:00Z".parse().unwrap();
        self.api.logplex.write(app.id, LogLine { at, source: Source::App, process: process.to_owned(), text: text.to_owned() });
    }

    /// The path of a new session's URL.
    async fn session(&self, body: &str) -> String {
        let session = self.ann("POST", "/apps/shop/log-sessions", body).await;
        assert_eq!(session.verdict(), "201");
        session.json()["logplex_url"].as_str().unwrap().strip_prefix("http://localhost:5001").unwrap().to_owned()
    }
}

/// The next piece of a stream.
async fn piece(body: &mut Body) -> Option<String> {
    piece_within(body, Duration::from_secs(10)).await
}

async fn piece_within(body: &mut Body, limit: Duration) -> Option<String> {
    let frame = tokio::time::timeout(limit, body.frame()).await.expect("the stream says something")?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn history_as_text_and_as_events() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.log(&app, "web.1", "one");
    world.log(&app, "worker.1", "two");
    let path = world.session(r#"{"lines":2,"tail":false}"#).await;
    let text = world.ask("GET", &path, &[("accept", "*/*")], "").await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(text.body, "2026-05-01T10:00:00.000000+00:00 app[web.1]: one\n2026-05-01T10:00:00.000000+00:00 app[worker.1]: two\n");

    let events = world.ask("GET", &path, &[SSE], "").await;
    assert_eq!(events.header("content-type"), "text/event-stream");
    let (retry, rest) = events.body.split_once("\n\n").unwrap();
    assert_eq!(retry, "retry: 1");
    let events: Vec<_> = rest.trim_end().split("\n\n").collect();
    let [one, two] = events.as_slice() else { panic!("{rest}") };
    assert!(one.starts_with("id: ") && one.ends_with("\ndata: 2026-05-01T10:00:00.000000+00:00 app[web.1]: one"), "{one}");

    let last = one.lines().next().unwrap().strip_prefix("id: ").unwrap();
    let resumed = world.ask("GET", &path, &[SSE, ("last-event-id", last)], "").await;
    assert_eq!(resumed.body, format!("retry: 1\n\n{two}\n\n"));
}

#[tokio::test]
async fn only_the_dyno_and_source_asked_for() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.log(&app, "web.1", "one");
    world.log(&app, "worker.1", "two");
    for (body, shown) in [
        (r#"{"dyno":"web"}"#, "one"),
        (r#"{"dyno_name":"worker.1"}"#, "two"),
        (r#"{"type":"web","source":"app","lines":"5"}"#, "one"),
        (r#"{"dyno":"web","source":"heroku"}"#, ""),
    ] {
        let path = world.session(body).await;
        let text = world.ask("GET", &path, &[], "").await.body;
        assert_eq!(text.lines().map(|line| line.rsplit(' ').next().unwrap()).collect::<Vec<_>>().join(" "), shown, "{body}");
    }
    let wrong = world.ann("POST", "/apps/shop/log-sessions", r#"{"source":"syslog"}"#).await;
    assert_eq!(wrong.verdict(), "422 invalid_params: Source must be `app` or `heroku`");
    assert_eq!(world.ask("GET", "/logs/guess", &[SSE], "").await.verdict(), "404 not_found: Couldn't find that log session.");
}

#[tokio::test]
async fn a_tail_goes_on_and_is_taken_up_again() {
    let world = World::new().await;
    let app = world.app("shop").await;
    world.log(&app, "web.1", "one");
    let path = world.session(r#"{"dyno":"web","lines":10,"tail":true}"#).await;
    let (_, _, mut events) = world.open("GET", &path, &[SSE], "").await;
    assert_eq!(piece(&mut events).await.unwrap(), "retry: 1\n\n");
    let one = piece(&mut events).await.unwrap();
    assert!(one.ends_with("app[web.1]: one\n\n"), "{one}");
    world.log(&app, "web.1", "two");
    let two = piece(&mut events).await.unwrap();
    assert!(two.ends_with("app[web.1]: two\n\n"), "{two}");
    drop(events);

    world.log(&app, "web.1", "three");
    let last = two.lines().next().unwrap().strip_prefix("id: ").unwrap();
    let (_, _, mut resumed) = world.open("GET", &path, &[SSE, ("last-event-id", last)], "").await;
    piece(&mut resumed).await;
    let three = piece(&mut resumed).await.unwrap();
    assert!(three.ends_with("app[web.1]: three\n\n"), "{three}");

    let (_, _, mut text) = world.open("GET", &path, &[], "").await;
    assert!(piece(&mut text).await.unwrap().ends_with("app[web.1]: one\n"));
    // The app is gone, and its tails end.
    world.ann("DELETE", "/apps/shop", "").await;
    while piece(&mut text).await.is_some() {}
}

/// Hostile inputs 83.
#[tokio::test]
async fn what_a_line_holds_does_not_break_an_event() {
    let world = World::new().await;
    let app = world.app("shop").await;
    let path = world.session(r#"{"dyno":"web","tail":false}"#).await;
    world.log(&app, "web.1", "a\rid: 9\r\ndata: x");
    let events = world.ask("GET", &path, &[SSE], "").await.body;
    assert!(!events.contains('\r'));
    for line in events.lines().filter(|line| !line.is_empty()) {
        assert!(line.starts_with("retry: 1") || line.starts_with("id: ") || line.starts_with("data: 2026-"), "{line}");
    }
}

#[tokio::test]
async fn a_session_lives_as_long_as_somebody_reads() {
    let world = World::new().await;
    let app = world.app("shop").await;
    let path = world.session(r#"{"dyno":"web","tail":true}"#).await;
    let (_, _, mut events) = world.open("GET", &path, &[SSE], "").await;
    assert_eq!(piece(&mut events).await.unwrap(), "retry: 1\n\n");
    // From here on nothing but time passes: quiet minutes, then busy ones.
    tokio::time::pause();
    for _ in 0..20 {
        assert_eq!(piece_within(&mut events, Duration::from_secs(31)).await.unwrap(), ":\n\n");
    }
    let mut beats = 0;
    for _ in 0..100 {
        tokio::time::advance(Duration::from_secs(10)).await;
        world.log(&app, "web.1", "busy");
        while piece(&mut events).await.unwrap() == ":\n\n" {
            beats += 1;
        }
    }
    assert!(beats >= 30, "{beats}");
    let secret = path.rsplit('/').next().unwrap();
    assert!(world.api.sessions.get(secret, world.api.platform.clock.now()).is_some());
    drop(events);
    tokio::time::advance(Duration::from_secs(361)).await;
    assert_eq!(world.ask("GET", &path, &[SSE], "").await.status, 404);
}
