//! The heads that go out.

use super::{
    body::Framing,
    head::{Field, HeadReader, content_length, nominated},
    name::{Known, is_disguised},
    request::RequestHead,
    response::ResponseHead,
};

/// What we call ourselves in `Via` and `Server`.
pub const VIA: &[u8] = b"1.1 mypaas-router";
const SERVER: &[u8] = b"mypaas";

/// What becomes of a connection to a dyno after this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    Close,
    KeepAlive,
    /// It may change its protocol.
    Upgrade,
}

/// What the router says of a request.
#[derive(Debug, Clone, Copy)]
pub struct Said<'s> {
    pub request_id: &'s [u8],
    /// The whole chain, the client's own address last.
    pub forwarded_for: &'s [u8],
    pub proto: &'static str,
    pub port: u16,
    /// Unix time in milliseconds.
    pub start: i64,
    /// Milliseconds to the connection.
    pub connect: u64,
    /// Milliseconds from the head to the connection.
    pub route: u64,
    pub afterwards: Afterwards,
    /// The client's `Expect` goes to the dyno.
    pub expect: bool,
}

/// A request's head as the dyno gets it.
pub fn request(out: &mut Vec<u8>, head: &[u8], lines: &HeadReader, request: &RequestHead, said: &Said<'_>) {
    let method = request.method.of(head);
    let target = request.target.of(head);
    let root: &[u8] = if matches!(target.first(), Some(b'/' | b'*')) { b"" } else { b"/" };
    put(out, &[method, b" ", root, target, b" HTTP/1.1\r\nHost: "]);
    if let Some(host) = lines.fields.iter().find(|field| field.known == Known::Host) {
        put(out, &[host.value.of(head), b"\r\n"]);
    }
    match said.afterwards {
        Afterwards::Close => put(out, &[b"Connection: close\r\n"]),
        Afterwards::KeepAlive => put(out, &[b"Connection: keep-alive\r\n"]),
        Afterwards::Upgrade => {
            put(out, &[b"Connection: Upgrade\r\n"]);
            if let Some(protocol) = request.upgrade {
                put(out, &[b"Upgrade: ", protocol.of(head), b"\r\n"]);
            }
        }
    }
    let nominated = nominated(&lines.fields, head);
    let mut via = false;
    for field in &lines.fields {
        let passes = match field.known {
            Known::Other => !is_nominated(&nominated, field, head) && !is_disguised(field.name.of(head)),
            Known::Expect => said.expect,
            Known::Via => {
                via = true;
                false
            }
            known => !known.is_hop_by_hop() && !known.is_routers() && !is_nominated(&nominated, field, head),
        };
        if passes {
            put_field(out, field, head);
        }
    }
    put(out, &[b"X-Request-Id: ", said.request_id, b"\r\nX-Forwarded-For: ", said.forwarded_for]);
    put(out, &[b"\r\nX-Forwarded-Proto: ", said.proto.as_bytes(), b"\r\nX-Forwarded-Port: "]);
    put_number(out, said.port.into());
    put(out, &[b"\r\n"]);
    put_via(out, lines, head, via);
    put(out, &[b"Connect-Time: "]);
    put_number(out, said.connect);
    put(out, &[b"\r\nX-Request-Start: "]);
    put_number(out, said.start.unsigned_abs());
    put(out, &[b"\r\nTotal-Route-Time: "]);
    put_number(out, said.route);
    put(out, &[b"\r\n"]);
    match request.framing {
        Framing::Length(length) => put_length(out, length),
        Framing::Chunked => put(out, &[b"Transfer-Encoding: chunked\r\n"]),
        Framing::Empty | Framing::UntilClose => {
            if said.afterwards != Afterwards::Upgrade && method != b"GET" && method != b"HEAD" {
                put_length(out, 0);
            }
        }
    }
    put(out, &[b"\r\n"]);
}

/// How a response goes to its client.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'m> {
    /// The client's connection ends with it.
    pub close: bool,
    /// The client knows chunks.
    pub chunks: bool,
    /// The time, for a response without a `Date`.
    pub date: &'m [u8],
    /// A further `Set-Cookie`.
    pub cookie: Option<&'m [u8]>,
}

/// A response's head as the client gets it.
pub fn response(out: &mut Vec<u8>, head: &[u8], lines: &HeadReader, response: &ResponseHead, manner: &Manner<'_>) {
    let interim = response.status < 200 && response.status != 101;
    put(out, &[b"HTTP/1.1 "]);
    put_number(out, response.status.into());
    put(out, &[b" ", response.reason.of(head), b"\r\n"]);
    let nominated = nominated(&lines.fields, head);
    let (mut via, mut date, mut server, mut chunked) = (false, false, false, false);
    for field in &lines.fields {
        let passes = match field.known {
            Known::Via => {
                via = true;
                false
            }
            Known::TransferEncoding => {
                chunked = true;
                false
            }
            Known::Upgrade => response.status == 101,
            known => !known.is_hop_by_hop() && !is_nominated(&nominated, field, head),
        };
        date |= passes && field.known == Known::Date;
        server |= passes && field.known == Known::Server;
        if passes {
            put_field(out, field, head);
        }
    }
    put_via(out, lines, head, via);
    if interim {
        return put(out, &[b"\r\n"]);
    }
    if let Some(cookie) = manner.cookie {
        put(out, &[b"Set-Cookie: ", cookie, b"\r\n"]);
    }
    if !date {
        put(out, &[b"Date: ", manner.date, b"\r\n"]);
    }
    if !server {
        put(out, &[b"Server: ", SERVER, b"\r\n"]);
    }
    match response.framing {
        Framing::Length(length) => put_length(out, length),
        Framing::Chunked => chunked = true,
        // The answer to a HEAD tells what a GET would have.
        Framing::Empty if !chunked => {
            if let Ok(Some(length)) = content_length(&lines.fields, head) {
                put_length(out, length);
            }
        }
        Framing::Empty | Framing::UntilClose => {}
    }
    if chunked && manner.chunks {
        put(out, &[b"Transfer-Encoding: chunked\r\n"]);
    }
    let connection: &[u8] = if response.status == 101 {
        b"Connection: Upgrade\r\n\r\n"
    } else if manner.close {
        b"Connection: close\r\n\r\n"
    } else {
        b"Connection: keep-alive\r\n\r\n"
    };
    put(out, &[connection]);
}

/// All lines of a header as one, with `last` behind.
pub fn joined(out: &mut Vec<u8>, fields: &[Field], head: &[u8], known: Known, last: &[u8]) {
    for field in fields.iter().filter(|field| field.known == known) {
        put(out, &[field.value.of(head), b", "]);
    }
    put(out, &[last]);
}

fn put_via(out: &mut Vec<u8>, lines: &HeadReader, head: &[u8], has_more: bool) {
    put(out, &[b"Via: "]);
    if has_more {
        joined(out, &lines.fields, head, Known::Via, VIA);
    } else {
        put(out, &[VIA]);
    }
    put(out, &[b"\r\n"]);
}

fn is_nominated(nominated: &[&[u8]], field: &Field, head: &[u8]) -> bool {
    !nominated.is_empty() && nominated.iter().any(|name| name.eq_ignore_ascii_case(field.name.of(head)))
}

/// `Name: value`, the name in title case as Heroku's router writes it.
fn put_field(out: &mut Vec<u8>, field: &Field, head: &[u8]) {
    let mut start = true;
    out.extend(field.name.of(head).iter().map(|byte| {
        let cased = if start { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
        start = *byte == b'-';
        cased
    }));
    put(out, &[b": ", field.value.of(head), b"\r\n"]);
}

fn put_length(out: &mut Vec<u8>, length: u64) {
    put(out, &[b"Content-Length: "]);
    put_number(out, length);
    put(out, &[b"\r\n"]);
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// A number's digits.
pub fn put_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
