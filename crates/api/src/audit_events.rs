//! `/mypaas/audit-events`: who asked for which change; for admins.

use api_types::AuditEvent;
use axum::{extract::State, response::Response};

use crate::{
    Api,
    auth::Caller,
    error::ApiError,
    range::{Key, Keys, Range},
    shape::time,
};

const KEYS: &Keys<AuditEvent> = &[("id", |it| Key::Text(it.id.clone())), ("created_at", |it| Key::Text(it.created_at.clone()))];

/// `GET /mypaas/audit-events`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let events = api.platform.audit_events(&caller.actor).await?;
    Ok(range.page(events.into_iter().map(shown).collect(), KEYS))
}

fn shown(event: domain::audit::AuditEvent) -> AuditEvent {
    AuditEvent {
        action: event.action,
        actor: event.actor,
        app: event.app,
        created_at: time(event.at),
        credential: event.credential,
        detail: event.detail,
        id: event.id.to_string(),
        request_id: event.request_id,
        source: event.source,
        status: event.status,
    }
}
