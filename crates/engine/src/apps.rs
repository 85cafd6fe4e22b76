//! Creating, changing and destroying apps.

use domain::{App, AppName, ConfigVars, StackName, release::ReleaseStatus};
use store::StoreError;

use crate::{accounts::Actor, authority::Permission, happenings::Happening, platform::Platform, refusal::Refusal};

impl Platform {
    /// A new app, with v1 "Initial release" and v2 "Enable Logplex" (Heroku: so that an app always has a release, and a
    /// first deploy is v3). Without a name it gets a drawn one.
    pub async fn create_app(&self, actor: &Actor, name: Option<&str>, stack: Option<&str>) -> Result<App, Refusal> {
        let stack = self.stack(stack)?;
        let asked = name.map(str::parse::<AppName>).transpose()?;
        let now = self.clock.now();
        // A drawn name is one of 700 million; a few tries are plenty.
        for _ in 0..8 {
            let name = asked
                .clone()
                .unwrap_or_else(|| AppName::haiku(self.chance.below(usize::MAX), self.chance.below(usize::MAX), self.chance.below(100_000) as u32));
            let app =
                App { id: self.chance.id(now), name, owner: actor.account.id, stack: stack.clone(), maintenance: false, created_at: now, updated_at: now };
            let mut tx = self.store.write().await?;
            match tx.insert_app(&app).await {
                Err(StoreError::Unique { .. }) if asked.is_none() => continue,
                Err(StoreError::Unique { .. }) => return Err(Refusal::Invalid("Name is already taken".to_owned())),
                other => other?,
            }
            for description in ["Initial release", "Enable Logplex"] {
                let (id, empty) = (self.chance.id(now), ConfigVars::default());
                tx.insert_release(id, app.id, None, description, actor.account.id, &empty, now, ReleaseStatus::Succeeded, true).await?;
            }
            tx.commit().await?;
            self.formation.up();
            self.tell_api(app.id, format!("Release v1 created by user {}", actor.account.email));
            self.tell_api(app.id, format!("Enable Logplex by user {}", actor.account.email));
            self.tell_api(app.id, format!("Release v2 created by user {}", actor.account.email));
            return Ok(app);
        }
        Err(Refusal::Conflict("No free name was found. Give the app a name.".to_owned()))
    }

    /// Changes what is given; the rest stays.
    pub async fn update_app(&self, actor: &Actor, app: &str, name: Option<&str>, maintenance: Option<bool>, stack: Option<&str>) -> Result<App, Refusal> {
        let stack = stack.map(|stack| self.stack(Some(stack))).transpose()?;
        let mut tx = self.store.write().await?;
        let permission = if name.is_some() { Permission::Manage } else { Permission::Operate };
        let mut app = self.authorize_in(&mut tx, actor, app, permission).await?;
        let as_it_was = app.clone();
        app.name = name.map(str::parse).transpose()?.unwrap_or(app.name);
        let stack_before = app.stack.clone();
        app.stack = stack.unwrap_or(app.stack);
        let before = app.maintenance;
        app.maintenance = maintenance.unwrap_or(before);
        app.updated_at = self.clock.now();
        match tx.update_app(&app).await {
            Err(StoreError::Unique { .. }) => return Err(Refusal::Invalid("Name is already taken".to_owned())),
            other => other?,
        }
        if as_it_was != (App { updated_at: as_it_was.updated_at, ..app.clone() }) {
            self.happened(&mut tx, &app, actor.account.id, &Happening::AppChanged { before: &as_it_was }).await?;
        }
        tx.commit().await?;
        self.formation.up();
        if stack_before != app.stack {
            self.forget_cache(app.id, &stack_before).await;
        }
        if before != app.maintenance {
            self.tell_api(app.id, format!("Maintenance mode {} by user {}", if app.maintenance { "on" } else { "off" }, actor.account.email));
        }
        Ok(app)
    }

    /// Removes the app and everything of it. Its dynos are stopped by the next round.
    pub async fn destroy_app(&self, actor: &Actor, app: &str) -> Result<App, Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Manage).await?;
        tx.delete_app(app.id).await?;
        tx.commit().await?;
        self.cancel_builds_of(app.id, actor.account.email.as_str());
        self.logs.forget(app.id);
        self.formation.up();
        self.leftovers.up();
        Ok(app)
    }

    pub(crate) fn stack(&self, asked: Option<&str>) -> Result<StackName, Refusal> {
        let Some(asked) = asked else { return Ok(self.settings.default_stack.clone()) };
        // Clients made for Heroku still ask for its first stack by name.
        if asked == "cedar" {
            return Ok(self.settings.default_stack.clone());
        }
        let there = || self.settings.stacks.iter().map(StackName::as_str).collect::<Vec<_>>().join(", ");
        self.settings
            .stacks
            .iter()
            .find(|stack| stack.as_str() == asked)
            .cloned()
            .ok_or_else(|| Refusal::Invalid(format!("Invalid stack. Stacks here are: {}", there())))
    }
}
