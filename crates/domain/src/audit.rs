//! Who asked for which change.

use jiff::Timestamp;

use crate::ids::Id;

/// One change that somebody asked for, whatever came of it. Names people and apps in words, since it outlives both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    pub id: AuditEventId,
    pub at: Timestamp,
    /// The address of the account, or the one that somebody tried to log in with.
    pub actor: String,
    /// The id of the authorization they came with.
    pub credential: Option<String>,
    /// The client's address.
    pub source: Option<String>,
    /// `PATCH /apps/{app}/config-vars`: never with what was sent.
    pub action: String,
    /// The app's name or id, as it was asked for.
    pub app: Option<String>,
    /// What more there is to say in words: whom, which names.
    pub detail: Option<String>,
    pub request_id: String,
    /// The HTTP status. `None`: the platform ended before it was known.
    pub status: Option<u16>,
}
pub type AuditEventId = Id<AuditEvent>;
