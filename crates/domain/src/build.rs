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
    /// What went wrong, in the build or in the release phase after it.
    pub failure: Option<BuildFailure>,
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

/// What went wrong, so that a program can tell one failure from another and a person reads a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFailure {
    pub kind: FailureKind,
    /// A sentence.
    pub message: String,
}

/// The kinds of failure there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The archive or its place was no good: not fetched, not the promised one, not a tar, hostile.
    Source,
    NoBuildpack,
    Compile,
    TimedOut,
    OutOfMemory,
    /// It wrote more than a build may.
    OutOfDisk,
    SlugTooLarge,
    /// The build succeeded; the `release` process of the new release did not.
    ReleasePhase,
    Cancelled,
    DiskFull,
    /// The platform was restarted during the build.
    Interrupted,
    /// The platform's own fault.
    Platform,
}

impl FailureKind {
    const ALL: [(Self, &'static str); 12] = [
        (Self::Source, "source"),
        (Self::NoBuildpack, "no_buildpack"),
        (Self::Compile, "compile"),
        (Self::TimedOut, "timed_out"),
        (Self::OutOfMemory, "out_of_memory"),
        (Self::OutOfDisk, "out_of_disk"),
        (Self::SlugTooLarge, "slug_too_large"),
        (Self::ReleasePhase, "release_phase"),
        (Self::Cancelled, "cancelled"),
        (Self::DiskFull, "disk_full"),
        (Self::Interrupted, "interrupted"),
        (Self::Platform, "platform"),
    ];

    /// As the API and the database write it.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("platform", |(_, word)| word)
    }

    /// Reads [`Self::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_word_of_its_own() {
        for (kind, word) in FailureKind::ALL {
            assert_eq!((kind.word(), FailureKind::from_word(word)), (word, Some(kind)));
        }
    }
}
