//! Config vars: what an app is told through its environment, sealed as one value.
//!
//! The names are sealed with the values: they tell much about an app, and nobody searches by them.

use std::collections::BTreeMap;

use domain::{AppId, ConfigValue, ConfigVars};

use crate::{
    Tx,
    error::{R, StoreError},
    seal::Sealer,
    statement::json,
};

/// The purpose they are sealed for; a release's copy has its own.
pub(crate) const WHAT: &str = "config vars";

impl Tx {
    /// The app's config vars, as its next release gets them; none if none were ever set.
    pub async fn config_vars(&mut self, app: AppId) -> R<ConfigVars> {
        let sealed = self.sql("SELECT sealed FROM config_vars WHERE app_id = $1").id(app).optional(|row| row.get::<Vec<u8>>("sealed")).await?;
        sealed.map_or_else(|| Ok(ConfigVars::default()), |sealed| open(&self.sealer, app, WHAT, &sealed))
    }

    /// Replaces the app's config vars.
    pub async fn set_config_vars(&mut self, app: AppId, vars: &ConfigVars) -> R<()> {
        let sealed = seal(&self.sealer, app, WHAT, vars);
        self.sql("INSERT INTO config_vars (app_id, sealed) VALUES ($1, $2) ON CONFLICT (app_id) DO UPDATE SET sealed = excluded.sealed")
            .id(app)
            .bind(sealed)
            .execute()
            .await
            .map(drop)
    }
}

/// All vars as one sealed JSON object.
pub(crate) fn seal(sealer: &Sealer, app: AppId, what: &str, vars: &ConfigVars) -> Vec<u8> {
    let texts: BTreeMap<&str, &str> = vars.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
    sealer.seal(app, what, json(&texts).as_bytes())
}

/// Reads [`seal`] back. No reason given may quote what was inside.
pub(crate) fn open(sealer: &Sealer, app: AppId, what: &str, sealed: &[u8]) -> R<ConfigVars> {
    let corrupt = |why: &str| StoreError::Corrupt(format!("{what} of app {app}: {why}"));
    let plain = sealer.open(app, what, sealed)?;
    let texts: BTreeMap<String, String> = serde_json::from_slice(&plain).map_err(|_| corrupt("no map of texts"))?;
    let vars: R<Vec<_>> =
        texts.into_iter().map(|(key, value)| Ok((key.parse().map_err(|_| corrupt("a name that cannot be set"))?, ConfigValue::stored(value)))).collect();
    Ok(ConfigVars::stored(vars?))
}
