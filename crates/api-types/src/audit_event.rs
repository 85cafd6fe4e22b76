//! `/mypaas/audit-events`: not Heroku's; for admins.

use serde::{Deserialize, Serialize};

/// Who asked for which change, from where, and how it went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditEvent {
    /// `PATCH /apps/{app}/config-vars`.
    pub action: String,
    /// The address of an account.
    pub actor: String,
    /// Name or id, as it was asked for.
    pub app: Option<String>,
    pub created_at: String,
    /// The id of the authorization that was used.
    pub credential: Option<String>,
    /// Whom or which names, in words; never values.
    pub detail: Option<String>,
    pub id: String,
    pub request_id: String,
    /// The client's address.
    pub source: Option<String>,
    /// HTTP status; null when the platform ended before it was known.
    pub status: Option<u16>,
}
