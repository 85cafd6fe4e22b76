//! Slugs and archives, named by the digest of what they are.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::Sha256;
use jiff::Timestamp;

use crate::ByteStream;

pub mod disk;

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("there is no blob {0}")]
    Missing(Sha256),
    #[error("the blob store could not be read or written")]
    Io(#[from] std::io::Error),
}

/// A blob as it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub digest: Sha256,
    pub bytes: u64,
    pub written_at: Timestamp,
}

impl Stored {
    /// Whether it can go: nothing names it, and it was written long enough ago not to be named any more.
    pub fn unneeded(&self, kept: &BTreeSet<Sha256>, before: Timestamp) -> bool {
        !kept.contains(&self.digest) && self.written_at < before
    }
}

/// A store of immutable bytes. What is in it is whole: a crash while writing leaves nothing.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Opens a place to write to; it becomes a blob only when [`BlobWriter::finish`] succeeds.
    async fn create(&self) -> Result<Box<dyn BlobWriter>, BlobError>;
    /// Reads a blob.
    async fn open(&self, digest: Sha256) -> Result<ByteStream, BlobError>;
    /// Whether it is there.
    async fn has(&self, digest: Sha256) -> Result<bool, BlobError>;
    /// Room that is left for more, in bytes.
    async fn free(&self) -> Result<u64, BlobError>;
    /// Removes what is not named here and was written before this moment, and says how many. What was written later may be
    /// about to be named.
    async fn retain(&self, kept: &BTreeSet<Sha256>, before: Timestamp) -> Result<usize, BlobError>;
    /// Everything there is.
    async fn list(&self) -> Result<Vec<Stored>, BlobError>;
}

/// A blob being written. Dropped before `finish`, it leaves nothing.
#[async_trait]
pub trait BlobWriter: Send {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError>;
    /// Makes it durable (written, synced, renamed), named by what was written: (digest, bytes).
    async fn finish(self: Box<Self>) -> Result<(Sha256, u64), BlobError>;
}
