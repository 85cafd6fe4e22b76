//! What every answer carries besides its body: an id of its own, and what clients count by. What is known of a request on the
//! way, and the event that a change leaves behind.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use domain::{
    AccountId,
    audit::{AuditEvent, AuditEventId},
};
use engine::Actor;
use http::{HeaderValue, header};
use store::StoreError;
use tracing::Instrument;

use crate::Api;

/// The client's address, as an extension of its requests. Whoever accepts connections knows it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// What becomes known of a request while it is answered.
#[derive(Clone, Default)]
pub(crate) struct About(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    request_id: String,
    source: Option<String>,
    account: Option<AccountId>,
    scopes: String,
    needs: &'static str,
    event: Option<AuditEventId>,
    detail: Option<String>,
}

impl About {
    /// Who asks, and which scope that takes.
    pub(crate) fn know(&self, actor: &Actor, needs: &'static str) {
        let mut known = self.known();
        (known.account, known.scopes, known.needs) = (Some(actor.account.id), actor.scopes.to_string(), needs);
    }

    /// In words, whom or what names a change is about. Never values.
    pub(crate) fn detail(&self, words: impl Into<String>) {
        self.known().detail = Some(words.into());
    }

    /// The client's address, if known.
    pub(crate) fn source(&self) -> Option<String> {
        self.known().source.clone()
    }

    /// Writes down that a change is asked for.
    pub(crate) async fn audit(&self, api: &Api, actor: &str, credential: Option<String>, action: String, app: Option<String>) -> Result<(), StoreError> {
        let now = api.platform.clock.now();
        let (request_id, source) = {
            let known = self.known();
            (known.request_id.clone(), known.source.clone())
        };
        let event = AuditEvent {
            id: api.platform.chance.id(now),
            at: now,
            actor: actor.to_owned(),
            credential,
            source,
            action,
            app,
            detail: None,
            request_id,
            status: None,
        };
        let id = api.platform.begin_audit(event).await?;
        self.known().event = Some(id);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the request an id of ours (a client's own list of ids may be kilobytes long), and everything logged about it too.
pub(crate) async fn identify(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let id = uuid::Builder::from_random_bytes(api.platform.chance.bytes()).into_uuid();
    let source = request.extensions().get::<Peer>().map(|Peer(address)| address.to_string());
    let about = About(Arc::new(Mutex::new(Known { request_id: id.to_string(), source, ..Known::default() })));
    request.extensions_mut().insert(about.clone());
    // Not the path: some paths are secrets.
    let span = tracing::info_span!("request", %id, method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    let (account, scopes, needs, event, detail) = {
        let mut known = about.known();
        (known.account, std::mem::take(&mut known.scopes), known.needs, known.event, known.detail.take())
    };
    if let Some(event) = event
        && let Err(error) = api.platform.end_audit(event, response.status().as_u16(), detail).await
    {
        tracing::error!(%id, error = &error as &dyn std::error::Error, "how a change went could not be written down");
    }
    let headers = response.headers_mut();
    headers.insert("request-id", HeaderValue::from_str(&id.to_string()).expect("a UUID is ASCII"));
    if let Some(account) = account {
        headers.insert("ratelimit-remaining", HeaderValue::from(api.platform.requests_left(account)));
        headers.insert("oauth-scope", HeaderValue::from_str(&scopes).expect("scopes are ASCII"));
        headers.insert("oauth-scope-accepted", HeaderValue::from_static(needs));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    response
}
