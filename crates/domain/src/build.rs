//! A build: source in, slug out.

use jiff::Timestamp;

use crate::{account::AccountId, app::AppId, buildpack::BuildpackRef, ids::Id, slug::SlugId, stack::StackName, words::words};

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
    /// The buildpacks that ran, in order, their URLs' credentials hidden; until then those it was asked to run. None: whatever
    /// the app says is not settled yet.
    pub buildpacks: Option<Vec<BuildpackRef>>,
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

words!(BuildStatus { Pending = "pending", Succeeded = "succeeded", Failed = "failed" });

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

words!(FailureKind {
    Source = "source",
    NoBuildpack = "no_buildpack",
    Compile = "compile",
    TimedOut = "timed_out",
    OutOfMemory = "out_of_memory",
    OutOfDisk = "out_of_disk",
    SlugTooLarge = "slug_too_large",
    ReleasePhase = "release_phase",
    Cancelled = "cancelled",
    DiskFull = "disk_full",
    Interrupted = "interrupted",
    Platform = "platform",
});
