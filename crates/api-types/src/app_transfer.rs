//! `/account/app-transfers`.

use serde::{Deserialize, Serialize};

use crate::{NamedRef, UserRef};

/// An app offered to somebody else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppTransfer {
    pub app: NamedRef,
    pub created_at: String,
    pub id: String,
    pub owner: UserRef,
    pub recipient: UserRef,
    /// `pending`, `accepted` or `declined`.
    pub state: String,
    pub updated_at: String,
}

/// `POST /account/app-transfers`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppTransferCreate {
    /// Name or id.
    pub app: String,
    /// Address or id.
    pub recipient: String,
}

/// `PATCH /account/app-transfers/:id`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppTransferUpdate {
    /// `accepted` or `declined`.
    pub state: String,
}
