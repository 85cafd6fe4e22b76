//! Where builds run: a container of the stack's build image, thrown away afterwards.

use async_trait::async_trait;
use domain::{AppId, Sha256, StackName};

use crate::{ByteStream, RuntimeError};

pub mod fake;
mod kept;

pub use kept::{Kept, Ran};

/// A build's container, with limits and an unprivileged user (uid 1000).
#[derive(Debug, Clone)]
pub struct SandboxSpec {
    pub app: AppId,
    pub stack: StackName,
    /// For names and labels: the build's id.
    pub name: String,
    /// Where the app's cache is mounted; kept from build to build of the same app and stack.
    pub cache_dir: &'static str,
    pub memory_mib: u64,
    /// Processors, in thousandths.
    pub cpu_milli: u64,
    pub pids: i64,
}

/// Opens sandboxes.
#[async_trait]
pub trait Sandboxes: Send + Sync {
    /// Starts an empty sandbox.
    async fn open(&self, spec: &SandboxSpec) -> Result<Box<dyn Sandbox>, RuntimeError>;
    /// Forgets an app's cache.
    async fn purge_cache(&self, app: AppId) -> Result<(), RuntimeError>;
    /// Where a slug's files are laid out for dynos of this machine while it is packed. `None`: nowhere.
    async fn slug_tree(&self) -> Option<Box<dyn SlugTree>> {
        None
    }
}

/// A slug's files being laid out. Nothing here fails a build: what is missing is made from the stored slug later.
pub trait SlugTree: Send {
    /// Takes the next part of the slug's uncompressed tar. Blocks.
    fn write(&mut self, tar: &[u8]);
    /// That was all of it: makes it durable. Blocks.
    fn seal(&mut self);
    /// Keeps it under the slug's name. One that is dropped before leaves nothing.
    fn keep(self: Box<Self>, slug: Sha256);
}

/// A program to run in a sandbox, as uid 1000, with exactly this environment besides the platform's trust settings.
#[derive(Clone)]
pub struct Program {
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    pub working_dir: String,
}

/// Takes what a program writes, as it writes it; standard output and error are told apart.
pub trait OutputSink: Send {
    fn stdout(&mut self, bytes: &[u8]);
    fn stderr(&mut self, bytes: &[u8]);
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// 128 + n for signal n.
    pub status: i32,
    /// The sandbox's memory limit was hit while it ran.
    pub out_of_memory: bool,
}

/// One open sandbox. Closing it removes everything but the cache; one that is dropped is swept later by its label.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// Unpacks an uncompressed tar under `path` (which exists); numeric owners are kept.
    async fn put(&self, path: &str, tar: ByteStream) -> Result<(), RuntimeError>;
    /// Runs a program to its end.
    async fn run(&self, program: &Program, output: &mut dyn OutputSink) -> Result<Finished, RuntimeError>;
    /// Runs programs that have the same environment and nothing to do with each other, to the end of the last; the answers
    /// are in their order. An engine may well run them in one go.
    async fn run_all(&self, programs: &[Program]) -> Result<Vec<Ran>, RuntimeError> {
        let mut ran = Vec::with_capacity(programs.len());
        for program in programs {
            let mut kept = Kept::default();
            let finished = self.run(program, &mut kept).await?;
            ran.push(Ran { finished, kept });
        }
        Ok(ran)
    }
    /// Packs the folder `path` as an uncompressed tar; entries are named under the folder's own last name.
    async fn take(&self, path: &str) -> Result<ByteStream, RuntimeError>;
    /// Begins to remove it. The next sandbox of the same app opens when nothing runs in this one any more.
    async fn close(&self) -> Result<(), RuntimeError>;
}
