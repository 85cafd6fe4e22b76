//! The slug: the build folder as a gzipped tar under `app/`, made and stored in one pass, with little memory.

use std::io::{self, Read, Write};

use domain::Sha256;
use futures_util::StreamExt;
use libdeflater::CompressionLvl;
use ports::{
    Blobs, ByteStream,
    pipe::{feed, pipe},
    sandbox::SlugTree,
};
use sha2::{Digest, Sha256 as Hasher};
use tar::{Archive, EntryType};

use crate::{
    archive::{ArchiveWriter, EndWatch, parts},
    error::BuildError,
    gzip::ParallelGzip,
};

/// A stored slug.
pub(crate) struct StoredSlug {
    pub(crate) sha256: Sha256,
    pub(crate) diff_id: Sha256,
    /// Compressed.
    pub(crate) bytes: u64,
}

/// Of 179 MB of a Node app it makes 60 MB in half the time in which zlib's level 2 makes 61 MB; the push waits for it.
const LEVEL: i32 = 1;

/// Rewrites what [`ports::Sandbox::take`] gave, compresses it and stores it, unless it becomes larger than `limit` bytes.
/// What is packed is laid out in `tree` at the same time.
pub(crate) async fn store(taken: ByteStream, tree: Option<Box<dyn SlugTree>>, blobs: &dyn Blobs, limit: u64) -> Result<StoredSlug, BuildError> {
    let mut blob = Some(blobs.create().await?);
    let (reader, feeding) = feed(taken);
    let (mut compressed, returned) = pipe(move |out| compress(reader, tree, out));
    let storing = async {
        let mut bytes = 0;
        while let Some(chunk) = compressed.next().await {
            let chunk = chunk?;
            bytes += chunk.len() as u64;
            if bytes > limit {
                // Nothing more is kept; counting on for a while tells the person how much is too much.
                blob = None;
            }
            if let Some(blob) = &mut blob {
                blob.write(&chunk).await?;
            } else if bytes > limit.saturating_mul(2) {
                break;
            }
        }
        // Stops the thread, if it still runs.
        drop(compressed);
        Ok::<u64, BuildError>(bytes)
    };
    let ((), stored) = tokio::join!(feeding, storing);
    let bytes = stored?;
    let Some(blob) = blob else {
        return Err(BuildError::SlugTooLarge { bytes, limit });
    };
    let (diff_id, tree) = returned.await.map_err(io::Error::other)?;
    let sealed = tokio::task::spawn_blocking(|| {
        tree.map(|mut tree| {
            tree.seal();
            tree
        })
    });
    let (finished, sealed) = tokio::join!(blob.finish(), sealed);
    let (sha256, bytes) = finished?;
    if let Some(tree) = sealed.map_err(io::Error::other)? {
        tree.keep(sha256);
    }
    Ok(StoredSlug { sha256, diff_id, bytes })
}

/// Gives the digest of the archive before compression, and what it was laid out in.
fn compress(taken: impl Read, tree: Option<Box<dyn SlugTree>>, out: impl Write) -> io::Result<(Sha256, Option<Box<dyn SlugTree>>)> {
    let mut archive = ArchiveWriter::new(Hashing { hasher: Hasher::new(), tree, out: ParallelGzip::new(out, level()?)? });
    rewrite(taken, &mut archive)?;
    let Hashing { hasher, tree, out } = archive.finish()?;
    out.finish()?.flush()?;
    Ok((Sha256(hasher.finalize().into()), tree))
}

fn level() -> io::Result<CompressionLvl> {
    CompressionLvl::new(LEVEL).map_err(|error| io::Error::other(format!("{error:?}")))
}

/// `build_x/…` becomes `app/…`. Sockets, pipes and devices stay behind, as does the root's `.git`; so do names that mean
/// "removed" in an image layer.
fn rewrite(taken: impl Read, out: &mut ArchiveWriter<impl Write>) -> io::Result<()> {
    let mut taken = EndWatch::new(taken);
    out.folder(b"app", 0o755, 0)?;
    for entry in Archive::new(&mut taken).entries()? {
        let entry = entry?;
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            continue;
        }
        let Some(path) = slug_path(&entry.path_bytes())? else { continue };
        let (mode, mtime) = (entry.header().mode()?, entry.header().mtime()?);
        match entry.header().entry_type() {
            EntryType::Directory => out.folder(&path, mode, mtime)?,
            EntryType::Symlink => out.symlink(&path, &entry.link_name_bytes().unwrap_or_default(), mtime)?,
            EntryType::Link => {
                let target = entry.link_name_bytes().map(|target| slug_path(&target)).transpose()?.flatten();
                let target = target.ok_or_else(|| io::Error::other("a hard link leads to what is not in the slug"))?;
                out.hard_link(&path, &target, mtime)?;
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => out.file(&path, mode, mtime, entry.size(), entry)?,
            EntryType::Char | EntryType::Block | EntryType::Fifo => {}
            other => return Err(io::Error::other(format!("an entry of the unknown kind {other:?}"))),
        }
    }
    taken.finish()
}

/// Where an entry goes: `None` for what stays behind, the build folder itself included.
fn slug_path(taken: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let parts = parts(taken).map_err(io::Error::other)?;
    let inside = parts.get(1..).unwrap_or_default();
    let stays = inside.is_empty() || inside[0] == b".git" || inside.iter().any(|part| part.starts_with(b".wh."));
    Ok((!stays).then(|| [b"app".as_slice()].into_iter().chain(inside.iter().copied()).collect::<Vec<_>>().join(&b'/')))
}

/// Hashes and lays out what goes through.
struct Hashing<W> {
    hasher: Hasher,
    tree: Option<Box<dyn SlugTree>>,
    out: W,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        if let Some(tree) = &mut self.tree {
            tree.write(&bytes[..count]);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
