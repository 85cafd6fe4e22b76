//! Blobs as files in a folder: `<first two digits>/<digest>`.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use domain::Sha256;
use futures_util::StreamExt;
use jiff::Timestamp;
use sha2::{Digest, Sha256 as Hasher};
use tokio::{fs, io::AsyncWriteExt};
use tokio_util::io::ReaderStream;

use super::{BlobError, BlobWriter, Blobs, Stored};
use crate::ByteStream;

/// A folder of blobs, with a folder for what is being written beside it on the same file system.
#[derive(Debug, Clone)]
pub struct DiskBlobs {
    folder: PathBuf,
    /// Held while a blob gets its name, and while one is looked at and removed: what is written again just then is not old.
    naming: Arc<Mutex<()>>,
}

impl DiskBlobs {
    /// Opens the folder, making it if needed, and throws away what a crash left half-written.
    pub async fn open(folder: PathBuf) -> io::Result<Self> {
        let blobs = Self { folder, naming: Arc::default() };
        if fs::try_exists(blobs.unfinished()).await? {
            fs::remove_dir_all(blobs.unfinished()).await?;
        }
        fs::create_dir_all(blobs.unfinished()).await?;
        Ok(blobs)
    }

    fn unfinished(&self) -> PathBuf {
        self.folder.join("unfinished")
    }

    fn path(&self, digest: Sha256) -> PathBuf {
        file_of(&self.folder, digest)
    }
}

/// Where a blob lies in such a folder, for whoever works on one without opening it.
pub fn file_of(folder: &Path, digest: Sha256) -> PathBuf {
    let name = digest.to_string();
    folder.join(&name[..2]).join(name)
}

#[async_trait]
impl Blobs for DiskBlobs {
    async fn create(&self) -> Result<Box<dyn BlobWriter>, BlobError> {
        let unfinished = self.unfinished();
        // The file is removed when its handle is dropped without having been kept.
        let file = tokio::task::spawn_blocking(move || tempfile::NamedTempFile::new_in(unfinished)).await.map_err(io::Error::other)??;
        let (file, path) = file.into_parts();
        Ok(Box::new(DiskWriter { blobs: self.clone(), file: fs::File::from_std(file), path, hasher: Hasher::new(), bytes: 0 }))
    }

    async fn open(&self, digest: Sha256) -> Result<ByteStream, BlobError> {
        match fs::File::open(self.path(digest)).await {
            Ok(file) => Ok(ReaderStream::with_capacity(file, 128 * 1024).boxed()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::Missing(digest)),
            Err(error) => Err(error.into()),
        }
    }

    async fn has(&self, digest: Sha256) -> Result<bool, BlobError> {
        Ok(fs::try_exists(self.path(digest)).await?)
    }

    async fn free(&self) -> Result<u64, BlobError> {
        let folder = self.folder.clone();
        let figures = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder)).await.map_err(io::Error::other)?;
        let figures = figures.map_err(io::Error::from)?;
        Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
    }

    async fn retain(&self, kept: &BTreeSet<Sha256>, before: Timestamp) -> Result<usize, BlobError> {
        let mut removed = 0;
        for stored in self.list().await?.into_iter().filter(|stored| stored.unneeded(kept, before)) {
            let (path, naming) = (self.path(stored.digest), self.naming.clone());
            let gone = tokio::task::spawn_blocking(move || {
                let _naming = naming.lock().unwrap_or_else(PoisonError::into_inner);
                remove_older(&path, before)
            });
            removed += usize::from(gone.await.map_err(io::Error::other)??);
        }
        Ok(removed)
    }

    async fn list(&self) -> Result<Vec<Stored>, BlobError> {
        let folder = self.folder.clone();
        Ok(tokio::task::spawn_blocking(move || list(&folder)).await.map_err(io::Error::other)??)
    }
}

fn list(folder: &Path) -> io::Result<Vec<Stored>> {
    let mut all = Vec::new();
    for shelf in std::fs::read_dir(folder)? {
        let shelf = shelf?;
        if !shelf.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(shelf.path())? {
            let file = file?;
            // What is not named by a digest is no blob: a draft, or somebody else's.
            let Some(digest) = file.file_name().to_str().and_then(|name| name.parse::<Sha256>().ok()) else { continue };
            let metadata = match file.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            let written_at = Timestamp::try_from(metadata.modified()?).unwrap_or(Timestamp::MAX);
            all.push(Stored { digest, bytes: metadata.len(), written_at });
        }
    }
    Ok(all)
}

/// Removes a file unless it was written (again) since; whether it did.
fn remove_older(path: &Path, before: Timestamp) -> io::Result<bool> {
    let written = match std::fs::metadata(path) {
        Ok(metadata) => Timestamp::try_from(metadata.modified()?).unwrap_or(Timestamp::MAX),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if written >= before {
        return Ok(false);
    }
    std::fs::remove_file(path)?;
    Ok(true)
}

struct DiskWriter {
    blobs: DiskBlobs,
    file: fs::File,
    path: tempfile::TempPath,
    hasher: Hasher,
    bytes: u64,
}

#[async_trait]
impl BlobWriter for DiskWriter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.file.write_all(bytes).await?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(Sha256, u64), BlobError> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let digest = Sha256(self.hasher.finalize().into());
        let target = self.blobs.path(digest);
        let folder = target.parent().map(PathBuf::from).unwrap_or_default();
        fs::create_dir_all(&folder).await?;
        let (path, naming) = (self.path, self.blobs.naming);
        tokio::task::spawn_blocking(move || {
            let _naming = naming.lock().unwrap_or_else(PoisonError::into_inner);
            path.persist(&target).map_err(|error| error.error)?;
            // The name must be as durable as the bytes.
            std::fs::File::open(&folder)?.sync_all()
        })
        .await
        .map_err(io::Error::other)??;
        Ok((digest, self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn what_is_finished_is_there_and_what_is_dropped_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = DiskBlobs::open(folder.path().to_owned()).await.unwrap();
        let mut writer = blobs.create().await.unwrap();
        writer.write(b"hello ").await.unwrap();
        writer.write(b"world").await.unwrap();
        let (digest, bytes) = writer.finish().await.unwrap();
        assert_eq!((digest.to_string().as_str(), bytes), ("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", 11));
        let read: Vec<_> = blobs.open(digest).await.unwrap().try_collect().await.unwrap();
        assert_eq!(read.concat(), b"hello world");

        let mut writer = blobs.create().await.unwrap();
        writer.write(b"half").await.unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path().join("unfinished")).unwrap().count(), 0);

        let (early, late) = ("2000-01-01T00:00:00Z".parse().unwrap(), "2100-01-01T00:00:00Z".parse().unwrap());
        let stored = blobs.list().await.unwrap();
        assert_eq!(stored.iter().map(|stored| (stored.digest, stored.bytes)).collect::<Vec<_>>(), [(digest, 11)]);
        assert!(!remove_older(&blobs.path(digest), early).unwrap(), "what was written again meanwhile stays");
        assert_eq!(blobs.retain(&[digest].into(), late).await.unwrap(), 0, "what is named stays");
        assert_eq!(blobs.retain(&BTreeSet::new(), early).await.unwrap(), 0, "what is new stays");
        assert_eq!(blobs.retain(&BTreeSet::new(), late).await.unwrap(), 1);
        assert!(matches!(blobs.open(digest).await, Err(BlobError::Missing(_))));
    }
}
