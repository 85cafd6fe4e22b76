//! Log drains. The URL is sealed: it may carry a password, or a token in its path.

use domain::{AppId, Drain, DrainId};

use crate::{
    Tx,
    error::{R, StoreError},
};

/// The purpose URLs are sealed for.
pub(crate) const WHAT: &str = "log drain";

impl Tx {
    pub async fn insert_drain(&mut self, drain: &Drain) -> R<()> {
        let sealed = self.sealer.seal(drain.app, WHAT, drain.url.expose().as_bytes());
        self.sql("INSERT INTO log_drains (id, app_id, token, sealed_url, created_at_ms) VALUES ($1, $2, $3, $4, $5)")
            .id(drain.id)
            .id(drain.app)
            .text(&drain.token)
            .bind(sealed)
            .time(drain.created_at)
            .execute()
            .await
            .map(drop)
    }

    /// An app's drains, oldest first.
    pub async fn drains(&mut self, app: AppId) -> R<Vec<Drain>> {
        let rows = self
            .sql("SELECT id, token, sealed_url, created_at_ms FROM log_drains WHERE app_id = $1 ORDER BY created_at_ms, id")
            .id(app)
            .all(|row| Ok((row.id("id")?, row.get("token")?, row.get::<Vec<u8>>("sealed_url")?, row.time("created_at_ms")?)))
            .await?;
        let corrupt = || StoreError::Corrupt(format!("{WHAT} of app {app}: no URL of a drain"));
        let opened = rows.into_iter().map(|(id, token, sealed, created_at)| {
            let url = String::from_utf8(self.sealer.open(app, WHAT, &sealed)?).map_err(|_| corrupt())?;
            Ok(Drain { id, app, token, url: url.parse().map_err(|_| corrupt())?, created_at })
        });
        opened.collect()
    }

    pub async fn delete_drain(&mut self, id: DrainId) -> R<()> {
        self.sql("DELETE FROM log_drains WHERE id = $1").id(id).execute().await.map(drop)
    }
}
