//! Releases: what ran when, a slug and the config vars of that moment, so that any of it can run again.
//!
//! Numbered per app from 1 without gaps; at most one is current, and the table itself sees to both. Each keeps its own
//! sealed copy of the config vars.

use std::collections::HashSet;

use domain::{AccountId, AppId, ConfigVars, Release, ReleaseId, ReleaseVersion, SlugId, release::ReleaseStatus};
use jiff::Timestamp;

use crate::{
    Tx, config_vars,
    error::{R, StoreError},
    statement::Row,
};

macro_rules! select_release {
    ($rest:literal) => {
        concat!(
            "SELECT id, app_id, version, slug_id, description, user_id, is_current, created_at_ms, \
             CASE WHEN status = 'succeeded' AND EXISTS (SELECT 1 FROM slugs WHERE slugs.id = releases.slug_id AND expired_at_ms IS NOT NULL) \
             THEN 'expired' ELSE status END AS status FROM releases ",
            $rest
        )
    };
}

fn release(row: &Row) -> R<Release> {
    Ok(Release {
        id: row.id("id")?,
        app: row.id("app_id")?,
        version: ReleaseVersion(row.count("version")?),
        slug: row.id_or_null("slug_id")?,
        description: row.get("description")?,
        user: row.id("user_id")?,
        status: row.word("status", ReleaseStatus::from_word)?,
        current: row.get("is_current")?,
        created_at: row.time("created_at_ms")?,
    })
}

/// The purpose a release's config vars are sealed for: no release's copy opens as another's.
pub(crate) fn what(id: ReleaseId) -> String {
    format!("config vars of release {id}")
}

impl Tx {
    /// Adds the app's next release. If it is to be current, the one before it no longer is.
    #[expect(clippy::too_many_arguments, reason = "a release's parts; its version is drawn here")]
    pub async fn insert_release(
        &mut self,
        id: ReleaseId,
        app: AppId,
        slug: Option<SlugId>,
        description: &str,
        user: AccountId,
        config: &ConfigVars,
        now: Timestamp,
        status: ReleaseStatus,
        current: bool,
    ) -> R<Release> {
        if current {
            self.sql("UPDATE releases SET is_current = FALSE WHERE app_id = $1 AND is_current").id(app).execute().await?;
        }
        let sealed = config_vars::seal(&self.sealer, app, &what(id), config);
        let version = self.next_version(app).await?;
        self.sql(
            "INSERT INTO releases (id, app_id, version, slug_id, description, user_id, status, is_current, sealed, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .id(id)
        .id(app)
        .count(version.0)
        .id_or_null(slug)
        .text(description)
        .id(user)
        .text(status.word())
        .bind(current)
        .bind(sealed)
        .time(now)
        .execute()
        .await?;
        self.release(id).await?.ok_or_else(|| StoreError::Corrupt(format!("release {id} was added and is not there")))
    }

    /// Makes it the app's current release, and a success.
    pub async fn promote_release(&mut self, id: ReleaseId) -> R<()> {
        // In this order: two current releases, even for a moment, are refused.
        self.sql("UPDATE releases SET is_current = FALSE WHERE is_current AND id <> $1 AND app_id = (SELECT app_id FROM releases WHERE id = $1)")
            .id(id)
            .execute()
            .await?;
        self.sql("UPDATE releases SET is_current = TRUE, status = 'succeeded' WHERE id = $1").id(id).execute().await.map(drop)
    }

    pub async fn set_release_status(&mut self, id: ReleaseId, status: ReleaseStatus) -> R<()> {
        self.sql("UPDATE releases SET status = $1 WHERE id = $2").text(status.word()).id(id).execute().await.map(drop)
    }

    /// What its command has said: to be given, empty, before it runs.
    pub async fn set_release_output(&mut self, id: ReleaseId, output: &str) -> R<()> {
        self.sql("UPDATE releases SET output = $1 WHERE id = $2").text(output).id(id).execute().await.map(drop)
    }

    /// `None`: there is no such release, or it has no command.
    pub async fn release_output(&mut self, id: ReleaseId) -> R<Option<String>> {
        let output = self.sql("SELECT output FROM releases WHERE id = $1").id(id).optional(|row| row.get::<Option<String>>("output")).await?;
        Ok(output.flatten())
    }

    /// The app's releases that have a command.
    pub async fn releases_with_output(&mut self, app: AppId) -> R<HashSet<ReleaseId>> {
        let found = self.sql("SELECT id FROM releases WHERE app_id = $1 AND output IS NOT NULL").id(app).all(|row| row.id("id")).await?;
        Ok(found.into_iter().collect())
    }

    pub async fn release(&mut self, id: ReleaseId) -> R<Option<Release>> {
        self.sql(select_release!("WHERE id = $1")).id(id).optional(release).await
    }

    pub async fn release_version(&mut self, app: AppId, version: ReleaseVersion) -> R<Option<Release>> {
        self.sql(select_release!("WHERE app_id = $1 AND version = $2")).id(app).count(version.0).optional(release).await
    }

    /// An app's releases, newest first.
    pub async fn releases(&mut self, app: AppId) -> R<Vec<Release>> {
        self.sql(select_release!("WHERE app_id = $1 ORDER BY version DESC")).id(app).all(release).await
    }

    /// The newest that has not failed: current, or about to be if its command succeeds.
    pub async fn newest_release(&mut self, app: AppId) -> R<Option<Release>> {
        self.sql(select_release!("WHERE app_id = $1 AND status <> 'failed' ORDER BY version DESC LIMIT 1")).id(app).optional(release).await
    }

    /// What the app's dynos run; nothing before the first release is promoted.
    pub async fn current_release(&mut self, app: AppId) -> R<Option<Release>> {
        self.sql(select_release!("WHERE app_id = $1 AND is_current")).id(app).optional(release).await
    }

    /// The config vars as they were when it was made; none if there is no such release.
    pub async fn release_config_vars(&mut self, id: ReleaseId) -> R<ConfigVars> {
        let found =
            self.sql("SELECT app_id, sealed FROM releases WHERE id = $1").id(id).optional(|row| Ok((row.id("app_id")?, row.get::<Vec<u8>>("sealed")?))).await?;
        found.map_or_else(|| Ok(ConfigVars::default()), |(app, sealed)| config_vars::open(&self.sealer, app, &what(id), &sealed))
    }

    /// All apps' current releases.
    pub(crate) async fn current_releases(&mut self) -> R<Vec<Release>> {
        self.sql(select_release!("WHERE is_current")).all(release).await
    }

    async fn next_version(&mut self, app: AppId) -> R<ReleaseVersion> {
        let next = self.sql("SELECT COALESCE(MAX(version), 0) + 1 AS next FROM releases WHERE app_id = $1").id(app).optional(|row| row.count("next")).await?;
        Ok(ReleaseVersion(next.unwrap_or(1)))
    }
}
