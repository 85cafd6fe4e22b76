//! The keys people push with over SSH, and whether what somebody came in with still holds.

use domain::{KeyFingerprint, PublicKey, Scopes, SshKey};
use store::StoreError;

use crate::{
    accounts::{Actor, Credential},
    platform::Platform,
    refusal::Refusal,
};

/// Most keys of one account.
const MOST: usize = 100;

impl Platform {
    /// Lets this person push with a key from now on.
    pub async fn add_key(&self, actor: &Actor, text: &str) -> Result<SshKey, Refusal> {
        let key: PublicKey = text.parse()?;
        let now = self.clock.now();
        let key = SshKey { id: self.chance.id(now), account: actor.account.id, key, created_at: now };
        let mut tx = self.store.write().await?;
        if tx.ssh_keys(actor.account.id).await?.len() >= MOST {
            return Err(Refusal::Invalid(format!("There are too many keys (maximum is {MOST}). Remove one first.")));
        }
        match tx.insert_ssh_key(&key).await {
            Err(StoreError::Unique { .. }) => return Err(Refusal::Invalid("Fingerprint has already been taken".to_owned())),
            other => other?,
        }
        tx.commit().await?;
        Ok(key)
    }

    /// This person's keys, oldest first.
    pub async fn keys(&self, actor: &Actor) -> Result<Vec<SshKey>, StoreError> {
        self.store.read().await?.ssh_keys(actor.account.id).await
    }

    /// The key of this person's with this id or fingerprint.
    pub async fn key(&self, actor: &Actor, named: &str) -> Result<SshKey, Refusal> {
        let found = self.keys(actor).await?.into_iter().find(|key| is_named(key, named));
        found.ok_or(Refusal::NotFound("key"))
    }

    /// Ends a key of this person's at once.
    pub async fn remove_key(&self, actor: &Actor, named: &str) -> Result<SshKey, Refusal> {
        let mut tx = self.store.write().await?;
        let found = tx.ssh_keys(actor.account.id).await?.into_iter().find(|key| is_named(key, named));
        let key = found.ok_or(Refusal::NotFound("key"))?;
        tx.delete_ssh_key(key.id).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Whose key this is. That they hold the private one is for the caller to have seen.
    pub async fn actor_of_key(&self, fingerprint: &KeyFingerprint) -> Result<Option<Actor>, StoreError> {
        let known = self.store.read().await?.ssh_key_by_fingerprint(fingerprint).await?;
        Ok(known.map(|(key, account)| Actor { account, credential: Credential::Key(key.id), scopes: Scopes::global() }))
    }

    /// Whether what somebody came in with is still good: a push takes long enough for a token or key to be revoked.
    pub async fn still_holds(&self, actor: &Actor) -> Result<bool, StoreError> {
        let mut tx = self.store.read().await?;
        let account = actor.account.id;
        Ok(match actor.credential {
            Credential::Token(id) => {
                let now = self.clock.now();
                tx.authorizations(account).await?.iter().any(|authorization| authorization.id == id && authorization.holds_at(now))
            }
            Credential::Key(id) => tx.ssh_keys(account).await?.iter().any(|key| key.id == id),
        })
    }
}

fn is_named(key: &SshKey, named: &str) -> bool {
    named.parse().is_ok_and(|id| key.id == id) || key.key.fingerprint().as_str() == named
}
