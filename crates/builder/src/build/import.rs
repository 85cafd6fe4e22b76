//! Slugs that were made elsewhere: looked through as a source is, and stored as one of ours.

use std::io::Write;

use ports::{ByteStream, pipe::pipe};

use super::Builder;
use crate::{
    archive::ArchiveWriter,
    error::BuildError,
    job::Imported,
    slug_archive::{self, StoredSlug},
    source::{BOUNDS, Layout, Source},
};

impl Builder {
    /// Takes a slug: a gzipped tar of which everything lies under `app/`. What is stored is not what came but the same files
    /// written anew, owned by the dynos' user; what is refused leaves nothing.
    pub async fn import(&self, archive: ByteStream) -> Result<Imported, BuildError> {
        match self.take_in(archive).await {
            Ok(StoredSlug { sha256, diff_id, bytes }) => Ok(Imported { sha256, diff_id, bytes }),
            Err(BuildError::Platform(error)) => Err(self.blame(error).await),
            Err(error) => Err(error),
        }
    }

    async fn take_in(&self, archive: ByteStream) -> Result<StoredSlug, BuildError> {
        self.check_room().await?;
        let files = Source::receive(archive, Layout::Slug, BOUNDS).await?;
        let (packed, _) = pipe(move |out| {
            let mut out = ArchiveWriter::new(out);
            files.write_under(b"app", &mut out)?;
            out.finish()?.flush()
        });
        slug_archive::store(packed, self.sandboxes.slug_tree().await, self.blobs.as_ref(), self.limits.slug_bytes).await
    }
}
