//! `/account/keys`: what one pushes with over SSH.

use serde::{Deserialize, Serialize};

use crate::Secret;

/// A public key of the person's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    pub comment: String,
    pub created_at: String,
    /// The person's address: the command line prints it above the list.
    pub email: String,
    /// `SHA256:…`, as OpenSSH shows it.
    pub fingerprint: String,
    pub id: String,
    pub public_key: String,
    pub updated_at: String,
}

/// `POST /account/keys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyCreate {
    /// Kept from debug prints, since people paste private keys by mistake.
    pub public_key: Secret,
}
