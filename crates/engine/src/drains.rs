//! Log drains: who may add and remove them, and that they run again after a restart.

use domain::{App, Drain, DrainUrl, drain::MOST_DRAINS};
use store::{StoreError, Tx};
use uuid::Uuid;

use crate::{accounts::Actor, authority::Permission, platform::Platform, refusal::Refusal};

impl Platform {
    /// An app's drains, oldest first.
    pub async fn drains(&self, app: &App) -> Result<Vec<Drain>, StoreError> {
        self.store.read().await?.drains(app.id).await
    }

    /// The app's drain of this id, URL or token.
    pub async fn drain(&self, app: &App, named: &str) -> Result<Drain, Refusal> {
        find(&mut self.store.read().await?, app, named).await
    }

    /// Sends an app's lines to one more place from now on.
    pub async fn add_drain(&self, actor: &Actor, app: &str, url: &str) -> Result<(App, Drain), Refusal> {
        let url: DrainUrl = url.parse()?;
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let mut drains = tx.drains(app.id).await?;
        if drains.iter().any(|drain| drain.url.expose() == url.expose()) {
            return Err(Refusal::Invalid("Url has already been taken".to_owned()));
        }
        if drains.len() >= MOST_DRAINS {
            return Err(Refusal::Invalid(format!("You have reached the limit of {MOST_DRAINS} log drains of an app. Remove one first.")));
        }
        let now = self.clock.now();
        let token = format!("d.{}", uuid::Builder::from_random_bytes(self.chance.bytes()).into_uuid());
        let drain = Drain { id: self.chance.id(now), app: app.id, token, url, created_at: now };
        tx.insert_drain(&drain).await?;
        let before = drains.clone();
        drains.push(drain.clone());
        self.set_drains(tx, &app, before, drains).await?;
        Ok((app, drain))
    }

    /// Sends nothing more to the drain of this id, URL or token.
    pub async fn remove_drain(&self, actor: &Actor, app: &str, named: &str) -> Result<(App, Drain), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let drain = find(&mut tx, &app, named).await?;
        let before = tx.drains(app.id).await?;
        tx.delete_drain(drain.id).await?;
        let after = tx.drains(app.id).await?;
        self.set_drains(tx, &app, before, after).await?;
        Ok((app, drain))
    }

    /// Inside the transaction, so that of two changes at once the later one holds here too.
    async fn set_drains(&self, tx: Tx, app: &App, before: Vec<Drain>, after: Vec<Drain>) -> Result<(), StoreError> {
        self.logs.drain_to(app.id, after);
        let done = tx.commit().await;
        if done.is_err() {
            self.logs.drain_to(app.id, before);
        }
        done
    }

    /// Every app's drains go on: once, at start.
    pub(crate) async fn open_drains(&self) -> Result<(), StoreError> {
        let mut tx = self.store.read().await?;
        for (app, drains) in tx.all_drains().await? {
            self.logs.drain_to(app, drains);
        }
        Ok(())
    }
}

async fn find(tx: &mut Tx, app: &App, named: &str) -> Result<Drain, Refusal> {
    let is_named = |drain: &Drain| Uuid::try_parse(named).is_ok_and(|id| drain.id.uuid() == id) || drain.token == named || drain.url.expose() == named;
    tx.drains(app.id).await?.into_iter().find(is_named).ok_or(Refusal::NotFound("log drain"))
}
