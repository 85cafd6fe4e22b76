//! `/oauth/clients`.

use serde::{Deserialize, Serialize};

use crate::Secret;

/// A program that people may log in to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OauthClient {
    pub created_at: String,
    pub id: String,
    /// Of accounts that owe Heroku money. None does here.
    pub ignores_delinquent: Option<bool>,
    pub name: String,
    pub redirect_uri: String,
    pub secret: Secret,
    pub updated_at: String,
}

/// `POST /oauth/clients`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OauthClientCreate {
    pub name: String,
    pub redirect_uri: String,
}

/// `PATCH /oauth/clients/:oauth-client`: what is not given stays.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OauthClientUpdate {
    pub name: Option<String>,
    pub redirect_uri: Option<String>,
}
