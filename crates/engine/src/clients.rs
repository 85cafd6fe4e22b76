//! OAuth clients, each its account's own.

use domain::{
    oauth_client::{InvalidOauthClient, MOST_CLIENTS, OauthClient, OauthClientId, client_name, redirect_uri},
    webhook::{Confidential, InvalidWebhook},
};
use store::{StoreError, Tx};

use crate::{accounts::Actor, platform::Platform, refusal::Refusal};

impl Platform {
    /// The clients that this person has registered, oldest first.
    pub async fn oauth_clients(&self, actor: &Actor) -> Result<Vec<OauthClient>, StoreError> {
        self.store.read().await?.oauth_clients(actor.account.id).await
    }

    pub async fn oauth_client(&self, actor: &Actor, id: &str) -> Result<OauthClient, Refusal> {
        find(&mut self.store.read().await?, actor, id).await
    }

    pub async fn add_oauth_client(&self, actor: &Actor, name: &str, back_to: &str) -> Result<OauthClient, Refusal> {
        let (name, redirect_uri) = (client_name(name)?, redirect_uri(back_to)?);
        let mut tx = self.store.write().await?;
        if tx.oauth_clients(actor.account.id).await?.len() >= MOST_CLIENTS {
            return Err(Refusal::Invalid(format!("There are too many OAuth clients (maximum is {MOST_CLIENTS}). Remove one first.")));
        }
        let now = self.clock.now();
        let secret = self.client_secret()?;
        let client = OauthClient { id: self.chance.id(now), account: actor.account.id, name, redirect_uri, secret, created_at: now, updated_at: now };
        tx.insert_oauth_client(&client).await?;
        tx.commit().await?;
        Ok(client)
    }

    /// Changes what is given.
    pub async fn change_oauth_client(&self, actor: &Actor, id: &str, name: Option<&str>, back_to: Option<&str>) -> Result<OauthClient, Refusal> {
        let mut tx = self.store.write().await?;
        let client = find(&mut tx, actor, id).await?;
        let name = name.map(client_name).transpose()?.unwrap_or(client.name);
        let redirect_uri = back_to.map(redirect_uri).transpose()?.unwrap_or(client.redirect_uri);
        let client = OauthClient { name, redirect_uri, updated_at: self.clock.now(), ..client };
        tx.update_oauth_client(&client).await?;
        tx.commit().await?;
        Ok(client)
    }

    /// Another secret; the old one is good for nothing from then on.
    pub async fn rotate_oauth_client(&self, actor: &Actor, id: &str) -> Result<OauthClient, Refusal> {
        let mut tx = self.store.write().await?;
        let client = find(&mut tx, actor, id).await?;
        let client = OauthClient { secret: self.client_secret()?, updated_at: self.clock.now(), ..client };
        tx.update_oauth_client(&client).await?;
        tx.commit().await?;
        Ok(client)
    }

    pub async fn remove_oauth_client(&self, actor: &Actor, id: &str) -> Result<OauthClient, Refusal> {
        let mut tx = self.store.write().await?;
        let client = find(&mut tx, actor, id).await?;
        tx.delete_oauth_client(client.id).await?;
        tx.commit().await?;
        Ok(client)
    }

    fn client_secret(&self) -> Result<Confidential, InvalidWebhook> {
        Confidential::new(&self.chance.secret())
    }
}

async fn find(tx: &mut Tx, actor: &Actor, id: &str) -> Result<OauthClient, Refusal> {
    let id: OauthClientId = id.parse().map_err(|_| Refusal::NotFound("OAuth client"))?;
    let mine = tx.oauth_clients(actor.account.id).await?;
    mine.into_iter().find(|client| client.id == id).ok_or(Refusal::NotFound("OAuth client"))
}

impl From<InvalidOauthClient> for Refusal {
    fn from(error: InvalidOauthClient) -> Self {
        Self::Invalid(error.to_string())
    }
}
