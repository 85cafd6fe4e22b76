//! What every answer does the same way, whoever gives it: `HEAD`, `ETag` and `If-None-Match`, gzip.
//!
//! Only JSON is held until it is whole. Streams go through as they come.

use std::io::Write;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    middleware::Next,
    response::Response,
};
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

/// Shorter bodies do not become smaller, in bytes.
const WORTH_GZIP: usize = 1024;

/// Answers `HEAD` as `GET` without the body, 304 when the client has it already, and gzip to those who take it.
pub(crate) async fn keep(mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    if method == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    let asked = request.headers().clone();
    let response = next.run(request).await;
    let (parts, body) = response.into_parts();
    if method == Method::HEAD && !is_json(&parts.headers) {
        // It may be a stream, which nobody would read.
        return Response::from_parts(parts, Body::empty());
    }
    if !is_json(&parts.headers) {
        return Response::from_parts(parts, body);
    }
    // A JSON body is always one piece of memory, which cannot fail.
    let bytes = body.collect().await.map(|collected| collected.to_bytes()).unwrap_or_default();
    let safe = method == Method::GET || method == Method::HEAD;
    let mut response = Response::from_parts(parts, Body::empty());
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, Authorization, Range"));
    let tag = (safe && response.status() == StatusCode::OK).then(|| tag(&bytes));
    if let Some(tag) = &tag {
        response.headers_mut().insert(header::ETAG, HeaderValue::from_str(tag).expect("hexadecimal digits are ASCII"));
        if has(&asked, tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(header::CONTENT_TYPE);
            response.headers_mut().remove(header::CONTENT_LENGTH);
            return response;
        }
    }
    let bytes = if bytes.len() >= WORTH_GZIP && takes_gzip(&asked) { zipped(&mut response, bytes) } else { bytes };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    if method != Method::HEAD {
        *response.body_mut() = Body::from(bytes);
    }
    response
}

fn zipped(response: &mut Response, bytes: Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    let Ok(()) = encoder.write_all(&bytes) else { return bytes };
    let Ok(zipped) = encoder.finish() else { return bytes };
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    zipped.into()
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// Weak: the same resource may come zipped or not.
fn tag(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let half: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{half}\"")
}

/// Whether the client says that it has this already (RFC 9110, 13.1.2: compared weakly).
fn has(asked: &HeaderMap, tag: &str) -> bool {
    let named = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let opaque = tag.trim_start_matches("W/");
    named.map(str::trim).any(|named| named == "*" || named.trim_start_matches("W/") == opaque)
}

/// Whether `gzip` or `*` is accepted, with a weight above zero (RFC 9110, 12.5.3). No header asks for nothing.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let mut best = (false, false);
    for coding in asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let wanted = weight.trim().strip_prefix("q=").is_none_or(|q| q.trim().parse::<f32>().is_ok_and(|q| q > 0.0));
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => return wanted,
            "*" => best = (true, wanted),
            _ => {}
        }
    }
    best == (true, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn who_takes_gzip() {
        for (value, takes) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("identity", false),
            ("*;q=0", false),
            ("gzip;q=x", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&headers(header::ACCEPT_ENCODING, value)), takes, "{value:?}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_a_client_has() {
        let tag = tag(b"[]");
        for (value, same) in [(tag.as_str(), true), (tag.trim_start_matches("W/"), true), ("*", true), ("\"x\"", false), (&format!("\"x\", {tag}"), true)] {
            assert_eq!(has(&headers(header::IF_NONE_MATCH, value), &tag), same, "{value:?}");
        }
    }
}
