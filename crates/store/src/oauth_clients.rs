//! OAuth clients of accounts. Their secrets are sealed.

use domain::{
    AccountId, Id,
    oauth_client::{OauthClient, OauthClientId},
    webhook::Confidential,
};

use crate::{
    Tx,
    error::{R, StoreError},
    seal::Sealer,
    statement::Row,
};

/// The purpose secrets are sealed for.
pub(crate) const WHAT: &str = "OAuth client";

macro_rules! select_client {
    ($rest:literal) => {
        concat!("SELECT id, account_id, name, redirect_uri, sealed, created_at_ms, updated_at_ms FROM oauth_clients ", $rest)
    };
}

fn client(row: &Row, sealer: &Sealer) -> R<OauthClient> {
    let account: AccountId = row.id("account_id")?;
    // Seals are bound to an id: here the account's.
    let plain = sealer.open(Id::from_uuid(account.uuid()), WHAT, &row.get::<Vec<u8>>("sealed")?)?;
    let secret = String::from_utf8(plain).ok().and_then(|text| Confidential::new(&text).ok());
    Ok(OauthClient {
        id: row.id("id")?,
        account,
        name: row.get("name")?,
        redirect_uri: row.get("redirect_uri")?,
        secret: secret.ok_or_else(|| StoreError::Corrupt(format!("{WHAT} of account {account}")))?,
        created_at: row.time("created_at_ms")?,
        updated_at: row.time("updated_at_ms")?,
    })
}

impl Tx {
    fn sealed_secret(&self, it: &OauthClient) -> Vec<u8> {
        self.sealer.seal(Id::from_uuid(it.account.uuid()), WHAT, it.secret.expose().as_bytes())
    }

    pub async fn insert_oauth_client(&mut self, it: &OauthClient) -> R<()> {
        let sealed = self.sealed_secret(it);
        self.sql("INSERT INTO oauth_clients (id, account_id, name, redirect_uri, sealed, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .id(it.id)
            .id(it.account)
            .text(&it.name)
            .text(&it.redirect_uri)
            .bind(sealed)
            .time(it.created_at)
            .time(it.updated_at)
            .execute()
            .await
            .map(drop)
    }

    /// Saves what can change: name, where it leads back to, secret.
    pub async fn update_oauth_client(&mut self, it: &OauthClient) -> R<()> {
        let sealed = self.sealed_secret(it);
        self.sql("UPDATE oauth_clients SET name = $1, redirect_uri = $2, sealed = $3, updated_at_ms = $4 WHERE id = $5")
            .text(&it.name)
            .text(&it.redirect_uri)
            .bind(sealed)
            .time(it.updated_at)
            .id(it.id)
            .execute()
            .await
            .map(drop)
    }

    /// An account's clients, oldest first.
    pub async fn oauth_clients(&mut self, account: AccountId) -> R<Vec<OauthClient>> {
        let sealer = self.sealer.clone();
        self.sql(select_client!("WHERE account_id = $1 ORDER BY created_at_ms, id")).id(account).all(move |row| client(row, &sealer)).await
    }

    pub async fn delete_oauth_client(&mut self, id: OauthClientId) -> R<()> {
        self.sql("DELETE FROM oauth_clients WHERE id = $1").id(id).execute().await.map(drop)
    }
}
