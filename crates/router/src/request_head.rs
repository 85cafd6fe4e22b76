//! What the client asks for, and what the dyno is told of it.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri, Version,
    header::{self, AsHeaderName},
    request::Parts,
};
use jiff::Timestamp;
use ports::Chance;

use crate::listen::Settings;

/// What we call ourselves in `Via`.
pub(crate) const VIA: HeaderValue = HeaderValue::from_static("1.1 mypaas-router");

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_REQUEST_START: HeaderName = HeaderName::from_static("x-request-start");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// What belongs to one connection and must not be passed on. `Transfer-Encoding` is handled with the body.
const HOP_BY_HOP: [HeaderName; 8] =
    [header::CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, header::TE, header::UPGRADE, header::PROXY_AUTHORIZATION, header::EXPECT, HTTP2_SETTINGS];

/// What a `Connection` header cannot make us drop: the router's own words, and what frames and routes the message.
const NOT_NOMINABLE: [HeaderName; 9] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::VIA,
    X_FORWARDED_FOR,
    X_FORWARDED_PROTO,
    X_FORWARDED_PORT,
    X_REQUEST_ID,
    X_REQUEST_START,
];

/// Heroku: the request line and each header line are at most 8 KB, a header's name 1,000 bytes.
const MAX_LINE: usize = 8192;
const MAX_NAME: usize = 1000;
/// What a line has around a header's name and value: `: ` and the line end.
const LINE_FRAME: usize = 4;

/// A request that goes to no app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Two readers could read it differently.
    #[error("bad request")]
    BadRequest,
    #[error("CONNECT")]
    MethodNotAllowed,
    #[error("request line too long")]
    TargetTooLong,
    #[error("unknown expectation")]
    ExpectationFailed,
}

/// A request's head, understood.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// Path and query.
    pub(crate) target: String,
    /// Lower-case, without port.
    pub(crate) host: String,
    pub(crate) request_id: String,
    /// The whole chain, the client's own address last.
    pub(crate) forwarded_for: String,
    /// The protocol that the client would rather speak.
    pub(crate) upgrade: Option<HeaderValue>,
    chunked: bool,
}

impl RequestHead {
    /// Reads a head, strictly: what two parsers could read differently is refused.
    pub(crate) fn read(parts: &Parts, peer: IpAddr, chance: &Chance) -> Result<Self, Refusal> {
        if parts.method == Method::CONNECT {
            return Err(Refusal::MethodNotAllowed);
        }
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        if target.len() > MAX_LINE {
            return Err(Refusal::TargetTooLong);
        }
        let headers = &parts.headers;
        if headers.iter().any(|(name, value)| name.as_str().len() > MAX_NAME || name.as_str().len() + value.len() + LINE_FRAME > MAX_LINE) {
            return Err(Refusal::BadRequest);
        }
        let host = only(headers, header::HOST).and_then(|host| host_name(host.to_str().ok()?)).ok_or(Refusal::BadRequest)?;
        if let Some(authority) = parts.uri.authority()
            && host_name(authority.as_str()).as_ref() != Some(&host)
        {
            return Err(Refusal::BadRequest);
        }
        check_expectation(headers)?;
        Ok(Self {
            method: parts.method.clone(),
            version: parts.version,
            target: target.to_owned(),
            request_id: request_id(headers, chance),
            forwarded_for: joined(headers, X_FORWARDED_FOR, &peer.to_canonical().to_string()),
            upgrade: upgrade(parts)?,
            chunked: is_chunked(headers)?,
            host,
        })
    }

    /// The head as the dyno gets it.
    pub(crate) fn towards_dyno(&self, mut parts: Parts, has_body: bool, settings: &Settings, now: Timestamp) -> http::Request<()> {
        drop_hop_by_hop(&mut parts.headers);
        parts.headers.remove(header::TRANSFER_ENCODING);
        let via = append_via(&parts.headers);
        let headers = &mut parts.headers;
        if self.chunked {
            // Said here, because hyper takes a GET without it for one without a body.
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        } else if !has_body && self.upgrade.is_none() && self.method != Method::GET && self.method != Method::HEAD {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        match &self.upgrade {
            Some(protocol) => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(header::UPGRADE, protocol.clone());
            }
            None => drop(headers.insert(header::CONNECTION, HeaderValue::from_static("close"))),
        }
        headers.insert(X_REQUEST_ID, text(&self.request_id));
        headers.insert(X_FORWARDED_FOR, text(&self.forwarded_for));
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(settings.proto));
        headers.insert(X_FORWARDED_PORT, settings.port.into());
        headers.insert(header::VIA, via);
        headers.insert(X_REQUEST_START, now.as_millisecond().into());

        parts.uri = parts.uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
        parts.version = Version::HTTP_11;
        // What hyper kept of the client's connection is none of the dyno's.
        parts.extensions = http::Extensions::new();
        http::Request::from_parts(parts, ())
    }
}

/// Removes what belongs to one connection, and what its `Connection` header nominates.
pub(crate) fn drop_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let nominated: Vec<HeaderName> = tokens(headers, header::CONNECTION).filter_map(|token| token.parse().ok()).collect();
        for name in nominated.iter().filter(|name| !NOT_NOMINABLE.contains(name)) {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The `Via` with us at its end.
pub(crate) fn append_via(headers: &HeaderMap) -> HeaderValue {
    if headers.contains_key(header::VIA) { text(&joined(headers, header::VIA, VIA.to_str().unwrap_or_default())) } else { VIA }
}

/// The comma-separated words of all lines of a header.
pub(crate) fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether the message is framed in chunks. Every other coding, and every other way to write this one, is refused.
pub(crate) fn is_chunked(headers: &HeaderMap) -> Result<bool, Refusal> {
    if !headers.contains_key(header::TRANSFER_ENCODING) {
        return Ok(false);
    }
    let coding = only(headers, header::TRANSFER_ENCODING).ok_or(Refusal::BadRequest)?;
    if coding.as_bytes().eq_ignore_ascii_case(b"chunked") { Ok(true) } else { Err(Refusal::BadRequest) }
}

/// The lower-case name in `name[:port]`. None if that is not what it is.
fn host_name(text: &str) -> Option<String> {
    let text = text.trim();
    let (name, port) = match text.find(']') {
        Some(end) if text.starts_with('[') => (&text[..=end], &text[end + 1..]),
        _ => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port_reads = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()));
    let name_reads = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte));
    // `shop.` is `shop`; `.` and `shop..` are nobody.
    let name = name.strip_suffix('.').unwrap_or(name);
    (port_reads && name_reads && !name.is_empty() && !name.ends_with('.')).then(|| name.to_ascii_lowercase())
}

/// The client's id if it is one, else a new one (Heroku: 20 to 200 of `[A-Za-z0-9+/=-]`).
fn request_id(headers: &HeaderMap, chance: &Chance) -> String {
    let given = only(headers, X_REQUEST_ID).and_then(|id| id.to_str().ok());
    let fits = |id: &&str| (20..=200).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-".contains(&byte));
    match given.filter(fits) {
        Some(id) => id.to_owned(),
        None => uuid::Builder::from_random_bytes(chance.bytes()).into_uuid().to_string(),
    }
}

/// The protocol to switch to. HTTP/2 in the clear is none: a switch to it would hide requests from us.
fn upgrade(parts: &Parts) -> Result<Option<HeaderValue>, Refusal> {
    let wanted = parts.version == Version::HTTP_11 && tokens(&parts.headers, header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    if !wanted {
        return Ok(None);
    }
    let protocol = parts.headers.get(header::UPGRADE).ok_or(Refusal::BadRequest)?;
    let is_http2 = |token: &str| token.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("h2"));
    Ok((!tokens(&parts.headers, header::UPGRADE).any(is_http2)).then(|| protocol.clone()))
}

/// `100-continue` is answered here; anything else we cannot meet.
fn check_expectation(headers: &HeaderMap) -> Result<(), Refusal> {
    for value in headers.get_all(header::EXPECT) {
        let value = value.as_bytes().trim_ascii();
        if value.contains(&b' ') && !value.contains(&b',') {
            return Err(Refusal::BadRequest);
        }
        if !value.is_empty() && !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Refusal::ExpectationFailed);
        }
    }
    Ok(())
}

/// The value of a header that is there exactly once.
fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// All lines of a header as one, with `last` behind.
fn joined(headers: &HeaderMap, name: HeaderName, last: &str) -> String {
    let mut all = String::new();
    for value in headers.get_all(name) {
        all.push_str(&String::from_utf8_lossy(value.as_bytes()));
        all.push_str(", ");
    }
    all + last
}

/// Text that came out of header values, or that we made: it fits into one.
fn text(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod fuzz;
