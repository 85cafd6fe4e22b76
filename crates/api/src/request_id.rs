//! What every answer carries besides its body: an id of its own, and what clients count by.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, header};
use tracing::Instrument;

use crate::Api;

/// As many requests as Heroku allows in an hour; nothing is counted yet.
pub(crate) const REMAINING: u64 = 4500;

/// Gives the request an id of ours (a client's own list of ids may be kilobytes long), and everything logged about it too.
pub(crate) async fn identify(State(api): State<Api>, request: Request, next: Next) -> Response {
    let id = uuid::Builder::from_random_bytes(api.platform.chance.bytes()).into_uuid();
    // Not the path: some paths are secrets.
    let span = tracing::info_span!("request", %id, method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    let headers = response.headers_mut();
    headers.insert("request-id", HeaderValue::from_str(&id.to_string()).expect("a UUID is ASCII"));
    // The command line says who is behind whom.
    headers.insert("mypaas-version", HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    headers.insert("ratelimit-remaining", HeaderValue::from(REMAINING));
    headers.insert("oauth-scope", HeaderValue::from_static("global"));
    headers.insert("oauth-scope-accepted", HeaderValue::from_static("global"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    response
}
