//! Config vars: every change is a release.

use std::collections::BTreeMap;

use domain::{App, ConfigVars, Release, config_vars::describe_change, release::ReleaseStatus};

use crate::{accounts::Actor, authority::Permission, happenings::Happening, platform::Platform, refusal::Refusal};

impl Platform {
    /// Sets (`Some`) and removes (`None`) config vars, makes a release of them, and restarts the dynos with it.
    /// A change that changes nothing makes no release.
    pub async fn change_config(
        &self,
        actor: &Actor,
        app: &str,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<(App, ConfigVars, Option<Release>), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let before = tx.config_vars(app.id).await?;
        let vars = before.changed(changes)?;
        if vars == before {
            return Ok((app, vars, None));
        }
        let slug = tx.current_release(app.id).await?.and_then(|release| release.slug);
        let (now, description) = (self.clock.now(), describe_change(changes));
        tx.set_config_vars(app.id, &vars).await?;
        let release = tx.insert_release(self.chance.id(now), app.id, slug, &description, actor.account.id, &vars, now, ReleaseStatus::Succeeded, true).await?;
        self.happened(&mut tx, &app, actor.account.id, &Happening::ReleaseMade(&release)).await?;
        tx.commit().await?;
        self.tell_api(app.id, format!("{description} by user {}", actor.account.email));
        self.tell_api(app.id, format!("Release {} created by user {}", release.version, actor.account.email));
        self.formation.up();
        Ok((app, vars, Some(release)))
    }
}
