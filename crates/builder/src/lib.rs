//! Buildpacks over a sandbox: detect, compile, release, slug.
//!
//! A source tree comes in as a tar stream, a slug goes out to the blobs. Knows neither git nor the store, and runs nothing
//! on the machine itself: what buildpacks do, they do in a sandbox.

pub mod error;
pub mod job;

mod build;
mod detect;
mod fetch;
mod pipeline;
mod release_yml;
mod slug_archive;

mod buildpack;
mod git_source;
mod glob;
mod slugignore;
mod source;
mod submodules;
mod workspace;

mod archive;
mod gzip;
mod output;
mod redact;
mod sandbox;
mod steps;

pub use build::Builder;
pub use error::{BuildError, failure_lines};
pub use job::{Built, FirstRelease, Imported, Job, Limits, SourceTree, Submodule, Terminal};
pub use steps::Steps;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod testing;
