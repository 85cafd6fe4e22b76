//! Slugs that are not uploaded yet, and what is remembered of those that were.

use domain::{Sha256, Slug, SlugId, SlugOrigin, SlugUpload};
use jiff::Timestamp;

use crate::{
    Tx,
    error::R,
    slugs::{process_types, types_json},
    statement::Row,
};

fn upload(row: &Row) -> R<SlugUpload> {
    Ok(SlugUpload {
        id: row.id("id")?,
        app: row.id("app_id")?,
        stack: row.parsed("stack")?,
        process_types: process_types(row)?,
        commit: row.get("commit_hash")?,
        commit_description: row.get("commit_description")?,
        language: row.get("language")?,
        checksum: digest(row, "checksum")?,
        created_at: row.time("created_at_ms")?,
    })
}

fn digest(row: &Row, column: &str) -> R<Option<Sha256>> {
    match row.get::<Option<String>>(column)? {
        Some(_) => row.parsed(column).map(Some),
        None => Ok(None),
    }
}

impl Tx {
    pub async fn insert_slug_upload(&mut self, upload: &SlugUpload) -> R<()> {
        self.sql(
            "INSERT INTO slug_uploads (id, app_id, stack, process_types, commit_hash, commit_description, language, checksum, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .id(upload.id)
        .id(upload.app)
        .text(&upload.stack)
        .bind(types_json(&upload.process_types))
        .text_or_null(upload.commit.clone())
        .text_or_null(upload.commit_description.clone())
        .text_or_null(upload.language.clone())
        .text_or_null(upload.checksum.map(|digest| digest.to_string()))
        .time(upload.created_at)
        .execute()
        .await
        .map(drop)
    }

    /// A slug that is still to be uploaded.
    pub async fn slug_upload(&mut self, id: SlugId) -> R<Option<SlugUpload>> {
        self.sql("SELECT id, app_id, stack, process_types, commit_hash, commit_description, language, checksum, created_at_ms FROM slug_uploads WHERE id = $1")
            .id(id)
            .optional(upload)
            .await
    }

    /// The slug is there: `upload` becomes `slug`, made of an archive of the digest `uploaded`.
    pub async fn finish_slug_upload(&mut self, upload: &SlugUpload, slug: &Slug, uploaded: Sha256) -> R<()> {
        self.insert_slug(slug).await?;
        self.sql("UPDATE slugs SET uploaded_sha256 = $1, commit_description = $2 WHERE id = $3")
            .text(uploaded)
            .text_or_null(upload.commit_description.clone())
            .id(slug.id)
            .execute()
            .await?;
        self.sql("DELETE FROM slug_uploads WHERE id = $1").id(upload.id).execute().await.map(drop)
    }

    /// What is remembered of a slug's upload.
    pub async fn slug_origin(&mut self, id: SlugId) -> R<SlugOrigin> {
        let origin = |row: &Row| Ok(SlugOrigin { uploaded: digest(row, "uploaded_sha256")?, commit_description: row.get("commit_description")? });
        Ok(self.sql("SELECT uploaded_sha256, commit_description FROM slugs WHERE id = $1").id(id).optional(origin).await?.unwrap_or_default())
    }

    /// Forgets the uploads asked for before this moment.
    pub async fn forget_slug_uploads(&mut self, before: Timestamp) -> R<()> {
        self.sql("DELETE FROM slug_uploads WHERE created_at_ms < $1").time(before).execute().await.map(drop)
    }
}
