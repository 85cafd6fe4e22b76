//! What all workers know of apps and dynos: who is busy, who is set aside, who is going away.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use domain::{
    AppId,
    route::{Route, RouteTable},
};
use tokio::{sync::Notify, time::Instant};

use crate::{
    metrics::{self, Metrics, Open},
    worker::lock,
};

/// A dyno that refused, or did not take a connection in time, gets none for so long (Heroku: up to 5 s).
const QUARANTINE: Duration = Duration::from_secs(5);
/// Requests per web dyno that a router holds for an app, waiting ones included (Heroku: 200); above it is H11.
pub(crate) const HELD_PER_DYNO: usize = 200;
/// So many of them may be with one dyno. The rest waits.
const AT_ONE_DYNO: usize = 150;

pub(crate) struct Fleet {
    apps: RwLock<HashMap<AppId, Arc<App>>>,
    /// Times are counted from here.
    epoch: Instant,
}

/// One app.
#[derive(Default)]
pub(crate) struct App {
    /// Requests that are served or wait.
    held: AtomicUsize,
    waiting: AtomicUsize,
    tunnels: AtomicUsize,
    pub(crate) metrics: Metrics,
    /// A waiting request may look again.
    pub(crate) freed: Notify,
    dynos: Mutex<Dynos>,
}

#[derive(Default)]
struct Dynos {
    by_address: HashMap<SocketAddr, Arc<Dyno>>,
    view: Option<Arc<View>>,
}

/// A route with what is known of its dynos, in the same order.
pub(crate) struct View {
    pub(crate) route: Arc<Route>,
    pub(crate) dynos: Vec<Arc<Dyno>>,
}

/// One dyno.
#[derive(Default)]
pub(crate) struct Dyno {
    requests: AtomicUsize,
    tunnels: AtomicUsize,
    /// Milliseconds from the fleet's epoch. 0: not set aside.
    aside_until: AtomicU64,
    gone: AtomicBool,
    /// Its tunnels should end.
    pub(crate) leaving: Notify,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self { apps: RwLock::default(), epoch: Instant::now() }
    }

    /// What is known of an app.
    pub(crate) fn app(&self, id: AppId) -> Arc<App> {
        if let Some(app) = self.apps.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return app.clone();
        }
        self.apps.write().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone()
    }

    /// Milliseconds from the epoch, never 0.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// The counters of all apps that are in the table or were asked for lately, by name.
    pub(crate) fn metrics(&self, names: &HashMap<AppId, String>) -> String {
        let apps: Vec<(AppId, Arc<App>)> = self.known();
        let mut apps: Vec<_> = apps.iter().filter_map(|(id, app)| Some((names.get(id)?.clone(), &app.metrics, app.open()))).collect();
        apps.sort_by(|one, other| one.0.cmp(&other.0));
        metrics::text(&apps)
    }

    fn known(&self) -> Vec<(AppId, Arc<App>)> {
        self.apps.read().unwrap_or_else(PoisonError::into_inner).iter().map(|(id, app)| (*id, app.clone())).collect()
    }

    /// Tells the tunnels of dynos that are no longer in the table, and forgets apps that are not.
    pub(crate) fn sweep(&self, table: &RouteTable) {
        let known = self.known();
        if known.is_empty() {
            return;
        }
        let ids: HashSet<AppId> = known.iter().map(|(id, _)| *id).collect();
        let routes: HashMap<AppId, &Arc<Route>> = table.hosts.values().filter(|route| ids.contains(&route.app)).map(|route| (route.app, route)).collect();
        for (id, app) in known {
            match routes.get(&id) {
                Some(route) => drop(app.view(route)),
                None => {
                    app.leave();
                    if app.held.load(Relaxed) == 0 {
                        self.apps.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
                    }
                }
            }
        }
    }
}

impl App {
    /// The route with what is known of its dynos.
    pub(crate) fn view(&self, route: &Arc<Route>) -> Arc<View> {
        let mut dynos = lock(&self.dynos);
        if let Some(view) = &dynos.view
            && Arc::ptr_eq(&view.route, route)
        {
            return view.clone();
        }
        let mut before = std::mem::take(&mut dynos.by_address);
        let known: Vec<Arc<Dyno>> = route
            .web
            .iter()
            .map(|backend| {
                let Some(address) = backend.address else { return Arc::default() };
                let dyno = dynos.by_address.get(&address).cloned().or_else(|| before.remove(&address)).unwrap_or_default();
                dynos.by_address.insert(address, dyno.clone());
                dyno
            })
            .collect();
        before.values().for_each(|dyno| dyno.leave());
        let view = Arc::new(View { route: route.clone(), dynos: known });
        dynos.view = Some(view.clone());
        view
    }

    fn leave(&self) {
        let mut dynos = lock(&self.dynos);
        dynos.view = None;
        dynos.by_address.drain().for_each(|(_, dyno)| dyno.leave());
    }

    fn open(&self) -> Open {
        Open { requests: self.held.load(Relaxed), tunnels: self.tunnels.load(Relaxed) }
    }

    /// Requests and tunnels.
    pub(crate) fn connections(&self) -> usize {
        self.held.load(Relaxed) + self.tunnels.load(Relaxed)
    }

    /// One more tunnel, until this is dropped.
    pub(crate) fn tunnel(self: &Arc<Self>) -> TunnelOf {
        self.tunnels.fetch_add(1, Relaxed);
        TunnelOf(self.clone())
    }

    /// A place for a request, unless there are too many already (H11).
    pub(crate) fn hold(self: &Arc<Self>, limit: usize) -> Option<Held> {
        let held = Held(self.clone());
        // Counted first, so that two cannot take the last place; the drop gives it back.
        (self.held.fetch_add(1, Relaxed) < limit).then_some(held)
    }

    /// Somebody looks for a dyno and is to be woken.
    pub(crate) fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Relaxed);
        Waiting(self.clone())
    }
}

/// A request's place at its app.
pub(crate) struct Held(Arc<App>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Relaxed);
        if self.0.waiting.load(Relaxed) > 0 {
            self.0.freed.notify_waiters();
        }
    }
}

/// A tunnel of an app, whichever of its dynos it leads to.
pub(crate) struct TunnelOf(Arc<App>);

impl Drop for TunnelOf {
    fn drop(&mut self) {
        self.0.tunnels.fetch_sub(1, Relaxed);
    }
}

pub(crate) struct Waiting(Arc<App>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl Dyno {
    fn leave(&self) {
        self.gone.store(true, Relaxed);
        self.leaving.notify_waiters();
    }

    /// No longer in the table.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    /// Whether it may get a request.
    pub(crate) fn is_usable(&self, now: u64) -> bool {
        !self.is_aside(now) && !self.is_full()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.requests.load(Relaxed) >= AT_ONE_DYNO
    }

    pub(crate) fn is_aside(&self, now: u64) -> bool {
        self.aside_until.load(Relaxed) > now
    }

    /// When it may be tried again.
    pub(crate) fn aside_until(&self) -> u64 {
        self.aside_until.load(Relaxed)
    }

    /// Requests and tunnels that are with it.
    pub(crate) fn load(&self) -> usize {
        self.requests.load(Relaxed) + self.tunnels.load(Relaxed)
    }

    /// Takes the dyno for a request. After a quarantine only one request tries whether it is back.
    pub(crate) fn claim(self: &Arc<Self>, now: u64) -> Option<Taken> {
        let until = self.aside_until.load(Relaxed);
        if until > now {
            return None;
        }
        let again = now + u64::try_from(QUARANTINE.as_millis()).unwrap_or(u64::MAX);
        if until != 0 && self.aside_until.compare_exchange(until, again, Relaxed, Relaxed).is_err() {
            return None;
        }
        self.requests.fetch_add(1, Relaxed);
        Some(Taken { dyno: self.clone(), tunnel: false })
    }

    /// It took a connection.
    pub(crate) fn is_back(&self) {
        if self.aside_until.load(Relaxed) != 0 {
            self.aside_until.store(0, Relaxed);
        }
    }

    /// It did not.
    pub(crate) fn set_aside(&self, now: u64) {
        self.aside_until.store(now + u64::try_from(QUARANTINE.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }
}

/// A dyno that a request is with.
pub(crate) struct Taken {
    pub(crate) dyno: Arc<Dyno>,
    tunnel: bool,
}

impl Taken {
    /// The request became a tunnel, which may last: it takes no other request's place.
    pub(crate) fn becomes_tunnel(&mut self) {
        self.tunnel = true;
        self.dyno.tunnels.fetch_add(1, Relaxed);
        self.dyno.requests.fetch_sub(1, Relaxed);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let count = if self.tunnel { &self.dyno.tunnels } else { &self.dyno.requests };
        count.fetch_sub(1, Relaxed);
    }
}
