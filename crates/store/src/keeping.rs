//! What the policy of keeping asks of all apps at once, and what it says in return.
//!
//! A slug is given up here first and its archive removed afterwards: a crash in between leaves an archive that nothing
//! names, and the next sweep finds it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{AppId, Sha256, Slug, SlugId, keeping::Mention, release::ReleaseStatus};
use jiff::Timestamp;

use crate::{
    Tx,
    error::R,
    slugs::{select_slug, slug},
    statement::Row,
};

fn mention(row: &Row) -> R<Mention> {
    Ok(Mention {
        slug: row.id("slug_id")?,
        version: domain::ReleaseVersion(row.count("version")?),
        newest: domain::ReleaseVersion(row.count("newest")?),
        status: row.word("status", ReleaseStatus::from_word)?,
        current: row.get("is_current")?,
        runs: row.get("runs")?,
        created_at: row.time("created_at_ms")?,
    })
}

impl Tx {
    /// Every slug whose archive is kept, of all apps.
    pub async fn kept_slugs(&mut self) -> R<Vec<Slug>> {
        self.sql(select_slug!("WHERE expired_at_ms IS NULL ORDER BY created_at_ms, id")).all(slug).await
    }

    /// Every release that names one of them.
    pub async fn mentions_of_kept_slugs(&mut self) -> R<Vec<Mention>> {
        self.sql(
            "SELECT r.slug_id, r.version, r.status, r.is_current, r.created_at_ms, \
             (SELECT MAX(version) FROM releases n WHERE n.app_id = r.app_id) AS newest, \
             (EXISTS (SELECT 1 FROM dynos d WHERE d.app_id = r.app_id AND d.release_version = r.version) \
              OR EXISTS (SELECT 1 FROM one_offs o WHERE o.app_id = r.app_id AND o.release_version = r.version)) AS runs \
             FROM releases r JOIN slugs s ON s.id = r.slug_id WHERE s.expired_at_ms IS NULL",
        )
        .all(mention)
        .await
    }

    /// Gives a slug's archive up. Releases that only it made possible are `expired` from now on.
    pub async fn expire_slug(&mut self, id: SlugId, now: Timestamp) -> R<()> {
        self.sql("UPDATE slugs SET expired_at_ms = $1 WHERE id = $2 AND expired_at_ms IS NULL").time(now).id(id).execute().await.map(drop)
    }

    /// When a slug's archive was given up, if it was.
    pub async fn slug_expired_at(&mut self, id: SlugId) -> R<Option<Timestamp>> {
        Ok(self.sql("SELECT expired_at_ms FROM slugs WHERE id = $1").id(id).optional(|row| row.time_or_null("expired_at_ms")).await?.flatten())
    }

    /// Sources that were uploaded and may still be asked for.
    pub async fn uploaded_sources(&mut self) -> R<BTreeSet<Sha256>> {
        let all = self.sql("SELECT sha256 FROM source_blobs WHERE sha256 IS NOT NULL").all(|row| row.parsed("sha256")).await?;
        Ok(all.into_iter().collect())
    }

    /// When each app was last built.
    pub async fn last_builds(&mut self) -> R<BTreeMap<AppId, Timestamp>> {
        let all = self.sql("SELECT app_id, MAX(updated_at_ms) AS at_ms FROM builds GROUP BY app_id").all(|row| Ok((row.id("app_id")?, row.time("at_ms")?)));
        Ok(all.await?.into_iter().collect())
    }
}
