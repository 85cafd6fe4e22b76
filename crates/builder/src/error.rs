//! How a build fails, in Heroku's words.

use std::{error::Error, io, time::Duration};

use domain::{InvalidBuildpack, procfile::InvalidProcfile, slug::human_bytes};
use ports::{BlobError, RuntimeError};

/// Why there is no slug. `Display` is the sentence for the person who pushed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("No default language could be detected for this app.")]
    NoBuildpack,
    /// A buildpack was asked for that does not fit; what it says of that has been shown.
    #[error("App not compatible with buildpack: {buildpack}")]
    NotCompatible { buildpack: String },
    /// A config var names the buildpack, and none can be named so.
    #[error("Push rejected, the config var BUILDPACK_URL names no buildpack. {0}")]
    BuildpackUrl(InvalidBuildpack),
    /// Why has been shown.
    #[error("Push rejected, error fetching buildpack {buildpack}.")]
    Fetch { buildpack: String },
    #[error("Push rejected, failed to compile {language} app.")]
    Compile { language: String, status: i32 },
    #[error(transparent)]
    ProcfileInvalid(#[from] InvalidProcfile),
    /// The size is exact up to twice the limit; beyond that nobody goes on counting.
    #[error("Compiled slug size: {} is too large (max is {}).", human_bytes(*bytes), human_bytes(*limit))]
    SlugTooLarge { bytes: u64, limit: u64 },
    #[error("Push rejected, the build timed out (limit is {}).", human_time(*limit))]
    TimedOut { limit: Duration },
    #[error("Push rejected, the build ran out of memory (limit is {limit_mib} MB).")]
    OutOfMemory { limit_mib: u64 },
    /// In bytes.
    #[error("Push rejected, the build wrote too much to the disk (limit is {}).", human_bytes(*limit))]
    OutOfDisk { limit: u64 },
    /// `bin/release` failed, or wrote something else than the YAML expected of it.
    #[error("Push rejected, bin/release of buildpack {buildpack} {what}.")]
    ReleaseScript { buildpack: String, what: String },
    /// The source cannot be built as it is; the sentence says which entry and why.
    #[error("Push rejected, {0}")]
    SourceInvalid(String),
    /// Somebody stopped it.
    #[error("Build cancelled by {by}.")]
    Cancelled { by: String },
    /// In bytes.
    #[error("The platform's disk is nearly full: {} are free, and {} are needed before anything is built.", human_bytes(*free), human_bytes(*floor))]
    DiskFull { free: u64, floor: u64 },
    #[error("The platform could not finish the build.")]
    Platform(#[source] Box<dyn Error + Send + Sync>),
}

impl From<RuntimeError> for BuildError {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::OutOfDisk { limit } => Self::OutOfDisk { limit },
            RuntimeError::DiskFull { free, floor } => Self::DiskFull { free, floor },
            error => Self::Platform(error.into()),
        }
    }
}

impl From<BlobError> for BuildError {
    fn from(error: BlobError) -> Self {
        Self::Platform(error.into())
    }
}

impl From<io::Error> for BuildError {
    /// A source whose stream breaks off for a reason of its own carries that reason.
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| Self::Platform(error.into()))
    }
}

/// The block that ends the output of a failed push, in Heroku's wording.
pub fn failure_lines(error: &BuildError) -> Vec<String> {
    let mut lines = match error {
        BuildError::NotCompatible { .. } => Vec::new(),
        _ => vec![format!(" !     {error}")],
    };
    let hints: &[&str] = match error {
        BuildError::NoBuildpack => &[
            "\t\t\tHINT: This occurs when Heroku cannot detect the buildpack to use for this application automatically.",
            "\t\t\tSee https://devcenter.heroku.com/articles/buildpacks",
        ],
        BuildError::SlugTooLarge { .. } => &[" !     See: http://devcenter.heroku.com/articles/slug-size"],
        BuildError::TimedOut { .. } => &[" !     See: https://devcenter.heroku.com/articles/slug-compiler#time-limit"],
        BuildError::ProcfileInvalid(_) => &[" !     See: https://devcenter.heroku.com/articles/procfile"],
        BuildError::OutOfMemory { .. } => &["\t\t\tHINT: Build with fewer parallel jobs, or ask whoever runs this platform for a larger build limit."],
        BuildError::OutOfDisk { .. } => &["\t\t\tHINT: A cache that has grown counts, too: `mypaas builds:cache:purge` empties it."],
        BuildError::DiskFull { .. } => &["\t\t\tHINT: Nothing is wrong with your code. Whoever runs this platform has to make room."],
        BuildError::Platform(_) => &["\t\t\tHINT: Nothing is wrong with your code. Please try again; if it goes on, tell whoever runs this platform."],
        BuildError::NotCompatible { .. } => &["       More info: https://devcenter.heroku.com/articles/buildpacks#detection-failure"],
        BuildError::Fetch { .. } => &["\t\t\tHINT: Is the URL right, and the branch or tag? `mypaas buildpacks` lists the app's buildpacks."],
        BuildError::Compile { .. }
        | BuildError::BuildpackUrl(_)
        | BuildError::ReleaseScript { .. }
        | BuildError::SourceInvalid(_)
        | BuildError::Cancelled { .. } => &[],
    };
    lines.extend(hints.iter().map(|&hint| hint.to_owned()));
    if !matches!(error, BuildError::SlugTooLarge { .. }) {
        lines.push(String::new());
    }
    lines.push(" !     Push failed".to_owned());
    lines
}

fn human_time(time: Duration) -> String {
    match time.as_secs() {
        secs if secs >= 60 && secs % 60 == 0 => format!("{} minutes", secs / 60),
        secs => format!("{secs} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &BuildError, lines: &str) {
        assert_eq!(failure_lines(error).join("\n"), lines);
    }

    #[test]
    fn every_failure_reads_as_heroku_words_it() {
        check(
            &BuildError::NoBuildpack,
            " !     No default language could be detected for this app.\n\
             \t\t\tHINT: This occurs when Heroku cannot detect the buildpack to use for this application automatically.\n\
             \t\t\tSee https://devcenter.heroku.com/articles/buildpacks\n\n !     Push failed",
        );
        check(&BuildError::Compile { language: "Node.js".into(), status: 1 }, " !     Push rejected, failed to compile Node.js app.\n\n !     Push failed");
        check(
            &BuildError::SlugTooLarge { bytes: 600_729_191, limit: 500 << 20 },
            " !     Compiled slug size: 572.9M is too large (max is 500M).\n \
             !     See: http://devcenter.heroku.com/articles/slug-size\n !     Push failed",
        );
        check(
            &BuildError::TimedOut { limit: Duration::from_secs(900) },
            " !     Push rejected, the build timed out (limit is 15 minutes).\n \
             !     See: https://devcenter.heroku.com/articles/slug-compiler#time-limit\n\n !     Push failed",
        );
        check(
            &BuildError::from(RuntimeError::OutOfDisk { limit: 10 << 30 }),
            " !     Push rejected, the build wrote too much to the disk (limit is 10G).\n\
             \t\t\tHINT: A cache that has grown counts, too: `mypaas builds:cache:purge` empties it.\n\n !     Push failed",
        );
        check(
            &BuildError::SourceInvalid("`/etc/passwd` has an absolute path.".into()),
            " !     Push rejected, `/etc/passwd` has an absolute path.\n\n !     Push failed",
        );
    }

    #[test]
    fn a_platform_failure_does_not_blame_the_app() {
        let error = BuildError::from(RuntimeError::Refused("disk full".into()));
        assert!(failure_lines(&error).iter().all(|line| !line.contains("disk full")));
        assert!(error.source().is_some());
    }
}
