//! Builds: every run of the buildpacks, with what the person saw of it, so that it can be read again. A build that is
//! still pending after a restart has lost its container and is to be failed.

use domain::{AppId, Build, BuildFailure, BuildId, BuildStatus, BuildpackRef, FailureKind};

use crate::{
    Tx,
    error::{R, StoreError},
    statement::Row,
};

macro_rules! select_build {
    ($rest:literal) => {
        concat!(
            "SELECT id, app_id, user_id, status, source_version, stack, buildpacks, slug_id, output, failure, failure_message, created_at_ms, updated_at_ms FROM builds ",
            $rest
        )
    };
}

fn build(row: &Row) -> R<Build> {
    Ok(Build {
        id: row.id("id")?,
        app: row.id("app_id")?,
        user: row.id("user_id")?,
        status: row.word("status", BuildStatus::from_word)?,
        source_version: row.get("source_version")?,
        stack: row.parsed("stack")?,
        buildpacks: row.get::<Option<String>>("buildpacks")?.map(|json| buildpacks(&json)).transpose()?,
        slug: row.id_or_null("slug_id")?,
        failure: failure(row)?,
        output: row.get("output")?,
        created_at: row.time("created_at_ms")?,
        updated_at: row.time("updated_at_ms")?,
    })
}

fn failure(row: &Row) -> R<Option<BuildFailure>> {
    let Some(message) = row.get::<Option<String>>("failure_message")? else { return Ok(None) };
    Ok(Some(BuildFailure { kind: row.word("failure", FailureKind::from_word)?, message }))
}

fn buildpacks(json: &str) -> R<Vec<BuildpackRef>> {
    let corrupt = || StoreError::Corrupt("column buildpacks: no list of buildpacks".to_owned());
    let names: Vec<String> = serde_json::from_str(json).map_err(|_| corrupt())?;
    names.iter().map(|name| name.parse().map_err(|_| corrupt())).collect()
}

/// Shown forms: never with credentials.
fn shown(buildpacks: Option<&[BuildpackRef]>) -> Option<String> {
    buildpacks.map(|list| serde_json::Value::from_iter(list.iter().map(ToString::to_string)).to_string())
}

impl Tx {
    pub async fn insert_build(&mut self, build: &Build) -> R<()> {
        self.sql(
            "INSERT INTO builds (id, app_id, user_id, status, source_version, stack, buildpacks, slug_id, output, created_at_ms, updated_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .id(build.id)
        .id(build.app)
        .id(build.user)
        .text(build.status.word())
        .text_or_null(build.source_version.clone())
        .text(&build.stack)
        .bind(shown(build.buildpacks.as_deref()))
        .id_or_null(build.slug)
        .text(&build.output)
        .time(build.created_at)
        .time(build.updated_at)
        .execute()
        .await
        .map(drop)
    }

    /// Saves what can change of a build: status, slug, buildpacks, output, failure and when that was.
    pub async fn update_build(&mut self, build: &Build) -> R<()> {
        self.sql(
            "UPDATE builds SET status = $1, slug_id = $2, buildpacks = $3, output = $4, failure = $5, failure_message = $6, updated_at_ms = $7 \
             WHERE id = $8",
        )
        .text(build.status.word())
        .id_or_null(build.slug)
        .bind(shown(build.buildpacks.as_deref()))
        .text(&build.output)
        .bind(build.failure.as_ref().map(|failure| failure.kind.word().to_owned()))
        .text_or_null(build.failure.as_ref().map(|failure| failure.message.clone()))
        .time(build.updated_at)
        .id(build.id)
        .execute()
        .await
        .map(drop)
    }

    pub async fn build(&mut self, id: BuildId) -> R<Option<Build>> {
        self.sql(select_build!("WHERE id = $1")).id(id).optional(build).await
    }

    /// An app's builds, newest first.
    pub async fn builds(&mut self, app: AppId) -> R<Vec<Build>> {
        self.sql(select_build!("WHERE app_id = $1 ORDER BY created_at_ms DESC, id DESC")).id(app).all(build).await
    }

    /// Whether this source of the app was built before this build.
    pub async fn was_built_before(&mut self, build: &Build) -> R<bool> {
        let Some(version) = &build.source_version else { return Ok(false) };
        let found = self.sql("SELECT id FROM builds WHERE app_id = $1 AND source_version = $2 AND id <> $3 LIMIT 1").id(build.app).text(version).id(build.id);
        Ok(found.optional(|_| Ok(())).await?.is_some())
    }

    /// All apps' builds that have not ended, oldest first.
    pub async fn unfinished_builds(&mut self) -> R<Vec<Build>> {
        self.sql(select_build!("WHERE status = 'pending' ORDER BY created_at_ms, id")).all(build).await
    }
}
