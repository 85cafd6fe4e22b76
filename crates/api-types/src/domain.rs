//! `/apps/:app/domains`.

use serde::{Deserialize, Serialize};

use crate::NamedRef;

/// A host name that leads to an app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Domain {
    pub acm_status: Option<String>,
    pub acm_status_reason: Option<String>,
    pub app: NamedRef,
    /// What the name's DNS record should point to; null for the app's own name.
    pub cname: Option<String>,
    pub created_at: String,
    pub hostname: String,
    pub id: String,
    /// `heroku` for the app's own name, `custom` for an added one.
    pub kind: String,
    pub sni_endpoint: Option<NamedRef>,
    /// `pending`, `succeeded`, …; `none` for the app's own name.
    pub status: String,
    pub updated_at: String,
}

/// `POST /apps/:app/domains`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DomainCreate {
    pub hostname: String,
    #[serde(default)]
    pub sni_endpoint: Option<String>,
}
