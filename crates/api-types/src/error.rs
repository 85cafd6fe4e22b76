//! The body of every answer that is not a success.

use serde::{Deserialize, Serialize};

/// What went wrong, for programs (`id`, `resource`) and for people (`message`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// `not_found`, `invalid_params`, `unauthorized`, …
    pub id: String,
    pub message: String,
    /// What was not found: `app`, `release`, …; clients branch on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
