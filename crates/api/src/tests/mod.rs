//! The API over a real store and a made-up container engine, asked as clients ask.

mod accounts;
mod anything;
mod apps;
mod browser_login;
mod buildpacks;
mod builds;
mod conventions;
mod domains;
mod dynos;
mod hostile;
mod keeping;
mod keys;
mod leaving;
mod log_drains;
mod logs;
mod oauth_clients;
mod official;
mod overview;
mod people;
mod planted;
mod releases;
mod rendezvous;
mod roles;
mod routers;
mod slugs;
mod stage;
mod tenants;
mod two_factor;
mod webhooks;
mod workshop;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use ::logs::{Logplex, Sessions};
use axum::{Router, body::Body, extract::Request};
use base64::{Engine, engine::general_purpose::STANDARD};
use builder::{Builder, Limits};
use domain::{Account, App, DynoSize, ProcessType, Procfile, Slug, SlugId, dyno::Policy, formation::Scale, release::ReleaseStatus};
use engine::{Keeping, Parts, Platform, RouterPass, Settings};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use ports::{
    Chance, Clock, Runtime, Sandboxes,
    blobs::disk::DiskBlobs,
    clock::{HandClock, TokioClock},
    downloads::FakeDownloads,
    runtime::fake::FakeRuntime,
    sandbox::fake::FakeSandboxes,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use store::{Db, SealKey};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::Api;

const ROUTER_SECRET: &str = "the-routers-own-secret";

/// A platform with two people on it.
struct World {
    folder: TempDir,
    api: Api,
    router: Router,
    ann: Person,
    bob: Person,
}

struct Person {
    account: Account,
    token: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl World {
    async fn new() -> Self {
        Self::with(|clock| Arc::new(FakeRuntime::new(clock))).await
    }

    async fn with(runtime: impl FnOnce(Arc<dyn Clock>) -> Arc<dyn Runtime>) -> Self {
        let nothing = FakeSandboxes { act: Arc::new(|_, _, _| 0), files: BTreeMap::new() };
        Self::assembled(clock(), runtime, Arc::new(nothing), Limits::default(), FakeDownloads::default()).await
    }

    /// With a clock that stands still until it is moved.
    async fn at_hand(clock: Arc<HandClock>) -> Self {
        let nothing = FakeSandboxes { act: Arc::new(|_, _, _| 0), files: BTreeMap::new() };
        Self::assembled(clock, |clock| Arc::new(FakeRuntime::new(clock)), Arc::new(nothing), Limits::default(), FakeDownloads::default()).await
    }

    /// With builds that are done in these sandboxes, and these pages in the world outside.
    async fn building(sandboxes: Arc<dyn Sandboxes>, limits: Limits, downloads: FakeDownloads) -> Self {
        Self::assembled(clock(), |clock| Arc::new(FakeRuntime::new(clock)), sandboxes, limits, downloads).await
    }

    async fn assembled(
        clock: Arc<dyn Clock>,
        runtime: impl FnOnce(Arc<dyn Clock>) -> Arc<dyn Runtime>,
        sandboxes: Arc<dyn Sandboxes>,
        limits: Limits,
        downloads: FakeDownloads,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (chance, logplex) = (Arc::new(Chance::seeded(7)), Arc::new(Logplex::new()));
        let store = Db::open(&databases::url(folder.path()).await, SealKey::new(1, [7; 32]), chance.clone()).await.unwrap();
        let sessions = Arc::new(Sessions::new(chance.clone()));
        let parts = Parts {
            store,
            runtime: runtime(clock.clone()),
            builder: builder(folder.path(), sandboxes, limits).await,
            downloads: Arc::new(downloads),
            logs: logplex.clone(),
            clock,
            chance,
            settings: settings(),
            keeping: Keeping::beside(folder.path().join("repos")),
        };
        let router_pass = Arc::new(RouterPass::new(ROUTER_SECRET.to_owned()));
        let api = Api { platform: Platform::new(parts), logplex, sessions, router_pass, stopping: CancellationToken::new() };
        let (ann, bob) = (person(&api.platform, "ann@example.com").await, person(&api.platform, "bob@example.com").await);
        Self { folder, router: crate::router(api.clone()), api, ann, bob }
    }

    /// As Ann, with a JSON body or none (`""`).
    async fn ann(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, path, &[("authorization", &format!("Bearer {}", self.ann.token))], body).await
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (status, headers, stream) = self.open(method, path, headers, body).await;
        let body = stream.collect().await.unwrap().to_bytes();
        let answer = Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() };
        answer.keeps_the_rules(method, path);
        answer
    }

    /// An answer whose body may not end by itself.
    async fn open(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, HeaderMap, Body) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (parts, stream) = self.router.clone().call(request).await.unwrap().into_parts();
        (parts.status, parts.headers, stream)
    }

    /// An app of Ann's.
    async fn app(&self, name: &str) -> App {
        let created = self.ann("POST", "/apps", &format!(r#"{{"name":"{name}"}}"#)).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        self.api.platform.store.read().await.unwrap().app_named(&name.parse().unwrap()).await.unwrap().unwrap()
    }

    /// As a push does it, without the push: a slug with `web` and `worker`, released and with one web dyno wanted.
    async fn deploy(&self, app: &App, commit: &str) -> SlugId {
        let platform = &self.api.platform;
        let now = platform.clock.now();
        let web: ProcessType = "web".parse().unwrap();
        let worker: ProcessType = "worker".parse().unwrap();
        let slug = Slug {
            id: platform.chance.id(now),
            app: app.id,
            sha256: domain::Sha256(platform.chance.bytes()),
            diff_id: domain::Sha256(platform.chance.bytes()),
            bytes: 1234,
            stack: app.stack.clone(),
            process_types: Procfile(BTreeMap::from([(web.clone(), "node web.js".to_owned()), (worker.clone(), "node worker.js".to_owned())])),
            commit: Some(commit.to_owned()),
            language: Some("Node.js".to_owned()),
            created_at: now,
        };
        let mut tx = platform.store.write().await.unwrap();
        tx.insert_slug(&slug).await.unwrap();
        let config = tx.config_vars(app.id).await.unwrap();
        let description = format!("Deploy {}", &commit[..8]);
        let released =
            tx.insert_release(platform.chance.id(now), app.id, Some(slug.id), &description, self.ann.account.id, &config, now, ReleaseStatus::Succeeded, true);
        released.await.unwrap();
        let scale = |quantity| Scale { quantity, size: DynoSize::default() };
        tx.set_formation(app.id, &BTreeMap::from([(web, scale(1)), (worker, scale(0))])).await.unwrap();
        tx.commit().await.unwrap();
        slug.id
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("-", |value| value.to_str().unwrap())
    }

    /// What holds of every answer: Heroku's shape of what is there, and of what went wrong; nothing is ever empty.
    fn keeps_the_rules(&self, method: &str, path: &str) {
        let whole = method != "HEAD" && self.status != StatusCode::NOT_MODIFIED && !self.headers.contains_key("content-encoding");
        if !whole || !self.header("content-type").starts_with("application/json") {
            return;
        }
        assert!(!self.body.is_empty(), "{method} {path}: {} without a body", self.status);
        if self.status.is_success() {
            let faults = official::faults(method, path, &self.body);
            assert!(faults.is_empty(), "{method} {path} is not as in the schema: {faults:#?}\n{}", self.body);
        } else {
            let body = self.json();
            assert!(body["id"].is_string() && body["message"].as_str().is_some_and(|message| message.len() > 3), "{method} {path}: {}", self.body);
        }
        assert!(!self.headers.contains_key("access-control-allow-origin"));
        assert_ne!(self.header("request-id"), "-", "{method} {path}");
    }

    /// `422 invalid_params: Name is already taken`, or the status alone if it went well.
    fn verdict(&self) -> String {
        if self.status.is_success() {
            return self.status.as_u16().to_string();
        }
        let body = self.json();
        format!("{} {}: {}", self.status.as_u16(), body["id"].as_str().unwrap(), body["message"].as_str().unwrap())
    }
}

impl Person {
    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(TokioClock::starting_at("2026-05-01T10:00:00Z".parse().unwrap()))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Somebody with a token and no password: hashing one takes a second.
async fn person(platform: &Platform, email: &str) -> Person {
    let now = platform.clock.now();
    let account = Account { id: platform.chance.id(now), email: email.parse().unwrap(), created_at: now };
    let mut tx = platform.store.write().await.unwrap();
    tx.insert_account(&account, None).await.unwrap();
    tx.commit().await.unwrap();
    let token = platform.new_token(account.clone(), "test", None).await.unwrap().token;
    Person { account, token: token.expose_secret().to_owned() }
}

async fn builder(folder: &Path, sandboxes: Arc<dyn Sandboxes>, limits: Limits) -> Builder {
    let bin = folder.join("buildpacks/nodejs/bin");
    std::fs::create_dir_all(&bin).unwrap();
    for script in ["detect", "compile", "release"] {
        std::fs::write(bin.join(script), "").unwrap();
    }
    let blobs = DiskBlobs::open(folder.join("blobs")).await.unwrap();
    Builder::new(sandboxes, Arc::new(blobs), folder.join("buildpacks"), limits)
}

fn settings() -> Settings {
    Settings {
        app_domain: "localhost".to_owned(),
        app_scheme: "http",
        app_port: 5000,
        default_stack: "heroku-24".parse().unwrap(),
        stacks: vec!["heroku-22".parse().unwrap(), "heroku-24".parse().unwrap()],
        policy: Policy::default(),
        sizes: domain::DynoSizes::default(),
        quota: engine::Quota::default(),
        rendezvous: ("localhost".to_owned(), 5002),
        api_url: "http://localhost:5001".to_owned(),
        ssh: Some(("localhost".to_owned(), 5003)),
    }
}
