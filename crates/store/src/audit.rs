//! Who asked for which change. Only ever added to; the outcome is filled in, and the old go.

use domain::audit::{AuditEvent, AuditEventId};
use jiff::Timestamp;

use crate::{Tx, error::R};

impl Tx {
    pub async fn insert_audit_event(&mut self, it: &AuditEvent) -> R<()> {
        self.sql("INSERT INTO audit_events (id, at_ms, actor, credential, source, action, app, detail, request_id, status) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .id(it.id)
            .time(it.at)
            .text(&it.actor)
            .text_or_null(it.credential.clone())
            .text_or_null(it.source.clone())
            .text(&it.action)
            .text_or_null(it.app.clone())
            .text_or_null(it.detail.clone())
            .text(&it.request_id)
            .bind(it.status.map(i64::from))
            .execute()
            .await
            .map(drop)
    }

    /// How it went.
    pub async fn close_audit_event(&mut self, id: AuditEventId, status: u16, detail: Option<String>) -> R<()> {
        self.sql("UPDATE audit_events SET status = $1, detail = $2 WHERE id = $3").bind(i64::from(status)).text_or_null(detail).id(id).execute().await.map(drop)
    }

    /// The last so many, oldest first.
    pub async fn audit_events(&mut self, most: usize) -> R<Vec<AuditEvent>> {
        let mut events = self
            .sql("SELECT id, at_ms, actor, credential, source, action, app, detail, request_id, status FROM audit_events ORDER BY at_ms DESC, id DESC LIMIT $1")
            .count(most)
            .all(|row| {
                Ok(AuditEvent {
                    id: row.id("id")?,
                    at: row.time("at_ms")?,
                    actor: row.get("actor")?,
                    credential: row.get("credential")?,
                    source: row.get("source")?,
                    action: row.get("action")?,
                    app: row.get("app")?,
                    detail: row.get("detail")?,
                    request_id: row.get("request_id")?,
                    status: row.get::<Option<i64>>("status")?.and_then(|status| u16::try_from(status).ok()),
                })
            })
            .await?;
        events.reverse();
        Ok(events)
    }

    pub async fn delete_audit_events_before(&mut self, time: Timestamp) -> R<()> {
        self.sql("DELETE FROM audit_events WHERE at_ms < $1").time(time).execute().await.map(drop)
    }
}
