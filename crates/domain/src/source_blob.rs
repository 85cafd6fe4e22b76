//! A place to upload a source to, for a build that is not a push.

use jiff::Timestamp;

use crate::{account::AccountId, ids::Id, slug::Sha256};

/// An archive that somebody was given a place for, and may have uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceBlob {
    pub id: SourceBlobId,
    pub account: AccountId,
    /// The blob, once something was uploaded; the latest upload counts.
    pub sha256: Option<Sha256>,
    pub created_at: Timestamp,
}
pub type SourceBlobId = Id<SourceBlob>;
