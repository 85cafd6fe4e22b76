//! `/account`: the person whose token it is.

use serde::{Deserialize, Serialize};

use crate::{NamedRef, Secret};

/// A person's account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub allow_tracking: bool,
    pub beta: bool,
    pub country_of_residence: Option<String>,
    pub created_at: String,
    pub default_organization: Option<NamedRef>,
    pub default_team: Option<NamedRef>,
    pub delinquent_at: Option<String>,
    pub email: String,
    pub federated: bool,
    pub id: String,
    /// Always null here: there is no single sign-on to describe.
    pub identity_provider: Option<NamedRef>,
    pub last_login: Option<String>,
    pub name: Option<String>,
    pub sms_number: Option<String>,
    pub suspended_at: Option<String>,
    pub two_factor_authentication: bool,
    pub updated_at: String,
    pub verified: bool,
}

/// `PATCH /account`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AccountUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The one there will be. Needs `password`, the one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_password: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// `false` ends it. Needs `password`, and a code in `Heroku-Two-Factor-Code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_factor_authentication: Option<bool>,
}
