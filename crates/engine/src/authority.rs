//! The one door: who may do what to which app.

use domain::{App, AppName, Email, Scope};
use store::{StoreError, Tx};

use crate::{accounts::Actor, platform::Platform, refusal::Refusal};

/// What somebody wants to do with an app (Heroku: app permissions).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    View,
    Deploy,
    Operate,
    Manage,
}

impl Platform {
    /// The app of this name or id, if this person may do this with it. One they may not see is as good as none.
    pub async fn authorize(&self, actor: &Actor, app: &str, permission: Permission) -> Result<App, Refusal> {
        self.authorize_in(&mut self.store.read().await?, actor, app, permission).await
    }

    /// The same, inside a transaction that goes on.
    pub async fn authorize_in(&self, tx: &mut Tx, actor: &Actor, app: &str, permission: Permission) -> Result<App, Refusal> {
        let by_name = match app.parse::<AppName>() {
            Ok(name) => tx.app_named(&name).await?,
            Err(_) => None,
        };
        let found = match (by_name, app.parse()) {
            (Some(app), _) => Some(app),
            (None, Ok(id)) => tx.app(id).await?,
            (None, Err(_)) => None,
        };
        let app = found.ok_or(Refusal::NotFound("app"))?;
        let role = match app.owner == actor.account.id {
            true => Role::Owner,
            false if tx.collaborates(app.id, actor.account.id).await? => Role::Collaborator,
            false => return Err(Refusal::NotFound("app")),
        };
        if !role.may(permission) {
            return Err(Refusal::NotAllowed(format!("You do not have access to do this with the app {}: only its owner may.", app.name)));
        }
        actor.must_cover(permission.scope())?;
        Ok(app)
    }

    /// Whether this person may look after the platform itself: what it keeps, how full it is.
    pub async fn authorize_admin(&self, actor: &Actor) -> Result<(), Refusal> {
        if self.is_admin(actor).await? { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    pub async fn is_admin(&self, actor: &Actor) -> Result<bool, StoreError> {
        self.store.read().await?.is_admin(actor.account.id).await
    }

    /// Makes an account an admin, or no longer one; whether there is such an account.
    pub async fn set_admin(&self, email: &Email, admin: bool) -> Result<bool, StoreError> {
        let mut tx = self.store.write().await?;
        let Some((account, _)) = tx.account_by_email(email).await? else { return Ok(false) };
        tx.set_admin(account.id, admin).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// What somebody is to an app. Who is nothing to it does not learn that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Owner,
    Collaborator,
}

impl Role {
    /// Heroku's rule for apps of one person: collaborators do everything but rename it, destroy it, give it away, and say
    /// who else works on it.
    const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::View | Permission::Deploy | Permission::Operate => true,
            Permission::Manage => matches!(self, Self::Owner),
        }
    }
}

impl Permission {
    /// The least that a token must be good for. The API asks for more, by request; git asks here only.
    const fn scope(self) -> Scope {
        match self {
            Self::Deploy => Scope::WriteProtected,
            Self::View | Self::Operate | Self::Manage => Scope::Read,
        }
    }
}

impl Actor {
    /// Refuses what the token was not made for.
    pub fn must_cover(&self, needed: Scope) -> Result<(), Refusal> {
        if self.scopes.cover(needed) {
            return Ok(());
        }
        Err(Refusal::NotAllowed(format!("This token may not do that: it needs the scope {}, and has {}.", needed.word(), self.scopes)))
    }
}
