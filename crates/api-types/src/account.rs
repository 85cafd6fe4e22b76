//! `/account`: the person whose token it is.

use serde::{Deserialize, Serialize};

use crate::NamedRef;

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
