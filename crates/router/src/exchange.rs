//! What the two sides of one request know of each other: when bytes last moved, how many came, and what went wrong.

use std::sync::{
    Arc, Mutex, MutexGuard, Weak,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use domain::{ErrorCode, request_clock::RequestClock};
use jiff::Timestamp;
use ports::{Clock, clock::sleep_until};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{rescue::Fact, timeouts::Timeouts};

/// One request on one connection to a dyno.
pub(crate) struct Exchange {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// The deadline came nearer, or bytes began to count otherwise.
    nearer: Notify,
    received: AtomicU64,
    /// The client has the head of an answer: what goes wrong now can only be told by cutting its connection.
    answering: AtomicBool,
    cut: CancellationToken,
}

struct State {
    clock: RequestClock,
    /// The client's whole body was handed over; it is sent once the dyno's connection is flushed.
    upload_done: bool,
    failure: Option<Fact>,
}

impl Exchange {
    /// The dyno took the connection. `cut` ends the client's.
    pub(crate) fn begin(clock: Arc<dyn Clock>, timeouts: &Timeouts, cut: CancellationToken) -> Arc<Self> {
        let state = State { clock: timeouts.request_clock(clock.now()), upload_done: false, failure: None };
        Arc::new(Self { clock, state: Mutex::new(state), nearer: Notify::new(), received: AtomicU64::new(0), answering: AtomicBool::new(false), cut })
    }

    /// Bytes moved that are no answer: to the dyno, or to the client.
    pub(crate) fn bytes_sent(&self) {
        let now = self.now();
        let mut state = self.lock();
        state.clock = state.clock.request_bytes(now);
    }

    /// Bytes came from the dyno.
    pub(crate) fn bytes_received(&self, count: usize) {
        self.received.fetch_add(count as u64, Ordering::Relaxed);
        let now = self.now();
        let mut state = self.lock();
        let before = state.clock.deadline();
        state.clock = state.clock.response_bytes(now);
        if state.clock.deadline() < before {
            self.nearer.notify_one();
        }
    }

    /// The client's body is complete.
    pub(crate) fn upload_done(&self) {
        self.lock().upload_done = true;
    }

    /// The dyno's connection holds back nothing. With the upload done, the 30 s begin.
    pub(crate) fn flushed(&self) {
        let mut state = self.lock();
        if state.upload_done {
            let before = state.clock;
            state.clock = before.request_sent(self.now());
            if before != state.clock {
                self.nearer.notify_one();
            }
        }
    }

    /// All bytes that the dyno sent so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The client gets the head of the answer now.
    pub(crate) fn answering(&self) {
        self.answering.store(true, Ordering::Relaxed);
    }

    /// Remembers what went wrong first.
    pub(crate) fn fail(&self, fact: Fact) {
        self.lock().failure.get_or_insert(fact);
    }

    /// Cuts the client's connection if it has part of an answer: it may not be reading, and then would never hear.
    pub(crate) fn cut_if_answering(&self) {
        if self.answering.load(Ordering::Relaxed) {
            self.cut.cancel();
        }
    }

    pub(crate) fn failure(&self) -> Option<Fact> {
        self.lock().failure
    }

    /// Waits until nothing has moved for too long, and says what that is called.
    pub(crate) async fn expired(&self) -> ErrorCode {
        loop {
            let clock = self.lock().clock;
            if let Some(code) = clock.expired(self.now()) {
                return code;
            }
            tokio::select! {
                () = sleep_until(&*self.clock, clock.deadline()) => {}
                () = self.nearer.notified() => {}
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// One client connection, as its requests see it.
#[derive(Default)]
pub(crate) struct ClientSide {
    /// Ends the connection at once.
    pub(crate) cut: CancellationToken,
    /// The request being served, for which bytes to the client count as movement.
    current: Mutex<Weak<Exchange>>,
    unread: AtomicBool,
}

impl ClientSide {
    pub(crate) fn serves(&self, exchange: &Arc<Exchange>) {
        *self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::downgrade(exchange);
    }

    /// The client took bytes.
    pub(crate) fn bytes_sent(&self) {
        let current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner).upgrade();
        if let Some(exchange) = current {
            exchange.bytes_sent();
        }
    }

    /// A request's body was not read to its end.
    pub(crate) fn left_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }
}
