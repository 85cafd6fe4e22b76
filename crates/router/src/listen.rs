//! The router and its door.

use std::{sync::Arc, time::Duration};

use domain::route::RouteTable;
use ports::{Chance, Clock};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    connect::{Dial, TcpDial},
    event::RequestSink,
    timeouts::Timeouts,
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
}

impl Settings {
    pub(crate) fn is_tls(&self) -> bool {
        self.proto == "https"
    }
}

/// Sends requests to dynos.
pub struct Router {
    pub(crate) routes: watch::Receiver<Arc<RouteTable>>,
    pub(crate) events: Arc<dyn RequestSink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<Chance>,
    pub(crate) settings: Settings,
    pub(crate) dial: Arc<dyn Dial>,
    /// Connections and tunnels.
    pub(crate) tasks: TaskTracker,
    /// Ends them all.
    pub(crate) force: CancellationToken,
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
        Self::with_dial(routes, events, clock, chance, settings, Arc::new(TcpDial))
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
        Arc::new(Self { routes, events, clock, chance, settings, dial, tasks: TaskTracker::new(), force: CancellationToken::new() })
    }

    /// Takes connections until `shutdown`; then lets what has begun come to its end, for at most
    /// [`Settings::shutdown_grace`].
    pub async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: CancellationToken) {
        loop {
            let (stream, peer) = tokio::select! {
                () = shutdown.cancelled() => break,
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
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a client left before it was served");
                continue;
            }
            self.tasks.spawn(self.clone().serve_connection(stream, peer.ip(), shutdown.clone()));
        }
        drop(listener);
        self.tasks.close();
        if timeout(self.settings.shutdown_grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "the grace is over: connections are cut");
            self.force.cancel();
            self.tasks.wait().await;
        }
    }
}
