//! Keeps the account of one request and tells the sink once.

use std::sync::Arc;

use domain::DynoName;
use jiff::SignedDuration;
use ports::Clock;
use tokio::time::Instant;

use crate::{
    bell::Bell,
    event::{RequestRouted, RequestSink},
    fleet::{App, TunnelOf},
    rescue::Fact,
};

/// Dropped before its end, the client had left, or the router was made to end.
pub(crate) struct Account {
    event: Box<RequestRouted>,
    span: tracing::Span,
    told: bool,
    accepted: Instant,
    connected: Option<Instant>,
    books: Arc<Books>,
    app: Arc<App>,
    tunnel: Option<TunnelOf>,
}

/// Where accounts end up.
pub(crate) struct Books {
    pub(crate) sink: Arc<dyn RequestSink>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Rung when the router ends by force: then it was not the client who left.
    pub(crate) bell: Arc<Bell>,
}

impl Account {
    /// Opens with what the request says.
    pub(crate) fn open(event: RequestRouted, app: Arc<App>, books: Arc<Books>) -> Self {
        let span = event.span();
        Self { event: Box::new(event), span, told: false, accepted: Instant::now(), connected: None, books, app, tunnel: None }
    }

    pub(crate) fn event(&self) -> &RequestRouted {
        &self.event
    }

    /// What happens to the request happens in here.
    pub(crate) const fn span(&self) -> &tracing::Span {
        &self.span
    }

    /// Milliseconds since the request's head was there.
    pub(crate) fn age(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// This dyno is about to be tried.
    pub(crate) fn trying(&mut self, dyno: &DynoName) {
        self.event.dyno = Some(dyno.clone());
    }

    /// How long the way to the dyno took, whether it led there or not.
    pub(crate) fn tried(&mut self) {
        self.event.connect = Some(duration(self.accepted.elapsed()));
    }

    /// The dyno took the connection.
    pub(crate) fn connected(&mut self) {
        let now = Instant::now();
        self.event.connect = Some(duration(now - self.accepted));
        self.connected = Some(now);
        self.event.bytes = Some(0);
    }

    /// The client is being told this status.
    pub(crate) fn answered(&mut self, status: u16) {
        self.event.status = status;
    }

    pub(crate) fn passed(&mut self, bytes: u64) {
        *self.event.bytes.get_or_insert(0) += bytes;
    }

    /// The request becomes a tunnel, and its app's for as long as it lasts.
    pub(crate) fn joins(&mut self) {
        self.tunnel = Some(self.app.tunnel());
    }

    /// Everything that the dyno sent, for a WebSocket.
    pub(crate) fn passed_in_all(&mut self, bytes: u64) {
        self.event.bytes = Some(bytes);
    }

    /// The page was sent in place of an answer. Its size only counts where a dyno was reached, as on Heroku.
    pub(crate) fn answered_with_page(&mut self, size: u64) {
        if self.connected.is_some() {
            self.event.bytes = Some(size);
        }
    }

    /// What went wrong. A status that the client already has stays, unless nobody is there to have it.
    pub(crate) fn failed(&mut self, fact: Fact) {
        let verdict = fact.verdict();
        self.event.code = Some(verdict.code);
        self.event.detail = verdict.detail;
        self.event.cause = verdict.cause;
        let gone = matches!(verdict.status, 0 | 499);
        if self.event.status == 0 || gone {
            self.event.status = verdict.status;
        }
    }

    /// Tells the sink.
    pub(crate) fn close(mut self) {
        self.tell();
    }

    fn tell(&mut self) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        self.event.at = self.books.clock.now();
        self.event.service = self.connected.map(|connected| duration(connected.elapsed()));
        self.event.record(&self.span);
        self.app.metrics.record(&self.event);
        self.books.sink.routed(&self.event);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.told {
            self.failed(if self.books.bell.is_forced() { Fact::RouterStopped } else { Fact::ClientLeft });
            self.tell();
        }
    }
}

fn duration(elapsed: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX)
}
