//! Log drains. The URL is sealed: it may carry a password, or a token in its path.

use std::collections::BTreeMap;

use domain::{AppId, Drain, DrainId};
use jiff::Timestamp;

use crate::{
    Tx,
    error::{R, StoreError},
    statement::Row,
};

/// The purpose URLs are sealed for.
pub(crate) const WHAT: &str = "log drain";

impl Tx {
    pub async fn insert_drain(&mut self, drain: &Drain) -> R<()> {
        let url = self.sealer.seal(drain.app, WHAT, drain.url.expose().as_bytes());
        self.sql("INSERT INTO log_drains (id, app_id, token, sealed_url, created_at_ms) VALUES ($1, $2, $3, $4, $5)")
            .id(drain.id)
            .id(drain.app)
            .text(&drain.token)
            .bind(url)
            .time(drain.created_at)
            .execute()
            .await
            .map(drop)
    }

    /// An app's drains, oldest first.
    pub async fn drains(&mut self, app: AppId) -> R<Vec<Drain>> {
        let rows =
            self.sql("SELECT id, token, sealed_url, created_at_ms FROM log_drains WHERE app_id = $1 ORDER BY created_at_ms, id").id(app).all(sealed).await?;
        rows.into_iter().map(|row| self.open_drain(app, row)).collect()
    }

    /// Every app's drains, those of an app oldest first.
    pub async fn all_drains(&mut self) -> R<BTreeMap<AppId, Vec<Drain>>> {
        let rows = self
            .sql("SELECT id, app_id, token, sealed_url, created_at_ms FROM log_drains ORDER BY created_at_ms, id")
            .all(|row| Ok((row.id("app_id")?, sealed(row)?)))
            .await?;
        let mut drains: BTreeMap<AppId, Vec<Drain>> = BTreeMap::new();
        for (app, row) in rows {
            drains.entry(app).or_default().push(self.open_drain(app, row)?);
        }
        Ok(drains)
    }

    pub async fn delete_drain(&mut self, id: DrainId) -> R<()> {
        self.sql("DELETE FROM log_drains WHERE id = $1").id(id).execute().await.map(drop)
    }

    fn open_drain(&self, app: AppId, Sealed { id, token, url, created_at }: Sealed) -> R<Drain> {
        let corrupt = || StoreError::Corrupt(format!("{WHAT} of app {app}: no URL of a drain"));
        let url = String::from_utf8(self.sealer.open(app, WHAT, &url)?).map_err(|_| corrupt())?;
        Ok(Drain { id, app, token, url: url.parse().map_err(|_| corrupt())?, created_at })
    }
}

/// A row as it is.
struct Sealed {
    id: DrainId,
    token: String,
    url: Vec<u8>,
    created_at: Timestamp,
}

fn sealed(row: &Row) -> R<Sealed> {
    Ok(Sealed { id: row.id("id")?, token: row.get("token")?, url: row.get("sealed_url")?, created_at: row.time("created_at_ms")? })
}
