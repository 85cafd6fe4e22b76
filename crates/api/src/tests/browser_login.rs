//! Logins that begin in a terminal and are agreed to in a browser.

use std::sync::Arc;

use domain::two_factor::{SecondFactor, Step, TotpSecret};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use ports::clock::HandClock;
use secrecy::SecretString;
use serde_json::Value;

use super::{Answer, World};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A terminal that waits, and the page that a browser shows.
struct Begun {
    browser: String,
    words: String,
    cli: String,
    bearer: String,
}

async fn world() -> (World, Arc<HandClock>) {
    let clock = Arc::new(HandClock::at("2026-05-01T10:00:10Z".parse().unwrap()));
    let world = World::at_hand(clock.clone()).await;
    world.api.platform.create_account("eve@example.com".parse().unwrap(), &SecretString::from("correct horse")).await.unwrap();
    (world, clock)
}

async fn begin(world: &World) -> Begun {
    let answer = world.ask("POST", "/auth", &[], r#"{"description":"Heroku CLI login from <lap>"}"#).await;
    assert_eq!(answer.verdict(), "201");
    let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
    let url = text("browser_url");
    let (browser, words) = url.split_once('#').unwrap();
    assert_eq!(words, text("words"));
    Begun { browser: browser.to_owned(), words: words.to_owned(), cli: text("cli_url"), bearer: format!("Bearer {}", text("token")) }
}

/// The hidden field of the page.
fn field(page: &Answer) -> String {
    page.body.split_once("name=\"form\" value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

async fn page(world: &World, begun: &Begun) -> Answer {
    world.ask("GET", &begun.browser, &[], "").await
}

/// As the page's own form sends it.
async fn send(world: &World, begun: &Begun, form: &str, rest: &str) -> Answer {
    world.ask("POST", &begun.browser, &[FORM, ("sec-fetch-site", "same-origin")], &format!("form={form}&{rest}")).await
}

/// What the terminal reads in the end.
async fn waited(world: &World, begun: &Begun) -> Value {
    let (status, headers, body) = world.open("GET", &begun.cli, &[("authorization", &begun.bearer)], "").await;
    assert_eq!((status.as_u16(), headers["content-type"].to_str().unwrap()), (200, "application/vnd.heroku+json"));
    serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn somebody_types_their_password_and_the_terminal_is_let_in() {
    let (world, clock) = world().await;
    let begun = begin(&world).await;
    let page = page(&world, &begun).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Heroku CLI login from &#60;lap&#62;") && page.body.contains(&begun.words), "{}", page.body);
    assert!(!page.body.contains("<script") && !page.body.contains(begun.bearer.trim_start_matches("Bearer ")), "{}", page.body);
    let form = field(&page);

    let wrong = send(&world, &begun, &form, "email=eve%40example.com&password=wrong&code=&decision=approve").await;
    assert_eq!(wrong.status, 401);
    assert!(
        wrong.body.contains("Invalid credentials provided.") && wrong.body.contains("value=\"eve@example.com\"") && !wrong.body.contains("wrong"),
        "{}",
        wrong.body
    );
    assert_eq!(field(&wrong), form, "it can be tried again");
    clock.advance(SignedDuration::from_secs(1));
    let waiting = waited(&world, &begun);
    let approving = send(&world, &begun, &form, "email=Eve%40example.com&password=correct+horse&code=&decision=approve");
    let (told, approved) = tokio::join!(waiting, approving);
    assert!(approved.status == 200 && approved.body.contains("You are logged in as eve@example.com"), "{}", approved.body);
    let bearer = format!("Bearer {}", told["access_token"].as_str().unwrap());
    assert_eq!(world.ask("GET", "/account", &[("authorization", &bearer)], "").await.json()["email"], "eve@example.com");
    let own = world.ask("GET", "/oauth/authorizations/~", &[("authorization", &bearer)], "").await.json();
    assert_eq!((&own["description"], &own["access_token"]["expires_in"]), (&"Heroku CLI login from <lap>".into(), &2_592_000.into()));

    // It is there once, and decided once.
    assert_eq!(waited(&world, &begun).await["error"], "The login was not approved in time.");
    assert_eq!(self::page(&world, &begun).await.status, 404);
    assert_eq!(send(&world, &begun, &form, "email=eve%40example.com&password=correct+horse&decision=approve").await.status, 404);
    let events = world.ann("GET", "/mypaas/audit-events", "").await;
    let told: Vec<_> =
        events.json().as_array().unwrap().iter().map(|it| format!("{} {} {} {}", it["actor"], it["action"], it["detail"], it["status"])).collect();
    assert_eq!(
        told,
        [
            r#""eve@example.com" "POST /auth/browser/{login}" null 401"#,
            r#""eve@example.com" "POST /auth/browser/{login}" "Heroku CLI login from <lap>, by password" 200"#,
        ]
    );
    assert!(!events.body.contains("horse"));
}

#[tokio::test]
async fn the_second_factor_is_asked_for_here_too() {
    let (world, clock) = world().await;
    let (platform, app) = (&world.api.platform, TotpSecret::new([3; 20]));
    let mut tx = platform.store.write().await.unwrap();
    let (eve, _) = tx.account_by_email(&"eve@example.com".parse().unwrap()).await.unwrap().unwrap();
    tx.set_second_factor(eve.id, &SecondFactor { secret: app.clone(), enabled_at: Some(platform.clock.now()), used: Step(0) }).await.unwrap();
    tx.commit().await.unwrap();
    let begun = begin(&world).await;
    let form = field(&page(&world, &begun).await);
    let approve = async |code: &str| send(&world, &begun, &form, &format!("email=eve%40example.com&password=correct+horse&code={code}&decision=approve")).await;
    for (code, said) in [("+", "This account needs a two-factor code as well."), ("123456", "The two-factor code is wrong, or was used before.")] {
        let answer = approve(code).await;
        assert!(answer.status == 403 && answer.body.contains(said), "{}", answer.body);
    }
    let code = format!("{:06}", app.code(Step::at(platform.clock.now())));
    assert_eq!(approve(&code).await.status, 200);
    clock.advance(SignedDuration::from_mins(9));
    assert!(waited(&world, &begun).await["access_token"].is_string(), "approved in time");
}

#[tokio::test]
async fn a_login_is_refused_or_too_late() {
    let (world, clock) = world().await;
    let begun = begin(&world).await;
    let form = field(&page(&world, &begun).await);
    assert!(send(&world, &begun, &form, "decision=refuse").await.body.contains("Nobody was let in."));
    assert_eq!(waited(&world, &begun).await["error"], "The login was refused in the browser.");
    assert_eq!(send(&world, &begun, &form, "email=eve%40example.com&password=correct+horse&decision=approve").await.status, 404);

    let begun = begin(&world).await;
    let form = field(&page(&world, &begun).await);
    clock.advance(SignedDuration::from_mins(10));
    assert_eq!(page(&world, &begun).await.status, 404);
    assert_eq!(send(&world, &begun, &form, "email=eve%40example.com&password=correct+horse&decision=approve").await.status, 404);
    assert_eq!(world.ask("GET", &begun.cli, &[("authorization", &begun.bearer)], "").await.status, 404);
}

/// Hostile inputs 60 and 65.
#[tokio::test]
async fn nobody_else_decides_it_or_gets_the_token() {
    let (world, _) = world().await;
    let begun = begin(&world).await;
    let form = field(&page(&world, &begun).await);
    // Whoever knows the address of the page, and not the terminal's own secret.
    for bearer in ["Bearer x".to_owned(), format!("Bearer {}", world.ann.token), String::new()] {
        let status = world.ask("GET", &begun.cli, &[("authorization", &bearer)], "").await.status.as_u16();
        assert!(matches!(status, 401 | 404), "{bearer}: {status}");
    }
    let rest = format!("form={form}&email=eve%40example.com&password=correct+horse&decision=approve");
    for (name, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example.com"), ("origin", "null")] {
        let answer = world.ask("POST", &begun.browser, &[FORM, ("host", "localhost:5001"), (name, value)], &rest).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
    assert_eq!(send(&world, &begun, "guessed", "email=eve%40example.com&password=correct+horse&decision=approve").await.status, 404);
    assert_eq!(world.ask("POST", &begun.browser, &[("content-type", "text/plain")], &rest).await.status, 403);
    assert_eq!(world.ask("POST", &begun.browser, &[FORM, ("host", "localhost:5001"), ("origin", "https://localhost:5001")], &rest).await.status, 200);
    // Over, approved: the terminal is let in, whoever else had tried.
    assert!(waited(&world, &begun).await["access_token"].is_string());
}

#[tokio::test]
async fn the_pages_are_safe_to_show() {
    let (world, _) = world().await;
    let begun = begin(&world).await;
    for path in [begun.browser.as_str(), "/auth/browser/none"] {
        let page = world.ask("GET", path, &[], "").await;
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.ends_with("; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
        );
        let names = ["content-type", "x-frame-options", "x-content-type-options", "referrer-policy", "cache-control"];
        assert_eq!(names.map(|name| page.header(name)), ["text/html; charset=utf-8", "DENY", "nosniff", "same-origin", "private, no-store"]);
    }
}

#[tokio::test]
async fn there_are_few_at_once_and_each_says_what_for() {
    let (world, clock) = world().await;
    for body in ["{}", r#"{"description":" \n"}"#] {
        assert_eq!(world.ask("POST", "/auth", &[], body).await.verdict(), "422 invalid_params: Say in description who wants to log in.");
    }
    let platform = &world.api.platform;
    for n in 0..=10 {
        assert_eq!(platform.begin_browser_login("x", Some("192.0.2.1")).is_ok(), n < 10, "{n}");
    }
    for n in 0..=990 {
        assert_eq!(platform.begin_browser_login("x", Some(&format!("2001:db8::{n:x}"))).is_ok(), n < 990, "{n}");
    }
    assert_eq!(
        world.ask("POST", "/auth", &[], r#"{"description":"x"}"#).await.verdict(),
        "429 rate_limit: Too many logins are waiting for somebody.\nPlease wait a few minutes before you try again."
    );
    clock.advance(SignedDuration::from_mins(10));
    assert_eq!(world.ask("POST", "/auth", &[], r#"{"description":"x"}"#).await.verdict(), "201");
}

#[tokio::test]
async fn whoever_waits_hears_something_in_between() {
    let (world, _) = world().await;
    let begun = begin(&world).await;
    let (_, _, mut body) = world.open("GET", &begun.cli, &[("authorization", &begun.bearer)], "").await;
    tokio::time::pause();
    for _ in 0..3 {
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().as_ref(), b" ");
    }
    world.api.stopping.cancel();
    let told: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(told["error"], "The server was stopped. Please log in again.");
}
