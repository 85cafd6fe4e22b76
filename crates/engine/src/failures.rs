//! How failures of builds are remembered and told.

use builder::BuildError;
use domain::{Build, BuildFailure, BuildStatus, FailureKind, Release};

use crate::{push::PushError, release_phase::Outcome};

/// What becomes of a build that ended like this. A release phase that fails leaves the build a success, as on Heroku.
pub(crate) fn of(launched: &Result<(Release, Outcome), PushError>) -> (BuildStatus, Option<BuildFailure>) {
    match launched {
        Ok((_, Outcome::Succeeded)) => (BuildStatus::Succeeded, None),
        Ok((release, Outcome::Failed)) => {
            let message = format!("The release command of {} failed; the release before it runs on.", release.version);
            (BuildStatus::Succeeded, Some(BuildFailure { kind: FailureKind::ReleasePhase, message }))
        }
        Err(error) => (BuildStatus::Failed, Some(BuildFailure { kind: kind(error), message: error.to_string() })),
    }
}

const fn kind(error: &PushError) -> FailureKind {
    let PushError::Build(error) = error else { return FailureKind::Platform };
    match error {
        BuildError::NoBuildpack | BuildError::NotCompatible { .. } | BuildError::BuildpackUrl(_) | BuildError::Fetch { .. } => FailureKind::NoBuildpack,
        BuildError::Compile { .. } | BuildError::ReleaseScript { .. } => FailureKind::Compile,
        BuildError::ProcfileInvalid(_) | BuildError::SourceInvalid(_) => FailureKind::Source,
        BuildError::SlugTooLarge { .. } => FailureKind::SlugTooLarge,
        BuildError::TimedOut { .. } => FailureKind::TimedOut,
        BuildError::OutOfMemory { .. } => FailureKind::OutOfMemory,
        BuildError::OutOfDisk { .. } => FailureKind::OutOfDisk,
        BuildError::Cancelled { .. } => FailureKind::Cancelled,
        BuildError::DiskFull { .. } => FailureKind::DiskFull,
        BuildError::Platform(_) => FailureKind::Platform,
    }
}

/// Said after a failure when the same source was built before, in Heroku's wording.
pub(crate) fn built_before(build: &Build) -> Vec<String> {
    let version = build.source_version.as_deref().unwrap_or_default();
    let text = format!(
        "\n\
         # Warning - The same version of this code has already been built: {version}\n\
         \n\
         We have detected that you have triggered a build from source code with version {version}\n\
         at least twice. One common cause of this behavior is attempting to deploy code from a different branch.\n\
         \n\
         If you are developing on a branch and deploying via git you must run:\n\
         \n    git push mypaas <branchname>:main\n\
         \n\
         This article goes into details on the behavior:\n  https://devcenter.heroku.com/articles/duplicate-build-version\n"
    );
    text.lines().map(|line| if line.starts_with('#') { format!(" ! #{line}") } else { format!(" ! {line}").trim_end().to_owned() }).collect()
}
