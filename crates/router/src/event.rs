//! One value per request: the log line, and later the metric, come from it.

use std::{fmt::Write, sync::Arc};

use domain::{AppId, AppName, DynoName, ErrorCode, LogLine, Source};
use http::{Method, Version};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, LogSink};
use tokio_util::sync::CancellationToken;

use crate::{request_head::RequestHead, rescue::Fact};

/// What became of one request of a known app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRouted {
    pub app: AppId,
    pub name: AppName,
    /// When it ended.
    pub at: Timestamp,
    pub method: Method,
    /// Path and query, as the client sent them.
    pub path: String,
    /// Lower-case, without port.
    pub host: String,
    pub request_id: String,
    /// The `X-Forwarded-For` that the dyno got.
    pub fwd: String,
    /// The dyno it went to, or was meant for.
    pub dyno: Option<DynoName>,
    /// From the parsed head to the connection to the dyno, waiting for a boot included.
    pub connect: Option<SignedDuration>,
    /// From the connection to the end of the response; a WebSocket's whole life.
    pub service: Option<SignedDuration>,
    /// What the client got; 499 if it was gone, 101 for a WebSocket.
    pub status: u16,
    /// Bytes of the body towards the client; for a WebSocket everything that the dyno sent. None if no dyno was reached.
    pub bytes: Option<u64>,
    pub version: Version,
    pub tls: bool,
    pub code: Option<ErrorCode>,
    /// What exactly, behind the code's own words (H25).
    pub detail: Option<&'static str>,
    /// `cause=` (H26).
    pub cause: Option<&'static str>,
}

impl RequestRouted {
    /// The line in the app's log, in Heroku's order of fields.
    pub fn line(&self) -> String {
        let mut line = String::with_capacity(256 + self.path.len());
        if let Some(sock) = self.code.and_then(ErrorCode::sock) {
            put(&mut line, format_args!("sock={sock} "));
        }
        put(&mut line, format_args!("at={}", self.code.map_or("info", ErrorCode::at)));
        if let Some(code) = self.code {
            put(&mut line, format_args!(" code={} desc=\"{}", code.code(), code.description()));
            if let Some(detail) = self.detail {
                put(&mut line, format_args!(": {detail}"));
            }
            line.push('"');
        }
        if let Some(cause) = self.cause {
            put(&mut line, format_args!(" cause=\"{cause}\""));
        }
        put(&mut line, format_args!(" method={} path=\"", self.method));
        put_escaped(&mut line, &self.path);
        put(&mut line, format_args!("\" host={} request_id={} fwd=\"", self.host, self.request_id));
        put_escaped(&mut line, &self.fwd);
        line.push_str("\" dyno=");
        if let Some(dyno) = &self.dyno {
            put(&mut line, format_args!("{dyno}"));
        }
        for (field, value) in [(" connect=", self.connect), (" service=", self.service)] {
            line.push_str(field);
            if let Some(value) = value {
                put(&mut line, format_args!("{}ms", value.as_millis().max(0)));
            }
        }
        put(&mut line, format_args!(" status={} bytes=", self.status));
        if let Some(bytes) = self.bytes {
            put(&mut line, format_args!("{bytes}"));
        }
        let protocol = if self.version == Version::HTTP_10 { "http1.0" } else { "http1.1" };
        put(&mut line, format_args!(" protocol={protocol} tls={}", self.tls));
        if self.tls {
            line.push_str(" tls_version=unknown");
        }
        line
    }
}

fn put(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("a String takes everything");
}

/// Percent-encodes what could end the quotes or the line: a client must not be able to forge fields.
fn put_escaped(line: &mut String, text: &str) {
    for character in text.chars() {
        if character == '"' || character.is_control() {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                put(line, format_args!("%{byte:02X}"));
            }
        } else {
            line.push(character);
        }
    }
}

/// Hears of every request of a known app, once, when it has ended. Must not block.
pub trait RequestSink: Send + Sync {
    fn routed(&self, event: &RequestRouted);
}

/// Writes each request's line into its app's log.
pub struct LogSinkAdapter(pub Arc<dyn LogSink>);

impl RequestSink for LogSinkAdapter {
    fn routed(&self, event: &RequestRouted) {
        self.0.write(event.app, LogLine { at: event.at, source: Source::Heroku, process: "router".into(), text: event.line() });
    }
}

/// Keeps the account of one request and tells the sink once. Dropped before its end, the client had left: hyper drops a
/// request whose client is gone, and that is how we learn of it.
pub(crate) struct Account {
    event: Box<RequestRouted>,
    told: bool,
    accepted: Timestamp,
    connected: Option<Timestamp>,
    sink: Arc<dyn RequestSink>,
    clock: Arc<dyn Clock>,
    /// Set when the router ends by force: then it was not the client who left.
    force: CancellationToken,
}

impl Account {
    pub(crate) fn open(
        route: &domain::route::Route,
        head: &RequestHead,
        tls: bool,
        sink: Arc<dyn RequestSink>,
        clock: Arc<dyn Clock>,
        force: CancellationToken,
    ) -> Self {
        let now = clock.now();
        let event = Box::new(RequestRouted {
            app: route.app,
            name: route.name.clone(),
            at: now,
            method: head.method.clone(),
            path: head.target.clone(),
            host: head.host.clone(),
            request_id: head.request_id.clone(),
            fwd: head.forwarded_for.clone(),
            dyno: None,
            connect: None,
            service: None,
            status: 0,
            bytes: None,
            version: head.version,
            tls,
            code: None,
            detail: None,
            cause: None,
        });
        Self { event, told: false, accepted: now, connected: None, sink, clock, force }
    }

    /// This dyno is about to be tried.
    pub(crate) fn trying(&mut self, dyno: &DynoName) {
        self.event.dyno = Some(dyno.clone());
    }

    /// How long the way to the dyno took, whether it led there or not.
    pub(crate) fn tried(&mut self) {
        self.event.connect = Some(self.clock.now().duration_since(self.accepted));
    }

    /// The dyno took the connection.
    pub(crate) fn connected(&mut self) {
        self.tried();
        self.connected = Some(self.clock.now());
        self.event.bytes = Some(0);
    }

    /// The client is being told this status.
    pub(crate) fn answered(&mut self, status: u16) {
        self.event.status = status;
    }

    pub(crate) fn passed(&mut self, bytes: u64) {
        *self.event.bytes.get_or_insert(0) += bytes;
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
        if self.event.status == 0 || verdict.code.status() == 499 {
            self.event.status = verdict.code.status();
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
        self.event.at = self.clock.now();
        self.event.service = self.connected.map(|connected| self.event.at.duration_since(connected));
        self.sink.routed(&self.event);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.told {
            self.failed(if self.force.is_cancelled() { Fact::RouterStopped } else { Fact::ClientLeft });
            self.tell();
        }
    }
}
