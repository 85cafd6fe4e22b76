//! A build: source in, slug out.

use jiff::Timestamp;

use crate::{account::AccountId, app::AppId, ids::Id, slug::SlugId, stack::StackName};

/// One run of the buildpacks over one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    pub id: BuildId,
    pub app: AppId,
    pub user: AccountId,
    pub status: BuildStatus,
    /// What the source is called: a commit's full hash for a push.
    pub source_version: Option<String>,
    pub stack: StackName,
    pub slug: Option<SlugId>,
    /// Everything the person saw. Kept with the build.
    pub output: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
pub type BuildId = Id<Build>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildStatus {
    Pending,
    Succeeded,
    Failed,
}

impl BuildStatus {
    /// As the API and the database write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Reads [`Self::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Succeeded, Self::Failed].into_iter().find(|status| status.word() == word)
    }
}
