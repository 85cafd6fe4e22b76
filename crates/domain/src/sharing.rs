//! Who works on an app besides its owner, and how it comes to another owner.

use jiff::Timestamp;

use crate::{account::AccountId, app::AppId, ids::Id};

/// Somebody who may do everything with an app but give it away: rename, destroy or transfer it, and say who else works on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collaborator {
    pub id: CollaboratorId,
    pub app: AppId,
    pub account: AccountId,
    pub created_at: Timestamp,
}
pub type CollaboratorId = Id<Collaborator>;

/// An app offered to somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppTransfer {
    pub id: AppTransferId,
    pub app: AppId,
    pub owner: AccountId,
    pub recipient: AccountId,
    pub state: TransferState,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
pub type AppTransferId = Id<AppTransfer>;

/// What has become of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferState {
    Pending,
    Accepted,
    Declined,
}

impl TransferState {
    /// As Heroku writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Accepted, Self::Declined].into_iter().find(|state| state.word() == word)
    }
}
