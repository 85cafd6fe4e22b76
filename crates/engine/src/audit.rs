//! Who asked for which change. Written down before anything is done, so that no change is without its event; how it went is
//! filled in afterwards.

use domain::{
    Email,
    audit::{AuditEvent, AuditEventId},
};
use jiff::SignedDuration;
use store::StoreError;

use crate::{accounts::Actor, platform::Platform, refusal::Refusal};

/// So long events are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// One in so many events clears the old away.
const CLEARED_EVERY: usize = 256;
/// As many as an admin is shown.
const SHOWN: usize = 10_000;

impl Platform {
    /// Writes down that a change was asked for. The id and the time are given here.
    pub async fn begin_audit(&self, event: AuditEvent) -> Result<AuditEventId, StoreError> {
        let now = self.clock.now();
        let event = AuditEvent { id: self.chance.id(now), at: now, ..event };
        let mut tx = self.store.write().await?;
        if self.chance.below(CLEARED_EVERY) == 0
            && let Ok(before) = now.checked_sub(KEPT)
        {
            tx.delete_audit_events_before(before).await?;
        }
        tx.insert_audit_event(&event).await?;
        tx.commit().await?;
        Ok(event.id)
    }

    /// Writes down that something is asked for on the server itself, by a command of `mypaasd` and not by an account.
    pub async fn begin_command_audit(&self, command: &str, about: &Email) -> Result<AuditEventId, StoreError> {
        let now = self.clock.now();
        let event = AuditEvent {
            id: self.chance.id(now),
            at: now,
            actor: "mypaasd".to_owned(),
            credential: None,
            source: None,
            action: command.to_owned(),
            app: None,
            detail: Some(about.to_string()),
            request_id: "-".to_owned(),
            status: None,
        };
        self.begin_audit(event).await
    }

    /// Writes down how it went.
    pub async fn end_audit(&self, id: AuditEventId, status: u16, detail: Option<String>) -> Result<(), StoreError> {
        let mut tx = self.store.write().await?;
        tx.close_audit_event(id, status, detail).await?;
        tx.commit().await
    }

    /// The last events, oldest first; for admins.
    pub async fn audit_events(&self, actor: &Actor) -> Result<Vec<AuditEvent>, Refusal> {
        self.authorize_admin(actor).await?;
        Ok(self.store.read().await?.audit_events(SHOWN).await?)
    }
}
