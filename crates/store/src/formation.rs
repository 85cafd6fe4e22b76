//! Formations: how many dynos of which size an app wants. What has become of them is in the dynos' own table.

use std::collections::BTreeMap;

use domain::{AppId, ProcessType, formation::Scale};

use crate::{Tx, error::R, statement::Row};

fn scale(row: &Row) -> R<(ProcessType, Scale)> {
    Ok((row.parsed("process_type")?, Scale { quantity: row.count("quantity")?, size: row.parsed("size")? }))
}

impl Tx {
    /// What the app wants, by process type.
    pub async fn formation(&mut self, app: AppId) -> R<BTreeMap<ProcessType, Scale>> {
        let scales = self.sql("SELECT process_type, quantity, size FROM formations WHERE app_id = $1").id(app).all(scale).await?;
        Ok(scales.into_iter().collect())
    }

    /// Replaces what the app wants; a process type that is not named is no longer wanted.
    pub async fn set_formation(&mut self, app: AppId, formation: &BTreeMap<ProcessType, Scale>) -> R<()> {
        self.sql("DELETE FROM formations WHERE app_id = $1").id(app).execute().await?;
        for (process_type, scale) in formation {
            self.sql("INSERT INTO formations (app_id, process_type, quantity, size) VALUES ($1, $2, $3, $4)")
                .id(app)
                .text(process_type)
                .count(scale.quantity)
                .text(&scale.size)
                .execute()
                .await?;
        }
        Ok(())
    }

    /// What every app wants.
    pub(crate) async fn all_formations(&mut self) -> R<Vec<(AppId, (ProcessType, Scale))>> {
        self.sql("SELECT app_id, process_type, quantity, size FROM formations").all(|row| Ok((row.id("app_id")?, scale(row)?))).await
    }
}
