//! Accounts and authorizations: who may log in, and which tokens are good.
//!
//! Stored, because a login must outlive a restart. Of a password there is the hash that the caller made, of a token its
//! SHA-256 (tokens are long and drawn, so a fast hash suffices): reading these tables lets nobody in.

use domain::{Account, AccountId, Authorization, AuthorizationId, Email};

use crate::{Tx, error::R, statement::Row};

macro_rules! select_account {
    ($rest:literal) => {
        concat!("SELECT id, email, created_at_ms FROM accounts ", $rest)
    };
}

macro_rules! select_authorization {
    ($rest:literal) => {
        concat!("SELECT id, account_id, description, scope, created_at_ms, expires_at_ms FROM authorizations ", $rest)
    };
}

fn account(row: &Row) -> R<Account> {
    Ok(Account { id: row.id("id")?, email: row.parsed("email")?, created_at: row.time("created_at_ms")? })
}

fn authorization(row: &Row) -> R<Authorization> {
    Ok(Authorization {
        id: row.id("id")?,
        account: row.id("account_id")?,
        description: row.get("description")?,
        scopes: row.parsed("scope")?,
        created_at: row.time("created_at_ms")?,
        expires_at: row.time_or_null("expires_at_ms")?,
    })
}

impl Tx {
    /// Adds an account; its e-mail address may be taken (`accounts.email`). Without a hash it cannot log in by password. The
    /// first one is an admin.
    pub async fn insert_account(&mut self, account: &Account, password_hash: Option<&str>) -> R<()> {
        self.sql("INSERT INTO accounts (id, email, password_hash, created_at_ms, is_admin) VALUES ($1, $2, $3, $4, NOT EXISTS (SELECT 1 FROM accounts))")
            .id(account.id)
            .text(&account.email)
            .bind(password_hash.map(str::to_owned))
            .time(account.created_at)
            .execute()
            .await
            .map(drop)
    }

    pub async fn account(&mut self, id: AccountId) -> R<Option<Account>> {
        self.sql(select_account!("WHERE id = $1")).id(id).optional(account).await
    }

    /// The account that logs in with this address, and the hash to hold its password against.
    pub async fn account_by_email(&mut self, email: &Email) -> R<Option<(Account, Option<String>)>> {
        self.sql("SELECT id, email, created_at_ms, password_hash FROM accounts WHERE email = $1")
            .text(email)
            .optional(|row| Ok((account(row)?, row.get("password_hash")?)))
            .await
    }

    /// All accounts, by address.
    pub async fn accounts(&mut self) -> R<Vec<Account>> {
        self.sql(select_account!("ORDER BY email")).all(account).await
    }

    pub async fn set_password_hash(&mut self, id: AccountId, password_hash: &str) -> R<()> {
        self.sql("UPDATE accounts SET password_hash = $1 WHERE id = $2").text(password_hash).id(id).execute().await.map(drop)
    }

    /// Whether the account may look after the platform itself.
    pub async fn is_admin(&mut self, id: AccountId) -> R<bool> {
        Ok(self.sql("SELECT is_admin FROM accounts WHERE id = $1").id(id).optional(|row| row.get("is_admin")).await?.unwrap_or(false))
    }

    pub async fn set_admin(&mut self, id: AccountId, admin: bool) -> R<()> {
        self.sql("UPDATE accounts SET is_admin = $1 WHERE id = $2").bind(admin).id(id).execute().await.map(drop)
    }

    /// The hash to hold an account's password against.
    pub async fn password_hash(&mut self, id: AccountId) -> R<Option<String>> {
        Ok(self.sql("SELECT password_hash FROM accounts WHERE id = $1").id(id).optional(|row| row.get("password_hash")).await?.flatten())
    }

    /// How somebody wants to be called.
    pub async fn account_name(&mut self, id: AccountId) -> R<Option<String>> {
        Ok(self.sql("SELECT name FROM accounts WHERE id = $1").id(id).optional(|row| row.get("name")).await?.flatten())
    }

    pub async fn set_account_name(&mut self, id: AccountId, name: Option<String>) -> R<()> {
        self.sql("UPDATE accounts SET name = $1 WHERE id = $2").text_or_null(name).id(id).execute().await.map(drop)
    }

    /// Adds a token's record, under the SHA-256 of the token.
    pub async fn insert_authorization(&mut self, authorization: &Authorization, token_hash: [u8; 32]) -> R<()> {
        self.sql(
            "INSERT INTO authorizations (id, account_id, description, scope, token_hash, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .id(authorization.id)
        .id(authorization.account)
        .text(&authorization.description)
        .text(&authorization.scopes)
        .bind(token_hash.to_vec())
        .time(authorization.created_at)
        .time_or_null(authorization.expires_at)
        .execute()
        .await
        .map(drop)
    }

    /// Whose token this is. Whether it still holds is for the caller to ask ([`Authorization::holds_at`]).
    pub async fn authorization_by_token(&mut self, token_hash: [u8; 32]) -> R<Option<(Authorization, Account)>> {
        let found = self.sql(select_authorization!("WHERE token_hash = $1")).bind(token_hash.to_vec()).optional(authorization).await?;
        let Some(authorization) = found else { return Ok(None) };
        let account = self.account(authorization.account).await?;
        Ok(account.map(|account| (authorization, account)))
    }

    /// An account's tokens, oldest first.
    pub async fn authorizations(&mut self, account: AccountId) -> R<Vec<Authorization>> {
        self.sql(select_authorization!("WHERE account_id = $1 ORDER BY created_at_ms, id")).id(account).all(authorization).await
    }

    /// Says anew what a token is for.
    pub async fn describe_authorization(&mut self, id: AuthorizationId, description: &str) -> R<()> {
        self.sql("UPDATE authorizations SET description = $1 WHERE id = $2").text(description).id(id).execute().await.map(drop)
    }

    /// Puts another token, of which this is the SHA-256, in the place of the one there was.
    pub async fn rotate_authorization(&mut self, id: AuthorizationId, token_hash: [u8; 32]) -> R<()> {
        self.sql("UPDATE authorizations SET token_hash = $1 WHERE id = $2").bind(token_hash.to_vec()).id(id).execute().await.map(drop)
    }

    /// Revokes a token; whether there was one.
    pub async fn delete_authorization(&mut self, id: AuthorizationId) -> R<bool> {
        Ok(self.sql("DELETE FROM authorizations WHERE id = $1").id(id).execute().await? > 0)
    }
}
