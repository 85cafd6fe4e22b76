//! Slugs: built code. The row says what an archive is; the archive is a blob, found by its digest.

use std::collections::BTreeMap;

use domain::{AppId, Procfile, Sha256, Slug, SlugId};

use crate::{
    Tx,
    error::{R, StoreError},
    statement::{Row, json},
};

macro_rules! select_slug {
    ($rest:literal) => {
        concat!("SELECT id, app_id, sha256, diff_id, bytes, stack, process_types, commit_hash, language, created_at_ms FROM slugs ", $rest)
    };
}
pub(crate) use select_slug;

pub(crate) fn slug(row: &Row) -> R<Slug> {
    Ok(Slug {
        id: row.id("id")?,
        app: row.id("app_id")?,
        sha256: row.parsed("sha256")?,
        diff_id: row.parsed("diff_id")?,
        bytes: row.count("bytes")?,
        stack: row.parsed("stack")?,
        process_types: process_types(row)?,
        commit: row.get("commit_hash")?,
        language: row.get("language")?,
        created_at: row.time("created_at_ms")?,
    })
}

pub(crate) fn process_types(row: &Row) -> R<Procfile> {
    let types: R<BTreeMap<_, _>> = row
        .map("process_types")?
        .into_iter()
        .map(|(name, command)| Ok((name.parse().map_err(|why| StoreError::Corrupt(format!("column process_types: {why}")))?, command)))
        .collect();
    Ok(Procfile(types?))
}

pub(crate) fn types_json(types: &Procfile) -> String {
    let types: BTreeMap<&str, &str> = types.0.iter().map(|(name, command)| (name.as_str(), command.as_str())).collect();
    json(&types)
}

impl Tx {
    pub async fn insert_slug(&mut self, slug: &Slug) -> R<()> {
        self.sql(
            "INSERT INTO slugs (id, app_id, sha256, diff_id, bytes, stack, process_types, commit_hash, language, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .id(slug.id)
        .id(slug.app)
        .text(slug.sha256)
        .text(slug.diff_id)
        .count(slug.bytes)
        .text(&slug.stack)
        .bind(types_json(&slug.process_types))
        .text_or_null(slug.commit.clone())
        .text_or_null(slug.language.clone())
        .time(slug.created_at)
        .execute()
        .await
        .map(drop)
    }

    pub async fn slug(&mut self, id: SlugId) -> R<Option<Slug>> {
        self.sql(select_slug!("WHERE id = $1")).id(id).optional(slug).await
    }

    /// Whether any app's slug has this archive. If none, the blob can go.
    pub async fn slug_digest_used(&mut self, sha256: Sha256) -> R<bool> {
        Ok(self.sql("SELECT id FROM slugs WHERE sha256 = $1 LIMIT 1").text(sha256).optional(|_| Ok(())).await?.is_some())
    }

    /// An app's slugs, newest first.
    pub async fn slugs_of(&mut self, app: AppId) -> R<Vec<Slug>> {
        self.sql(select_slug!("WHERE app_id = $1 ORDER BY created_at_ms DESC, id DESC")).id(app).all(slug).await
    }

    /// The slugs that all apps' current releases run.
    pub(crate) async fn current_slugs(&mut self) -> R<Vec<Slug>> {
        self.sql(select_slug!("WHERE id IN (SELECT slug_id FROM releases WHERE is_current)")).all(slug).await
    }
}
