//! One value per request: the log line, the metrics and the span come from it.

use std::sync::Arc;

use domain::{AppId, AppName, DynoName, ErrorCode, LogLine, Source};
use http::{Method, Version};
use jiff::{SignedDuration, Timestamp};
use ports::LogSink;
use tracing::{Span, field::Empty};

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
    /// What the client got; 499 if it was gone, 101 for a WebSocket, 0 if it was cut off by us.
    pub status: u16,
    /// Bytes of the body towards the client; for a WebSocket everything that the dyno sent. None if no dyno was reached.
    pub bytes: Option<u64>,
    pub version: Version,
    /// None in the clear; else the version, or `unknown` if someone before us ended the TLS.
    pub tls: Option<&'static str>,
    pub code: Option<ErrorCode>,
    /// What exactly, behind the code's own words (H25).
    pub detail: Option<&'static str>,
    /// `cause=` (H26).
    pub cause: Option<&'static str>,
    /// `agent=`, what the client calls itself (H31).
    pub agent: Option<String>,
}

impl RequestRouted {
    /// The line in the app's log, in Heroku's order of fields.
    pub fn line(&self) -> String {
        let mut line = String::with_capacity(256 + self.path.len() + self.fwd.len());
        if let Some(sock) = self.code.and_then(ErrorCode::sock) {
            put(&mut line, &["sock=", sock, " "]);
        }
        put(&mut line, &["at=", self.code.map_or("info", ErrorCode::at)]);
        if let Some(code) = self.code {
            put(&mut line, &[" code=", code.code(), " desc=\"", code.description()]);
            if let Some(detail) = self.detail {
                put(&mut line, &[": ", detail]);
            }
            line.push('"');
        }
        if let Some(cause) = self.cause {
            put(&mut line, &[" cause=\"", cause, "\""]);
        }
        put(&mut line, &[" method=", self.method.as_str(), " path=\""]);
        put_escaped(&mut line, &self.path);
        put(&mut line, &["\" host=", &self.host, " request_id=", &self.request_id, " fwd=\""]);
        put_escaped(&mut line, &self.fwd);
        line.push_str("\" dyno=");
        if let Some(dyno) = &self.dyno {
            put(&mut line, &[dyno.process_type.as_str(), "."]);
            put_number(&mut line, dyno.index.into());
        }
        for (field, value) in [(" connect=", self.connect), (" service=", self.service)] {
            line.push_str(field);
            if let Some(value) = value {
                put_number(&mut line, u64::try_from(value.as_millis()).unwrap_or(0));
                line.push_str("ms");
            }
        }
        line.push_str(" status=");
        if self.status != 0 {
            put_number(&mut line, self.status.into());
        }
        line.push_str(" bytes=");
        if let Some(bytes) = self.bytes {
            put_number(&mut line, bytes);
        }
        let protocol = match self.version {
            Version::HTTP_10 => "http1.0",
            Version::HTTP_2 => "http2.0",
            _ => "http1.1",
        };
        put(&mut line, &[" protocol=", protocol, " tls=", if self.tls.is_some() { "true" } else { "false" }]);
        if let Some(version) = self.tls {
            put(&mut line, &[" tls_version=", version]);
        }
        if let Some(agent) = &self.agent {
            line.push_str(" agent=\"");
            put_escaped(&mut line, agent);
            line.push('"');
        }
        line
    }
}

impl RequestRouted {
    /// Opens the request's span. It costs nothing unless somebody listens to `router::request` at the level of debugging.
    pub(crate) fn span(&self) -> Span {
        tracing::debug_span!(
            target: "router::request", "request", app = %self.name, request_id = self.request_id, method = %self.method, host = self.host,
            dyno = Empty, connect_ms = Empty, service_ms = Empty, status = Empty, bytes = Empty, code = Empty,
        )
    }

    /// What became of the request, into its span: the same value that makes its line.
    pub(crate) fn record(&self, span: &Span) {
        if span.is_disabled() {
            return;
        }
        if let Some(dyno) = &self.dyno {
            span.record("dyno", tracing::field::display(dyno));
        }
        let milliseconds = |time: SignedDuration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        span.record("connect_ms", self.connect.map(milliseconds));
        span.record("service_ms", self.service.map(milliseconds));
        span.record("status", self.status);
        span.record("bytes", self.bytes);
        span.record("code", self.code.map(ErrorCode::code));
    }
}

fn put(line: &mut String, parts: &[&str]) {
    for part in parts {
        line.push_str(part);
    }
}

fn put_number(line: &mut String, number: u64) {
    let mut digits = Vec::with_capacity(20);
    crate::http1::write::put_number(&mut digits, number);
    line.extend(digits.iter().map(|digit| char::from(*digit)));
}

/// Percent-encodes what could end the quotes or the line: a client must not be able to forge fields.
fn put_escaped(line: &mut String, text: &str) {
    if !text.bytes().any(|byte| byte == b'"' || !(b' '..0x7f).contains(&byte)) {
        return line.push_str(text);
    }
    for character in text.chars() {
        if character == '"' || character.is_control() {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                line.push_str(&format!("%{byte:02X}"));
            }
        } else {
            line.push(character);
        }
    }
}

/// Hears of every request of a known app, once, when it has ended. Must not block.
pub trait RequestSink: Send + Sync {
    fn routed(&self, event: &RequestRouted);
    /// A request waits for an app whose web dynos sleep; told while it waits, maybe more than once.
    fn waits_for_sleepers(&self, _app: AppId) {}
}

/// Writes each request's line into its app's log.
pub struct LogSinkAdapter(pub Arc<dyn LogSink>);

impl RequestSink for LogSinkAdapter {
    fn routed(&self, event: &RequestRouted) {
        self.0.write(event.app, LogLine { at: event.at, source: Source::Heroku, process: "router".into(), text: event.line() });
    }
}
