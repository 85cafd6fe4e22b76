//! Webhooks: from a change to a signed request that has arrived.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::webhook::{Confidential, signature};
use engine::{Task, webhooks::Deliveries};
use ports::posts::{FakePosts, Post, PostError};
use serde_json::{Value, json};

use super::World;

const URL: &str = "https://hooks.example.com/in?key=s3cret";

/// Ann's app with a webhook, and where its requests arrive.
struct Told {
    world: World,
    posts: Arc<FakePosts>,
    task: Deliveries,
    webhook: Value,
    secret: String,
}

impl Told {
    async fn of(wish: Value) -> Self {
        let world = World::new().await;
        world.app("shop").await;
        let added = world.ann("POST", "/apps/shop/webhooks", &wish.to_string()).await;
        assert_eq!(added.verdict(), "201");
        let posts = Arc::new(FakePosts::default());
        let task = Deliveries { platform: world.api.platform.clone(), posts: posts.clone() };
        Self { webhook: added.json(), secret: added.header("heroku-webhook-secret").to_owned(), world, posts, task }
    }

    /// What arrives within a round.
    async fn arrives(&mut self) -> Vec<Post> {
        let round = self.task.run().await;
        assert_eq!(round.failed, 0, "{round:?}");
        self.posts.take()
    }

    async fn set(&self, value: &str) {
        let set = self.world.ann("PATCH", "/apps/shop/config-vars", &json!({ "KEY": value }).to_string()).await;
        assert_eq!(set.verdict(), "200");
    }

    async fn deliveries(&self, query: &str) -> Vec<Value> {
        let listed = self.world.ann("GET", &format!("/apps/shop/webhook-deliveries{query}"), "").await;
        listed.json().as_array().unwrap().clone()
    }
}

/// Time goes by; not while the database is asked, which lives in real time.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

fn wish(level: &str, include: &[&str]) -> Value {
    json!({ "include": include, "level": level, "url": URL })
}

fn header<'p>(post: &'p Post, name: &str) -> Option<&'p str> {
    post.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn a_change_arrives_signed_and_with_what_it_was() {
    let mut told = Told::of(wish("sync", &["api:release"])).await;
    told.set("hunter2-value").await;
    let arrived = told.arrives().await;
    let [post] = arrived.as_slice() else { panic!("{} requests", arrived.len()) };
    assert_eq!(post.url, URL);
    assert_eq!(header(post, "Heroku-Webhook-Hmac-SHA256"), Some(signature(&Confidential::new(&told.secret).unwrap(), post.body.as_bytes()).as_str()));
    assert_eq!((header(post, "Content-Type"), header(post, "Authorization"), told.secret.len()), (Some("application/json"), None, 64));
    let body: Value = serde_json::from_str(&post.body).unwrap();
    assert_eq!((&body["action"], &body["resource"], &body["actor"]["email"]), (&json!("create"), &json!("release"), &json!("ann@example.com")));
    assert_eq!((&body["data"]["version"], &body["data"]["description"]), (&json!(3), &json!("Set KEY config vars")));
    assert_eq!((&body["webhook_metadata"]["webhook"]["id"], &body["webhook_metadata"]["event"]["include"]), (&told.webhook["id"], &json!("api:release")));
    assert!(!post.body.contains("hunter2-value"), "values are told nobody");
    let listed = told.deliveries("").await;
    let delivery = &listed[0];
    assert_eq!((&delivery["status"], &delivery["num_attempts"], &delivery["last_attempt"]["code"]), (&json!("succeeded"), &json!(1), &json!(200)));
    assert_eq!(&delivery["id"], &body["webhook_metadata"]["delivery"]["id"]);
    let id = delivery["id"].as_str().unwrap();
    assert_eq!(&told.world.ann("GET", &format!("/apps/shop/webhook-deliveries/{id}"), "").await.json(), delivery);
    let event = delivery["event"]["id"].as_str().unwrap();
    let event = told.world.ann("GET", &format!("/apps/shop/webhook-events/{event}"), "").await.json();
    assert_eq!(told.world.ann("GET", "/apps/shop/webhook-events", "").await.json(), json!([event]));
    assert_eq!(event["payload"]["data"], body["data"]);
    assert!(told.arrives().await.is_empty(), "what has arrived is not sent again");
}

#[tokio::test]
async fn what_did_not_arrive_is_sent_again_when_it_is_time() {
    let mut told = Told::of(wish("sync", &["api:release"])).await;
    told.posts.answers(Err(PostError::TooSlow));
    told.set("1").await;
    assert_eq!(told.arrives().await.len(), 1);
    let failed = told.deliveries("?eq[status]=retrying").await;
    assert_eq!((&failed[0]["last_attempt"]["error_class"], &failed[0]["last_attempt"]["code"]), (&json!("Timeout"), &Value::Null));
    assert_eq!(told.deliveries("?eq[status]=succeeded").await, Vec::<Value>::new());
    pass(10).await;
    assert!(told.arrives().await.is_empty(), "not before its time");
    pass(5).await;
    told.posts.answers(Ok(503));
    let again = told.arrives().await;
    assert_eq!(told.deliveries("").await[0]["last_attempt"]["code"], 503);
    let round = told.task.run().await;
    assert!(round.again_in.is_some_and(|wait| (40..=45).contains(&wait.as_secs())), "{round:?}");
    pass(45).await;
    told.posts.answers(Ok(204));
    let last = told.arrives().await;
    let metadata = |post: &Post| serde_json::from_str::<Value>(&post.body).unwrap()["webhook_metadata"].clone();
    assert_eq!(metadata(&again[0])["delivery"], metadata(&last[0])["delivery"]);
    assert_ne!(metadata(&again[0])["attempt"], metadata(&last[0])["attempt"]);
    let delivery = &told.deliveries("").await[0];
    assert_eq!((&delivery["status"], &delivery["num_attempts"], &delivery["next_attempt_at"]), (&json!("succeeded"), &json!(3), &Value::Null));
}

#[tokio::test]
async fn a_platform_that_ended_in_the_middle_sends_again() {
    let mut told = Told::of(wish("notify", &["api:release"])).await;
    told.set("1").await;
    // Begun, as before sending, and then nothing more.
    let platform = told.world.api.platform.clone();
    let now = platform.clock.now();
    let mut tx = platform.store.write().await.unwrap();
    let due = tx.due_deliveries(now, 9).await.unwrap();
    tx.update_delivery(&due[0].clone().begun(now)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(told.arrives().await.is_empty());
    pass(60).await;
    assert_eq!(told.arrives().await.len(), 1);
    told.posts.answers(Ok(500));
    told.set("2").await;
    assert_eq!(told.arrives().await.len(), 1);
    pass(100_000).await;
    assert!(told.arrives().await.is_empty(), "notify is once");
    let statuses: Vec<_> = told.deliveries("").await.iter().map(|delivery| delivery["status"].as_str().unwrap().to_owned()).collect();
    assert_eq!(statuses, ["succeeded", "failed"]);
}

#[tokio::test]
async fn only_what_is_included_is_told_and_each_kind_is_told() {
    let mut told = Told::of(wish("sync", &["api:app", "api:collaborator", "api:domain", "api:formation"])).await;
    told.set("1").await;
    assert!(told.arrives().await.is_empty(), "a release is not included");
    let app = told.world.api.platform.store.read().await.unwrap().app_named(&"shop".parse().unwrap()).await.unwrap().unwrap();
    told.world.deploy(&app, "11111111aaaa").await;
    for (method, path, body) in [
        ("PATCH", "", r#"{"maintenance":true}"#),
        ("PATCH", "", r#"{"maintenance":true}"#),
        ("PATCH", "/formation", r#"{"updates":[{"type":"web","quantity":2},{"type":"worker","quantity":0}]}"#),
        ("POST", "/domains", r#"{"hostname":"www.example.com"}"#),
        ("DELETE", "/domains/www.example.com", ""),
        ("POST", "/collaborators", r#"{"user":"bob@example.com"}"#),
        ("DELETE", "/collaborators/bob@example.com", ""),
    ] {
        assert!(told.world.ann(method, &format!("/apps/shop{path}"), body).await.status.is_success(), "{method} {path}");
    }
    let mut arrived = told.arrives().await;
    arrived.sort_by_key(|post| serde_json::from_str::<Value>(&post.body).unwrap()["id"].as_str().unwrap().to_owned());
    let heard = |post: &Post| {
        let body: Value = serde_json::from_str(&post.body).unwrap();
        format!("{} {} {}", body["action"].as_str().unwrap(), body["resource"].as_str().unwrap(), body["previous_data"])
    };
    let mut heard: Vec<_> = arrived.iter().map(heard).collect();
    heard.sort();
    let app_before = r#"{"build_stack":{"name":"heroku-24"},"maintenance":false,"name":"shop","owner":"#;
    assert!(heard[4].contains(app_before), "{heard:?}");
    heard.remove(4);
    assert_eq!(
        heard,
        [
            "create collaborator {}",
            "create domain {}",
            "destroy collaborator {}",
            "destroy domain {}",
            r#"update formation {"quantity":1,"size":"Standard-1X"}"#
        ]
    );
}

#[tokio::test]
async fn webhooks_are_listed_changed_and_removed_and_their_secret_is_shown_once() {
    let told = Told::of(
        json!({ "include": ["api:build"], "level": "notify", "url": "https://ann:pass@example.com/x", "secret": "mine", "authorization": "Bearer abc" }),
    )
    .await;
    assert_eq!(told.secret, "mine");
    let (world, id) = (&told.world, told.webhook["id"].as_str().unwrap());
    let path = format!("/apps/shop/webhooks/{id}");
    assert_eq!(world.ann("GET", "/apps/shop/webhooks", "").await.json(), json!([told.webhook]));
    let shown = world.ann("GET", &path, "").await;
    assert!(!shown.body.contains("mine") && !shown.body.contains("Bearer abc"), "{}", shown.body);
    assert_eq!(shown.json(), told.webhook);
    let changed = world.ann("PATCH", &path, r#"{"include":["api:release"],"level":"sync","url":"https://example.com/h2"}"#).await;
    let changed_to = changed.json();
    assert_eq!((&changed_to["include"], &changed_to["level"], &changed_to["url"]), (&json!(["api:release"]), &json!("sync"), &json!("https://example.com/h2")));
    assert_eq!(world.ann("DELETE", &path, "").await.verdict(), "200");
    assert_eq!(world.ann("GET", &path, "").await.verdict(), "404 not_found: Couldn't find that webhook.");
}

#[tokio::test]
async fn a_request_proves_itself_as_its_owner_wants() {
    for (url, authorization, wanted) in [
        ("https://ann:pass@example.com/x", None, Some(format!("Basic {}", STANDARD.encode("ann:pass")))),
        ("https://ann:pass@example.com/x", Some("Bearer abc"), Some("Bearer abc".to_owned())),
        ("https://example.com/x", None, None),
    ] {
        let mut told = Told::of(json!({ "include": ["api:release"], "level": "notify", "url": url, "authorization": authorization })).await;
        told.set("1").await;
        let arrived = told.arrives().await;
        assert_eq!((arrived[0].url.as_str(), header(&arrived[0], "Authorization")), ("https://example.com/x", wanted.as_deref()));
    }
}

#[tokio::test]
async fn what_is_no_webhook_says_why() {
    let world = World::new().await;
    world.app("shop").await;
    for (body, verdict) in [
        (json!({}), "422 invalid_params: Include is invalid. It names what is told of: api:app"),
        (json!({ "include": ["dyno"] }), "422 invalid_params: Include is invalid: dyno is not told of yet."),
        (json!({ "include": ["api:app"] }), "422 invalid_params: Level is invalid."),
        (json!({ "include": ["api:app"], "level": "sync" }), "422 invalid_params: Url is invalid."),
        (json!({ "include": ["api:app"], "level": "sync", "url": "syslog://example.com:514" }), "422 invalid_params: Url is invalid."),
        (json!({ "include": ["api:app"], "level": "sync", "url": URL, "secret": "a\nb" }), "422 invalid_params: Secret and authorization may have"),
    ] {
        let answer = world.ann("POST", "/apps/shop/webhooks", &body.to_string()).await;
        assert!(answer.verdict().starts_with(verdict), "{body}: {}", answer.verdict());
    }
    for _ in 0..20 {
        assert_eq!(world.ann("POST", "/apps/shop/webhooks", &wish("sync", &["api:app"]).to_string()).await.verdict(), "201");
    }
    let more = world.ann("POST", "/apps/shop/webhooks", &wish("sync", &["api:app"]).to_string()).await;
    assert_eq!(more.verdict(), "422 invalid_params: There are too many webhooks (maximum is 20). Remove one first.");
}
