//! What the connections of one thread share: memory, the current table, the date. Its locks are never waited for.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use domain::route::{Route, RouteTable};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    buffer::{Outbox, Pool},
    client::Client,
    connect::Stream,
    http1::head::HeadReader,
    idle::Idle,
    listen::Router,
    splice::Pipes,
    tls::Asked,
};

/// Who is at the other end of a connection, and what it came through.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) ip: IpAddr,
    /// The port that it asked.
    pub(crate) port: u16,
    pub(crate) proto: &'static str,
    /// `tls1.3`, or `unknown` if someone before us ended it.
    pub(crate) tls: Option<&'static str>,
    /// Whom the client asked for when it came through our TLS, if it said.
    pub(crate) asked: Option<Arc<Asked>>,
    /// One stream of an HTTP/2 connection.
    pub(crate) is_http2: bool,
}

/// What one request needs while it is read and written.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) lines: HeadReader,
    pub(crate) answer: HeadReader,
    pub(crate) to_dyno: Outbox,
    pub(crate) to_client: Outbox,
}

pub(crate) struct Worker {
    pub(crate) router: Arc<Router>,
    pub(crate) pool: Pool,
    pub(crate) pipes: Pipes,
    pub(crate) idle: Idle,
    #[expect(clippy::vec_box, reason = "they come and go as boxes, so that a connection holds only a pointer")]
    scratches: Mutex<Vec<Box<Scratch>>>,
    table: Mutex<(watch::Receiver<Arc<RouteTable>>, Arc<RouteTable>)>,
    date: Mutex<(i64, [u8; 29])>,
}

/// Heads that were larger are not kept.
const LARGEST_SCRATCH: usize = 16 * 1024;
const KEPT: usize = 128;

impl Worker {
    pub(crate) fn new(router: Arc<Router>) -> Arc<Self> {
        let mut receiver = router.routes.clone();
        let table = receiver.borrow_and_update().clone();
        let worker = Arc::new(Self {
            router,
            pool: Pool::default(),
            pipes: Pipes::default(),
            idle: Idle::default(),
            scratches: Mutex::default(),
            table: Mutex::new((receiver, table)),
            date: Mutex::new((i64::MIN, [0; 29])),
        });
        lock(&worker.router.workers).push(Arc::downgrade(&worker));
        worker
    }

    /// The app of a host, in the newest table.
    pub(crate) fn find(&self, host: &str) -> Option<Arc<Route>> {
        let mut guard = lock(&self.table);
        let (receiver, table) = &mut *guard;
        // Also says so when nobody will bring another table: then this one stays.
        if receiver.has_changed().unwrap_or(false) {
            *table = receiver.borrow_and_update().clone();
        }
        table.route(host).cloned()
    }

    pub(crate) fn scratch(&self) -> Box<Scratch> {
        lock(&self.scratches).pop().unwrap_or_default()
    }

    pub(crate) fn put_back(&self, mut scratch: Box<Scratch>) {
        if scratch.to_dyno.bytes.capacity() > LARGEST_SCRATCH || scratch.to_client.bytes.capacity() > LARGEST_SCRATCH {
            return;
        }
        scratch.to_dyno.clear();
        scratch.to_client.clear();
        let mut scratches = lock(&self.scratches);
        if scratches.len() < KEPT {
            scratches.push(scratch);
        }
    }

    /// The time as a `Date` header has it.
    pub(crate) fn date(&self, now: Timestamp) -> [u8; 29] {
        let second = now.as_second();
        let mut date = lock(&self.date);
        if date.0 != second {
            let text = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            date.1 = text.into_bytes().try_into().unwrap_or([b' '; 29]);
            date.0 = second;
        }
        date.1
    }

    /// Serves a client until either side has had enough, or the router is forced to end.
    pub(crate) async fn serve_connection<C: Stream>(self: Arc<Self>, io: C, peer: Peer) {
        let bell = self.router.bell.clone();
        let mut seat = None;
        let mut work = std::pin::pin!(self.converse(Client::new(io, peer)));
        std::future::poll_fn(|cx| {
            seat.get_or_insert_with(|| bell.seat(cx.waker()));
            if bell.is_forced() { Poll::Ready(()) } else { work.as_mut().poll(cx) }
        })
        .await;
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
