//! A request's head, understood or refused.

use super::{
    body::Framing,
    head::{BadHead, Field, HeadReader, Limits, Span, content_length, is_text_byte, words},
    name::Known,
};

/// Heroku: request line and header lines of 8 KB, names of 1,000 bytes, 1,000 headers. Its own tests send a path of 8,200 bytes.
pub const LIMITS: Limits =
    Limits { first_line: MAX_TARGET + MAX_METHOD + 10, line: 8192, cookie: 8192, name: 1000, headers: 1000, total: 1000 * 8192 + 16384, leading: 5 };
const MAX_TARGET: usize = 8200;
const MAX_METHOD: usize = 127;

/// A request that goes to no app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("bad request")]
    BadRequest,
    /// A header that is wrong in an otherwise readable request, which may be told to its app (H26).
    #[error("bad header")]
    BadHeader,
    #[error("CONNECT")]
    MethodNotAllowed,
    #[error("request line too long")]
    TargetTooLong,
    #[error("unknown expectation")]
    ExpectationFailed,
    #[error("unknown version")]
    VersionNotSupported,
    #[error("the head did not come in time")]
    Timeout,
    /// Over TLS for another host (H31).
    #[error("misdirected request")]
    Misdirected,
    /// Over TLS for another host, and there is no certificate for this one (H32).
    #[error("certificate mismatch")]
    CertificateMismatch,
    /// A WebSocket handshake without its `Upgrade`: a proxy on the way knows no WebSockets, and the app would take it for a
    /// page's request (H23).
    #[error("lost upgrade")]
    LostUpgrade,
}

impl From<BadHead> for Refusal {
    fn from(bad: BadHead) -> Self {
        if bad == BadHead::FirstLineTooLong { Self::TargetTooLong } else { Self::BadRequest }
    }
}

/// What a client expects before it sends its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Nothing,
    Continue,
}

/// A request's head, by offsets into its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHead {
    pub method: Span,
    /// Path and query, as they came; empty for the path of an absolute address without one.
    pub target: Span,
    /// HTTP/1.1, not 1.0.
    pub is_1_1: bool,
    /// Without port.
    pub host: Span,
    pub framing: Framing,
    /// A length stood beside the chunks: whoever believed it is lost on this connection.
    pub ambiguous: bool,
    /// The client's connection may be used again.
    pub keep_alive: bool,
    /// The protocol that the client would rather speak.
    pub upgrade: Option<Span>,
    pub expect: Expect,
    /// Readable, but not to be passed on. Its app's log may hear of it.
    pub fault: Option<Refusal>,
    /// The whole head with its last line end.
    pub length: usize,
}

/// Understands a head whose lines were read.
pub fn understand(head: &[u8], lines: &HeadReader, length: usize) -> Result<RequestHead, Refusal> {
    let line = lines.first.of(head);
    let first = lines.first.start();
    let space = line.iter().position(|byte| *byte == b' ').ok_or(Refusal::BadRequest)?;
    let last_space = line.iter().rposition(|byte| *byte == b' ').filter(|last| *last > space).ok_or(Refusal::BadRequest)?;
    let (method, target, version) = (&line[..space], &line[space + 1..last_space], &line[last_space + 1..]);
    if method.is_empty() || method.len() > MAX_METHOD || !method.iter().all(|byte| super::name::is_token_byte(*byte)) {
        return Err(Refusal::BadRequest);
    }
    // Also refuses further spaces.
    if target.is_empty() || target.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
        return Err(Refusal::BadRequest);
    }
    if target.len() > MAX_TARGET {
        return Err(Refusal::TargetTooLong);
    }
    let is_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => return Err(Refusal::VersionNotSupported),
    };
    if method == b"CONNECT" {
        return Err(Refusal::MethodNotAllowed);
    }
    let fields = &lines.fields;
    let host = only(fields, Known::Host).and_then(|field| host_name(head, field.value)).ok_or(Refusal::BadRequest)?;
    let target = Target::read(target, first + space + 1, method).ok_or(Refusal::BadRequest)?;
    if let Some(authority) = target.authority
        && !host_name(head, authority).is_some_and(|name| name.of(head).eq_ignore_ascii_case(host.of(head)))
    {
        return Err(Refusal::BadRequest);
    }
    let mut fault = None;
    let (framing, ambiguous) = framing(fields, head, is_1_1).unwrap_or_else(|refusal| {
        fault = Some(refusal);
        (Framing::Empty, true)
    });
    let (mut close, mut keep, mut wants_upgrade) = (false, false, false);
    for word in words(fields, head, Known::Connection) {
        close |= word.eq_ignore_ascii_case(b"close");
        keep |= word.eq_ignore_ascii_case(b"keep-alive");
        wants_upgrade |= word.eq_ignore_ascii_case(b"upgrade");
    }
    let upgrade = if wants_upgrade && is_1_1 { upgrade(fields, head) } else { Ok(None) };
    let expect = expectation(fields, head, is_1_1);
    let lost = method == b"GET" && upgrade == Ok(None) && !(wants_upgrade && is_1_1) && fields.iter().any(|field| field.known == Known::WebSocketKey);
    let fault = fault.or(upgrade.err()).or(expect.err()).or(lost.then_some(Refusal::LostUpgrade));
    Ok(RequestHead {
        method: Span::new(first, first + space),
        target: target.path,
        is_1_1,
        host,
        framing,
        ambiguous,
        keep_alive: !close && !ambiguous && (is_1_1 || keep),
        upgrade: upgrade.unwrap_or_default(),
        expect: expect.unwrap_or(Expect::Nothing),
        fault,
        length,
    })
}

struct Target {
    path: Span,
    authority: Option<Span>,
}

impl Target {
    /// `/path?query`, `*` of OPTIONS, or `http://host/path?query`. A fragment is cut off.
    fn read(target: &[u8], start: usize, method: &[u8]) -> Option<Self> {
        let length = memchr::memchr(b'#', target).unwrap_or(target.len());
        let target = &target[..length];
        let end = start + length;
        if target.first() == Some(&b'/') || (target == b"*" && method == b"OPTIONS") {
            return Some(Self { path: Span::new(start, end), authority: None });
        }
        let scheme =
            [&b"http://"[..], b"https://"].into_iter().find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
        let from = start + scheme.len();
        let rest = &target[scheme.len()..];
        let path = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        Some(Self { path: Span::new(from + path, end), authority: Some(Span::new(from, from + path)) })
    }
}

/// The name in `name[:port]`. None if that is not what it is.
fn host_name(head: &[u8], value: Span) -> Option<Span> {
    let text = value.of(head);
    let at = value.start();
    let end = match text.iter().position(|byte| *byte == b']') {
        Some(end) if text[0] == b'[' => end + 1,
        _ => text.iter().position(|byte| *byte == b':').unwrap_or(text.len()),
    };
    let (name, port) = text.split_at(end);
    let port_reads = match port.split_first() {
        None => true,
        Some((colon, digits)) => {
            *colon == b':' && (digits.is_empty() || std::str::from_utf8(digits).is_ok_and(|digits| !digits.starts_with('+') && digits.parse::<u16>().is_ok()))
        }
    };
    let name_reads = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._[]:".contains(byte));
    let name = name.strip_suffix(b".").unwrap_or(name);
    // `shop.` is `shop`; `.` and `shop..` are nobody.
    (port_reads && name_reads && !name.is_empty() && !name.ends_with(b".")).then(|| Span::new(at, at + name.len()))
}

/// How the body is framed. Every coding but `chunked`, and every other way to write that, is refused.
fn framing(fields: &[Field], head: &[u8], is_1_1: bool) -> Result<(Framing, bool), Refusal> {
    let length = content_length(fields, head).map_err(|_| Refusal::BadHeader)?;
    if !fields.iter().any(|field| field.known == Known::TransferEncoding) {
        return Ok((length.map_or(Framing::Empty, Framing::Length), false));
    }
    let coding = only(fields, Known::TransferEncoding).ok_or(Refusal::BadHeader)?;
    if !is_1_1 || !coding.value.of(head).eq_ignore_ascii_case(b"chunked") {
        return Err(Refusal::BadHeader);
    }
    Ok((Framing::Chunked, length.is_some()))
}

/// The protocol to switch to. HTTP/2 in the clear is none: a switch to it would hide requests from us.
fn upgrade(fields: &[Field], head: &[u8]) -> Result<Option<Span>, Refusal> {
    let field = fields.iter().find(|field| field.known == Known::Upgrade && !field.value.is_empty()).ok_or(Refusal::BadHeader)?;
    let is_http2 = |word: &[u8]| word.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"h2"));
    Ok((!words(fields, head, Known::Upgrade).any(is_http2)).then_some(field.value))
}

/// `100-continue` is answered here; anything else we cannot meet.
fn expectation(fields: &[Field], head: &[u8], is_1_1: bool) -> Result<Expect, Refusal> {
    let mut expect = Expect::Nothing;
    for field in fields.iter().filter(|field| field.known == Known::Expect) {
        let value = field.value.of(head);
        if value.eq_ignore_ascii_case(b"100-continue") {
            expect = Expect::Continue;
        } else if !value.is_empty() {
            let broken = value.contains(&b' ') && !value.contains(&b',');
            return Err(if broken { Refusal::BadHeader } else { Refusal::ExpectationFailed });
        }
    }
    // A client of 1.0 knows no interim answers.
    Ok(if is_1_1 { expect } else { Expect::Nothing })
}

/// A header that is there exactly once.
pub fn only(fields: &[Field], known: Known) -> Option<&Field> {
    let mut found = fields.iter().filter(|field| field.known == known);
    let field = found.next()?;
    found.next().is_none().then_some(field)
}

/// Whether these bytes are what an id of a request may be (Heroku: 20 to 200 of `[A-Za-z0-9+/=-]`).
pub fn is_request_id(value: &[u8]) -> bool {
    (20..=200).contains(&value.len()) && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-".contains(byte))
}

/// Whether these bytes may stand in a line.
pub fn is_text(value: &[u8]) -> bool {
    value.iter().all(|byte| is_text_byte(*byte))
}

#[cfg(test)]
mod fuzz;
