//! Buildpack installations: what an app is built with, in order. Sealed, since a URL may carry credentials.

use domain::{AppId, BuildpackRef};

use crate::{
    Tx,
    error::{R, StoreError},
};

/// The purpose they are sealed for.
pub(crate) const WHAT: &str = "a buildpack";

impl Tx {
    /// The app's buildpacks in order; none means that one is detected.
    pub async fn buildpacks(&mut self, app: AppId) -> R<Vec<BuildpackRef>> {
        let rows = self.sql("SELECT sealed FROM buildpack_installations WHERE app_id = $1 ORDER BY ordinal").id(app);
        let sealed = rows.all(|row| row.get::<Vec<u8>>("sealed")).await?;
        sealed.iter().map(|sealed| self.open_buildpack(app, sealed)).collect()
    }

    /// Replaces the app's buildpacks.
    pub async fn set_buildpacks(&mut self, app: AppId, buildpacks: &[BuildpackRef]) -> R<()> {
        self.sql("DELETE FROM buildpack_installations WHERE app_id = $1").id(app).execute().await?;
        for (ordinal, buildpack) in buildpacks.iter().enumerate() {
            let sealed = self.sealer.seal(app, WHAT, buildpack.expose().as_bytes());
            self.sql("INSERT INTO buildpack_installations (app_id, ordinal, sealed) VALUES ($1, $2, $3)").id(app).count(ordinal).bind(sealed).execute().await?;
        }
        Ok(())
    }

    /// No reason given may quote what was inside.
    fn open_buildpack(&self, app: AppId, sealed: &[u8]) -> R<BuildpackRef> {
        let corrupt = || StoreError::Corrupt(format!("{WHAT} of app {app}: none that can be named"));
        String::from_utf8(self.sealer.open(app, WHAT, sealed)?).ok().and_then(|text| text.parse().ok()).ok_or_else(corrupt)
    }
}
