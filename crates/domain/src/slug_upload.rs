//! A slug made elsewhere, which somebody is about to upload.

use jiff::Timestamp;

use crate::{
    app::AppId,
    procfile::Procfile,
    slug::{Sha256, SlugId},
    stack::StackName,
};

/// What is known of a slug before its archive is there. An upload that is good makes it a [`crate::Slug`] of the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlugUpload {
    pub id: SlugId,
    pub app: AppId,
    pub stack: StackName,
    pub process_types: Procfile,
    pub commit: Option<String>,
    pub commit_description: Option<String>,
    /// What the slug's maker calls the app: `Node.js`.
    pub language: Option<String>,
    /// What the archive must be, as it comes.
    pub checksum: Option<Sha256>,
    pub created_at: Timestamp,
}

/// What is remembered of a slug beside the slug itself, if it was uploaded; nothing, if it was built here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlugOrigin {
    /// Digest of the archive as it came. The slug's own is another: it was rewritten.
    pub uploaded: Option<Sha256>,
    pub commit_description: Option<String>,
}
