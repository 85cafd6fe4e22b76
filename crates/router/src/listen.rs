//! The router and its door.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::route::RouteTable;
use ports::{Chance, Clock};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    account::Books,
    bell::{Bell, Phase},
    connect::Dial,
    enter::Entrance,
    event::RequestSink,
    fleet::Fleet,
    flood::{Flood, Floods},
    metrics,
    timeouts::Timeouts,
    worker::{Peer, Worker},
};

/// What the router says of its listener, and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `http` or `https`: what clients speak, whoever ends their TLS.
    pub proto: &'static str,
    /// The port that clients use.
    pub port: u16,
    /// How long requests may go on after the router was told to stop.
    pub shutdown_grace: Duration,
    pub timeouts: Timeouts,
    /// Requests and tunnels of one app at once; above it is H22.
    pub app_connections: usize,
}

/// How a router ends, of its two ways.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// Somebody else takes connections at the same doors: those that are open here end as their clients and dynos like, each
    /// client being told with its next answer to connect anew. After an hour, or when `stop` comes, they are stopped.
    pub leave: CancellationToken,
    /// Nobody takes connections any more; what has begun gets [`Settings::shutdown_grace`].
    pub stop: CancellationToken,
}

/// What is still open so long after the doors were handed over (a WebSocket, a download) is stopped.
const LEAVING: Duration = Duration::from_secs(60 * 60);

impl Settings {
    /// What an app may have open if nobody says otherwise: a tunnel has two sockets and some memory for as long as it lasts.
    pub const APP_CONNECTIONS: usize = 50_000;

    /// What a client in the clear came through: someone before us may have ended its TLS.
    pub(crate) fn peer(&self, ip: IpAddr) -> Peer {
        Peer { ip, port: self.port, proto: self.proto, tls: (self.proto == "https").then_some("unknown"), asked: None, is_http2: false }
    }
}

/// Sends requests to dynos.
pub struct Router {
    pub(crate) routes: watch::Receiver<Arc<RouteTable>>,
    pub(crate) books: Arc<Books>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<Chance>,
    pub(crate) settings: Settings,
    /// None: straight to the address.
    pub(crate) dial: Option<Arc<dyn Dial>>,
    pub(crate) fleet: Fleet,
    pub(crate) floods: Arc<Floods>,
    pub(crate) workers: Mutex<Vec<Weak<Worker>>>,
    /// Somebody keeps house.
    kept: AtomicBool,
    /// There may be connections that grow old.
    pub(crate) shelved: Notify,
    /// Connections and tunnels.
    pub(crate) tasks: TaskTracker,
    /// Ends them all.
    pub(crate) bell: Arc<Bell>,
}

impl Router {
    /// A router that connects to dynos directly.
    pub fn new(
        routes: watch::Receiver<Arc<RouteTable>>,
        events: Arc<dyn RequestSink>,
        clock: Arc<dyn Clock>,
        chance: Arc<Chance>,
        settings: Settings,
    ) -> Arc<Self> {
        Self::build(routes, events, clock, chance, settings, None)
    }

    /// A router that reaches dynos in another way.
    pub fn with_dial(
        routes: watch::Receiver<Arc<RouteTable>>,
        events: Arc<dyn RequestSink>,
        clock: Arc<dyn Clock>,
        chance: Arc<Chance>,
        settings: Settings,
        dial: Arc<dyn Dial>,
    ) -> Arc<Self> {
        Self::build(routes, events, clock, chance, settings, Some(dial))
    }

    fn build(
        routes: watch::Receiver<Arc<RouteTable>>,
        sink: Arc<dyn RequestSink>,
        clock: Arc<dyn Clock>,
        chance: Arc<Chance>,
        settings: Settings,
        dial: Option<Arc<dyn Dial>>,
    ) -> Arc<Self> {
        let bell = Arc::new(Bell::default());
        let books = Arc::new(Books { sink, clock: clock.clone(), bell: bell.clone() });
        Arc::new(Self {
            routes,
            books,
            clock,
            chance,
            settings,
            dial,
            fleet: Fleet::new(),
            floods: Arc::default(),
            workers: Mutex::default(),
            kept: AtomicBool::new(false),
            shelved: Notify::new(),
            tasks: TaskTracker::new(),
            bell,
        })
    }

    /// Counters and gauges as Prometheus reads them.
    pub fn metrics(&self) -> String {
        let names: HashMap<_, _> = self.routes.borrow().hosts.values().map(|route| (route.app, route.name.to_string())).collect();
        let mut text = self.fleet.metrics(&names);
        metrics::line(&mut text, format_args!("# HELP mypaas_router_connections Connections of clients.\n# TYPE mypaas_router_connections gauge"));
        metrics::line(&mut text, format_args!("mypaas_router_connections {}", self.tasks.len()));
        metrics::line(&mut text, format_args!("# HELP mypaas_router_floods_total HTTP/2 clients cut off.\n# TYPE mypaas_router_floods_total counter"));
        for flood in Flood::ALL {
            metrics::line(&mut text, format_args!("mypaas_router_floods_total{{kind=\"{}\"}} {}", flood.name(), self.floods.count(flood)));
        }
        text
    }

    /// Takes connections until `shutdown`; then lets what has begun come to its end, for at most
    /// [`Settings::shutdown_grace`].
    pub async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: CancellationToken) {
        self.serve_through(listener, Arc::default(), Ends { stop: shutdown, ..Ends::default() }).await;
    }

    pub(crate) async fn serve_through(self: Arc<Self>, listener: TcpListener, entrance: Arc<Entrance>, ends: Ends) {
        let worker = Worker::new(self.clone());
        let port = listener.local_addr().map_or(self.settings.port, |address| address.port());
        // One thread does it for all.
        let first = !self.kept.swap(true, Ordering::Relaxed);
        let housekeeping = first.then(|| tokio::spawn(crate::housekeeping::keep(Arc::downgrade(&self))));
        // Connections inherit it.
        if let Err(error) = rustix::net::sockopt::set_tcp_nodelay(&listener, true) {
            tracing::warn!(%error, "small packets may be held back");
        }
        loop {
            let (stream, peer) = tokio::select! {
                () = ends.stop.cancelled() => break,
                () = ends.leave.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file descriptors, mostly: others must end before there are any.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let mut peer = self.settings.peer(peer.ip());
            if entrance.is_plain() {
                self.tasks.spawn(worker.clone().serve_connection(stream, peer));
            } else {
                if entrance.tls.is_some() {
                    peer.port = port;
                }
                self.tasks.spawn(worker.clone().enter(stream, peer, entrance.clone()));
            }
        }
        drop(listener);
        if !ends.stop.is_cancelled() {
            self.bell.ring(Phase::Leaving);
            self.tasks.close();
            tokio::select! {
                () = ends.stop.cancelled() => {}
                left = timeout(LEAVING, self.tasks.wait()) => if left.is_err() {
                    tracing::info!(connections = self.tasks.len(), "an hour after the new program took over, what is still open here is stopped");
                }
            }
        }
        if let Some(housekeeping) = housekeeping {
            housekeeping.abort();
        }
        self.bell.ring(Phase::Stopping);
        self.tasks.close();
        if timeout(self.settings.shutdown_grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "the grace is over: connections are cut");
            self.bell.ring(Phase::Forced);
            self.tasks.wait().await;
        }
    }
}
