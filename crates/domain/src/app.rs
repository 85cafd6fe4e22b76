//! An app: a name, an owner, and everything that hangs on them.

use jiff::Timestamp;

use crate::{account::AccountId, ids::Id, names::AppName, stack::StackName};

/// What people push to and scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    pub id: AppId,
    pub name: AppName,
    pub owner: AccountId,
    /// What its next build runs on.
    pub stack: StackName,
    /// Whether the router answers for it (Heroku: H80).
    pub maintenance: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
pub type AppId = Id<App>;
