//! What every answer carries besides its body: an id of its own, and what clients count by.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use domain::AccountId;
use engine::Actor;
use http::{HeaderValue, header};
use tracing::Instrument;

use crate::Api;

/// What becomes known of a request while it is answered: who asked.
#[derive(Clone, Default)]
pub(crate) struct About(Arc<Mutex<Option<AccountId>>>);

impl About {
    pub(crate) fn know(&self, actor: &Actor) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor.account.id);
    }

    fn account(&self) -> Option<AccountId> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the request an id of ours (a client's own list of ids may be kilobytes long), and everything logged about it too.
pub(crate) async fn identify(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let id = uuid::Builder::from_random_bytes(api.platform.chance.bytes()).into_uuid();
    let about = About::default();
    request.extensions_mut().insert(about.clone());
    // Not the path: some paths are secrets.
    let span = tracing::info_span!("request", %id, method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    let headers = response.headers_mut();
    headers.insert("request-id", HeaderValue::from_str(&id.to_string()).expect("a UUID is ASCII"));
    if let Some(account) = about.account() {
        headers.insert("ratelimit-remaining", HeaderValue::from(api.platform.requests_left(account)));
        headers.insert("oauth-scope", HeaderValue::from_static("global"));
        headers.insert("oauth-scope-accepted", HeaderValue::from_static("global"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    response
}
