//! The public keys people push with. Stored, because they outlive a restart; the comment is part of the key's line.

use domain::{Account, AccountId, KeyFingerprint, SshKey, SshKeyId};

use crate::{Tx, error::R, statement::Row};

macro_rules! select_ssh_key {
    ($rest:literal) => {
        concat!("SELECT id, account_id, public_key, created_at_ms FROM ssh_keys ", $rest)
    };
}

fn ssh_key(row: &Row) -> R<SshKey> {
    Ok(SshKey { id: row.id("id")?, account: row.id("account_id")?, key: row.parsed("public_key")?, created_at: row.time("created_at_ms")? })
}

impl Tx {
    /// Adds a key; it may be somebody's already (`ssh_keys.fingerprint`): a key says who one is, so it can be only one person's.
    pub async fn insert_ssh_key(&mut self, key: &SshKey) -> R<()> {
        self.sql("INSERT INTO ssh_keys (id, account_id, fingerprint, public_key, created_at_ms) VALUES ($1, $2, $3, $4, $5)")
            .id(key.id)
            .id(key.account)
            .text(key.key.fingerprint())
            .text(&key.key)
            .time(key.created_at)
            .execute()
            .await
            .map(drop)
    }

    /// Whose key this is.
    pub async fn ssh_key_by_fingerprint(&mut self, fingerprint: &KeyFingerprint) -> R<Option<(SshKey, Account)>> {
        let found = self.sql(select_ssh_key!("WHERE fingerprint = $1")).text(fingerprint).optional(ssh_key).await?;
        let Some(key) = found else { return Ok(None) };
        let account = self.account(key.account).await?;
        Ok(account.map(|account| (key, account)))
    }

    /// An account's keys, oldest first.
    pub async fn ssh_keys(&mut self, account: AccountId) -> R<Vec<SshKey>> {
        self.sql(select_ssh_key!("WHERE account_id = $1 ORDER BY created_at_ms, id")).id(account).all(ssh_key).await
    }

    /// Removes a key; whether there was one.
    pub async fn delete_ssh_key(&mut self, id: SshKeyId) -> R<bool> {
        Ok(self.sql("DELETE FROM ssh_keys WHERE id = $1").id(id).execute().await? > 0)
    }
}
