//! Places to upload sources to.

use domain::{Sha256, SourceBlob, SourceBlobId};
use jiff::Timestamp;

use crate::{Tx, error::R, statement::Row};

fn source_blob(row: &Row) -> R<SourceBlob> {
    let sha256 = match row.get::<Option<String>>("sha256")? {
        Some(_) => Some(row.parsed("sha256")?),
        None => None,
    };
    Ok(SourceBlob { id: row.id("id")?, account: row.id("account_id")?, sha256, created_at: row.time("created_at_ms")? })
}

impl Tx {
    pub async fn insert_source_blob(&mut self, source: &SourceBlob) -> R<()> {
        self.sql("INSERT INTO source_blobs (id, account_id, created_at_ms) VALUES ($1, $2, $3)")
            .id(source.id)
            .id(source.account)
            .time(source.created_at)
            .execute()
            .await
            .map(drop)
    }

    /// Says which blob was uploaded.
    pub async fn fill_source_blob(&mut self, id: SourceBlobId, sha256: Sha256) -> R<()> {
        self.sql("UPDATE source_blobs SET sha256 = $1 WHERE id = $2").text(sha256).id(id).execute().await.map(drop)
    }

    pub async fn source_blob(&mut self, id: SourceBlobId) -> R<Option<SourceBlob>> {
        self.sql("SELECT id, account_id, sha256, created_at_ms FROM source_blobs WHERE id = $1").id(id).optional(source_blob).await
    }

    /// Forgets the places made before this moment.
    pub async fn forget_source_blobs(&mut self, before: Timestamp) -> R<()> {
        self.sql("DELETE FROM source_blobs WHERE created_at_ms < $1").time(before).execute().await.map(drop)
    }
}
