//! What apps have switched on.

use std::collections::BTreeMap;

use domain::{AppId, feature::Feature};
use jiff::Timestamp;

use crate::{Tx, error::R};

impl Tx {
    /// What an app has switched on, and since when.
    pub async fn features(&mut self, app: AppId) -> R<BTreeMap<Feature, Timestamp>> {
        let rows = self
            .sql("SELECT feature, enabled_at_ms FROM app_features WHERE app_id = $1")
            .id(app)
            .all(|row| Ok((row.parsed("feature")?, row.time("enabled_at_ms")?)));
        Ok(rows.await?.into_iter().collect())
    }

    /// Switches it on; one that is on stays as it is.
    pub async fn enable_feature(&mut self, app: AppId, feature: Feature, now: Timestamp) -> R<()> {
        self.sql("INSERT INTO app_features (app_id, feature, enabled_at_ms) VALUES ($1, $2, $3) ON CONFLICT (app_id, feature) DO NOTHING")
            .id(app)
            .text(feature)
            .time(now)
            .execute()
            .await
            .map(drop)
    }

    /// Switches it off.
    pub async fn disable_feature(&mut self, app: AppId, feature: Feature) -> R<()> {
        self.sql("DELETE FROM app_features WHERE app_id = $1 AND feature = $2").id(app).text(feature).execute().await.map(drop)
    }

    /// What every app has switched on.
    pub(crate) async fn all_features(&mut self) -> R<Vec<(AppId, Feature)>> {
        self.sql("SELECT app_id, feature FROM app_features").all(|row| Ok((row.id("app_id")?, row.parsed("feature")?))).await
    }
}
