//! Logins that are agreed to in a browser: bodies of the service that Heroku's command line finds at `HEROKU_LOGIN_HOST`.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// `POST /auth`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BrowserLoginCreate {
    /// Who asks, as the page shows it: `Heroku CLI login from laptop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A login just begun. The addresses are paths on the host that was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BrowserLogin {
    /// For the person.
    pub browser_url: Secret,
    /// Answers how it went, to `token`.
    pub cli_url: Secret,
    pub token: Secret,
    /// Ours: what the page shows too, for the person to compare.
    pub words: String,
}

/// `GET` of `cli_url`, in the end: one of the two.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BrowserLoginOutcome {
    #[serde(default)]
    pub access_token: Option<Secret>,
    #[serde(default)]
    pub error: Option<String>,
}
