//! Config vars: every change is a release.

use std::{collections::BTreeMap, sync::Arc};

use domain::{App, ConfigVars, Release, config_vars::describe_change};

use crate::{accounts::Actor, authority::Permission, platform::Platform, refusal::Refusal};

impl Platform {
    /// Sets (`Some`) and removes (`None`) config vars, makes a release of them, and restarts the dynos with it.
    /// A change that changes nothing makes no release.
    pub async fn change_config(
        self: &Arc<Self>,
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
        let slug = self.newest_slug(&mut tx, app.id).await?;
        tx.set_config_vars(app.id, &vars).await?;
        let release = self.draft_release(&mut tx, &app, slug.as_ref(), &describe_change(changes), actor.account.id, &vars).await?;
        tx.commit().await?;
        self.launch(actor, &app, &release, slug);
        Ok((app, vars, Some(release)))
    }
}
