//! What apps have switched on.

use std::collections::BTreeMap;

use domain::{App, Feature};
use jiff::Timestamp;

use crate::{accounts::Actor, authority::Permission, platform::Platform, refusal::Refusal};

impl Platform {
    /// What an app has switched on, and since when.
    pub async fn features(&self, app: &App) -> Result<BTreeMap<Feature, Timestamp>, Refusal> {
        Ok(self.store.read().await?.features(app.id).await?)
    }

    /// Switches a feature on or off. Doing it twice is the same as doing it once.
    pub async fn set_feature(&self, actor: &Actor, app: &str, feature: Feature, enabled: bool) -> Result<(App, BTreeMap<Feature, Timestamp>), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let was = tx.features(app.id).await?.contains_key(&feature);
        if enabled {
            tx.enable_feature(app.id, feature, self.clock.now()).await?;
        } else {
            tx.disable_feature(app.id, feature).await?;
        }
        let features = tx.features(app.id).await?;
        tx.commit().await?;
        if was != enabled {
            let done = if enabled { "Enable" } else { "Disable" };
            self.tell_api(app.id, format!("{done} {feature} feature by user {}", actor.account.email));
        }
        self.formation.up();
        Ok((app, features))
    }
}
