//! What a build is given, and what it gives.

use std::time::Duration;

use domain::{AppId, BuildId, BuildpackRef, ConfigVars, Procfile, Sha256, StackName};
use ports::{ByteStream, sandbox::Finished};

use crate::error::BuildError;

/// What a build may use.
#[derive(Debug, Clone)]
pub struct Limits {
    pub memory_mib: u64,
    /// Processors, in thousandths.
    pub cpu_milli: u64,
    /// Processes and threads.
    pub pids: i64,
    /// The largest slug, compressed. Heroku: 500 MB.
    pub slug_bytes: u64,
    /// A slug larger than this is warned of. Heroku: 300 MB.
    pub slug_soft_bytes: u64,
    /// The longest build, from receiving the source to the finished slug. Heroku: 15 minutes.
    pub time: Duration,
    /// With less room than this for slugs, nothing is built. In bytes.
    pub min_free_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_mib: 2560,
            cpu_milli: 2000,
            pids: 4096,
            slug_bytes: 500 << 20,
            slug_soft_bytes: 300 << 20,
            time: Duration::from_secs(15 * 60),
            min_free_bytes: 1 << 30,
        }
    }
}

/// Where a build's source comes from.
pub enum SourceTree {
    /// An uncompressed tar of the tree as `git archive` writes it: no prefix before the names. The folders of submodules are
    /// empty in it; those that are named here are fetched into theirs, inside a sandbox.
    Tree { tar: ByteStream, submodules: Vec<Submodule> },
    /// A tar as people make them: gzipped or not, everything in it perhaps in one folder, which is taken off.
    Archive(ByteStream),
    /// A branch, tag or commit of a public repository, fetched inside a sandbox: with the network of builds and nothing else.
    Git { url: String, reference: Option<String> },
}

impl From<ByteStream> for SourceTree {
    fn from(tar: ByteStream) -> Self {
        Self::Tree { tar, submodules: Vec::new() }
    }
}

/// A commit of another repository in a tree. Where that repository is, `.gitmodules` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submodule {
    pub path: String,
    /// Its full hash.
    pub commit: String,
}

impl Limits {
    /// How a program ended. One that failed while memory had run out failed because of it.
    pub(crate) fn judge(&self, finished: Finished) -> Result<i32, BuildError> {
        if finished.status != 0 && finished.out_of_memory {
            return Err(BuildError::OutOfMemory { limit_mib: self.memory_mib });
        }
        Ok(finished.status)
    }
}

/// One build to do. Has no `Debug`: config vars are secret.
pub struct Job {
    pub build: BuildId,
    pub app: AppId,
    pub stack: StackName,
    pub source: SourceTree,
    /// `SOURCE_VERSION` for buildpacks: a commit's full hash.
    pub source_version: String,
    pub config: ConfigVars,
    /// The buildpacks to use, in order; none: the source says (`.buildpacks`, `app.json`), or the one that fits is found.
    pub buildpacks: Vec<BuildpackRef>,
    pub request_id: String,
}

/// What came out: a slug among the blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Of the gzipped archive; its name among the blobs.
    pub sha256: Sha256,
    /// Of the archive before gzip: an image layer's diff id.
    pub diff_id: Sha256,
    /// Of the gzipped archive, in bytes.
    pub bytes: u64,
    pub process_types: Procfile,
    /// What the last buildpack called the app: `Node.js`.
    pub language: Option<String>,
    /// The buildpacks that ran, in order.
    pub buildpacks: Vec<BuildpackRef>,
    /// What the app is to be built with from now on, unless somebody has said already: the buildpack that was found to fit,
    /// or those that `app.json` asks for. A `.buildpacks` file is asked again by every build.
    pub settled: Vec<BuildpackRef>,
    /// What the last buildpack asks an app's first release to have.
    pub first_release: FirstRelease,
}

/// A slug made elsewhere, among the blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Of the gzipped archive; its name among the blobs.
    pub sha256: Sha256,
    /// Of the archive before gzip: an image layer's diff id.
    pub diff_id: Sha256,
    /// Of the gzipped archive, in bytes.
    pub bytes: u64,
}

/// What Heroku takes from `bin/release` when an app is released for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FirstRelease {
    /// Add-ons, as `service:plan`.
    pub addons: Vec<String>,
    /// Config vars, unless they are set already.
    pub config_vars: ConfigVars,
}

/// What the person at the other end of `git push` sees.
pub trait Terminal: Send {
    /// A whole line; `text` has no line end.
    fn line(&mut self, text: &str);
    /// Output as it arrives: any number of lines, the last of which may go on later.
    fn bytes(&mut self, bytes: &[u8]);
}
