//! What every operation works with.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use builder::Builder;
use domain::{App, AppId, DynoSizes, LogLine, Source, StackName, dyno::Policy, notice::Memory, route::RouteTable};
use ports::{Chance, Clock, Downloads, LogSink, Runtime, runtime::ContainerKey};
use store::Db;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    background::Wake, browser_login::BrowserLogins, keeping::Keeping, limits::Limits, live::Live, one_off::PendingAttachments, pages::KnownPages,
    sleep::Traffic, turns::Turns,
};

/// The outside world and the store, handed in once at start.
pub struct Parts {
    pub store: Db,
    pub runtime: Arc<dyn Runtime>,
    pub builder: Builder,
    /// For sources of builds that lie elsewhere.
    pub downloads: Arc<dyn Downloads>,
    pub logs: Arc<dyn LogSink>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<Chance>,
    pub settings: Settings,
    pub keeping: Keeping,
}

/// What an admin decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Apps answer at `<name>.<app_domain>`.
    pub app_domain: String,
    /// As people write it before an app's host: `http`.
    pub app_scheme: &'static str,
    /// The port people reach apps at.
    pub app_port: u16,
    /// What new apps are built on.
    pub default_stack: StackName,
    /// The stacks there are.
    pub stacks: Vec<StackName>,
    pub policy: Policy,
    /// The dyno sizes there are.
    pub sizes: DynoSizes,
    pub quota: Quota,
    /// Where the rendezvous for attached one-off dynos listens, as clients reach it.
    pub rendezvous: (String, u16),
    /// Where the API and git answer, as clients reach them: `http://localhost:5001`.
    pub api_url: String,
    /// Where git answers over SSH, as clients reach it: host and port. `None`: it does not.
    pub ssh: Option<(String, u16)>,
}

/// The most that one app, or one account, may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Dynos of all types together.
    pub dynos: u32,
    /// Memory of all of them together, in MiB. `None`: whatever the machine has.
    pub memory_mib: Option<u64>,
    /// What one account may ask of the API in an hour; more is answered with 429 (Heroku: 4,500).
    pub requests_per_hour: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self { dynos: 100, memory_mib: None, requests_per_hour: 4_500 }
    }
}

impl Settings {
    /// Where an app answers: `http://shop.localhost:5000/`.
    pub fn web_url(&self, app: &App) -> String {
        let default_port = if self.app_scheme == "https" { 443 } else { 80 };
        let port = if self.app_port == default_port { String::new() } else { format!(":{}", self.app_port) };
        format!("{}://{}.{}{port}/", self.app_scheme, app.name, self.app_domain)
    }

    /// The names that are the platform's own, with all below them: those of apps, of the API, of what listens besides.
    pub fn hosts(&self) -> Vec<String> {
        let others = [Some(self.rendezvous.0.as_str()), self.ssh.as_ref().map(|(host, _)| host.as_str()), Some(self.api_host())];
        others.into_iter().flatten().chain([self.app_domain.as_str()]).filter(|host| !host.is_empty()).map(str::to_ascii_lowercase).collect()
    }

    /// The name of the host the API answers at: `localhost`.
    pub fn api_host(&self) -> &str {
        let api = self.api_url.split_once("://").map_or(self.api_url.as_str(), |(_, rest)| rest);
        api.split(['/', ':']).next().unwrap_or_default()
    }

    /// Where an app is pushed to: `http://localhost:5001/shop.git`.
    pub fn git_url(&self, app: &App) -> String {
        format!("{}/{}.git", self.api_url, app.name)
    }

    /// The same over SSH: `ssh://git@localhost:5002/shop.git`.
    pub fn ssh_git_url(&self, app: &App) -> Option<String> {
        self.ssh.as_ref().map(|(host, port)| format!("ssh://git@{host}:{port}/{}.git", app.name))
    }
}

/// The platform: one for the whole process.
pub struct Platform {
    pub store: Db,
    pub runtime: Arc<dyn Runtime>,
    pub builder: Builder,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<Chance>,
    pub settings: Settings,
    /// Wakes the formation task after a change.
    pub formation: Wake,
    /// Wakes whoever clears up, after an app was destroyed.
    pub leftovers: Wake,
    /// Wakes whoever removes the repositories of apps that are gone.
    pub repositories: Wake,
    /// Wakes whoever tells webhooks.
    pub outbox: Wake,
    pub(crate) keeping: Keeping,
    /// One sweep at a time.
    pub(crate) sweeping: tokio::sync::Mutex<()>,
    pub(crate) downloads: Arc<dyn Downloads>,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) routes: watch::Sender<Arc<RouteTable>>,
    /// Whether the table above was ever made: before the first round there is an empty one that means nothing.
    pub(crate) routes_known: AtomicBool,
    /// Where each dyno listens, as last seen; for routes while the engine is away.
    pub(crate) addresses: Mutex<HashMap<(ContainerKey, u64), SocketAddr>>,
    /// What apps show in place of the router's pages.
    pub(crate) pages: Mutex<KnownPages>,
    /// Why a debt of a dyno could not be paid; shown by `ps`.
    pub(crate) troubles: Mutex<HashMap<ContainerKey, String>>,
    /// Why no round can be made, while none can; shown by `ps` of whatever waits for one.
    pub(crate) engine_away: Mutex<Option<String>>,
    /// Dynos that use twice their memory or more, as last measured.
    pub(crate) exhausted: Mutex<HashMap<(ContainerKey, u64), Memory>>,
    pub(crate) traffic: Traffic,
    pub(crate) attachments: PendingAttachments,
    pub(crate) turns: Turns,
    pub(crate) limits: Limits,
    pub(crate) browser_logins: BrowserLogins,
    /// What a password is held against when nobody is known by the address.
    pub(crate) decoy: tokio::sync::OnceCell<String>,
    /// What builds and release commands that have not ended are saying, by the build's or the release's id.
    pub(crate) under_way: Mutex<HashMap<Uuid, Arc<Live>>>,
}

impl Platform {
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { store, runtime, builder, downloads, logs, clock, chance, settings, keeping } = parts;
        let formation = Wake(runtime.changes());
        let traffic = Traffic::new(clock.now());
        Arc::new(Self {
            store,
            runtime,
            builder,
            clock,
            chance,
            settings,
            formation,
            leftovers: Wake::default(),
            repositories: Wake::default(),
            outbox: Wake::default(),
            keeping,
            sweeping: tokio::sync::Mutex::default(),
            downloads,
            logs,
            routes: watch::Sender::new(Arc::default()),
            routes_known: AtomicBool::new(false),
            addresses: Mutex::default(),
            pages: Mutex::default(),
            troubles: Mutex::default(),
            engine_away: Mutex::default(),
            exhausted: Mutex::default(),
            traffic,
            attachments: PendingAttachments::default(),
            turns: Turns::default(),
            limits: Limits::default(),
            browser_logins: BrowserLogins::default(),
            decoy: tokio::sync::OnceCell::new(),
            under_way: Mutex::default(),
        })
    }

    /// The routes as they are and will be.
    pub fn routes(&self) -> watch::Receiver<Arc<RouteTable>> {
        self.routes.subscribe()
    }

    /// A line of the platform about an app: `heroku[web.1]: …`.
    pub(crate) fn tell(&self, app: AppId, process: &str, text: impl Into<String>) {
        self.write(app, Source::Heroku, process, text.into());
    }

    /// A line about what somebody did to an app: `app[api]: Release v3 created by user ann@example.com`.
    pub(crate) fn tell_api(&self, app: AppId, text: impl Into<String>) {
        self.write(app, Source::App, "api", text.into());
    }

    fn write(&self, app: AppId, source: Source, process: &str, text: String) {
        self.logs.write(app, LogLine { at: self.clock.now(), source, process: process.to_owned(), text });
    }
}

/// A lock whose data stays good even if a holder panicked: single values, replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
