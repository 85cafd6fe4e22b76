//! `/apps/:app/log-sessions`.

use serde::{Deserialize, Serialize};

use crate::{Secret, lenient};

/// A place to read log lines from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogSession {
    pub created_at: String,
    pub id: String,
    /// Read without further proof of who one is: the URL is the key.
    pub logplex_url: Secret,
    pub updated_at: String,
}

/// `POST /apps/:app/log-sessions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LogSessionCreate {
    /// The older name of `dyno_name` and `type` in one (`web.1` or `web`), which the command line sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dyno: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dyno_name: Option<String>,
    /// How many of the latest lines to begin with.
    #[serde(default, deserialize_with = "lenient::optional_number", skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
    /// `app` or `heroku`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Stay and send new lines as they come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail: Option<bool>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub process_type: Option<String>,
}
