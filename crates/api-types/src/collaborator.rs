//! `/apps/:app/collaborators`.

use serde::{Deserialize, Serialize};

use crate::NamedRef;

/// Somebody who may work on an app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Collaborator {
    pub app: NamedRef,
    pub created_at: String,
    pub id: String,
    /// `view`, `deploy`, `operate`, `manage`; for team apps only.
    pub permissions: Vec<CollaboratorPermission>,
    /// `owner` or `collaborator`.
    pub role: Option<String>,
    pub updated_at: String,
    pub user: CollaboratorUser,
}

/// One thing a [`Collaborator`] may do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollaboratorPermission {
    pub name: String,
    pub description: String,
}

/// Who a [`Collaborator`] is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollaboratorUser {
    pub email: String,
    pub federated: bool,
    pub id: String,
}

/// `POST /apps/:app/collaborators`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollaboratorCreate {
    /// Address or id of an account.
    pub user: String,
}
