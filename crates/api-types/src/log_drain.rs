//! `/apps/{app}/log-drains`: where an app's lines are sent.

use serde::{Deserialize, Serialize};

use crate::{NamedRef, Secret};

/// A log drain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogDrain {
    /// The add-on that made it. None does yet.
    pub addon: Option<NamedRef>,
    pub app: NamedRef,
    pub created_at: String,
    pub id: String,
    /// `d.<uuid>`: what its receiver knows the app by.
    pub token: String,
    pub updated_at: String,
    /// It may carry a password.
    pub url: Secret,
}

/// `POST /apps/{app}/log-drains`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogDrainCreate {
    pub url: Secret,
}
