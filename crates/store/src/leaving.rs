//! Accounts that go.

use domain::{AccountId, Email};

use crate::{Tx, error::R};

impl Tx {
    /// Forgets an account that owns no app, and all that is its own. What it has built and released for others stays; who
    /// that was is then known by this address, and no more.
    pub async fn delete_account(&mut self, id: AccountId, left_behind: &Email) -> R<()> {
        self.sql("DELETE FROM app_transfers WHERE owner_id = $1 OR recipient_id = $2").id(id).id(id).execute().await?;
        for own in [
            "DELETE FROM authorizations WHERE account_id = $1",
            "DELETE FROM ssh_keys WHERE account_id = $1",
            "DELETE FROM collaborators WHERE account_id = $1",
            "DELETE FROM source_blobs WHERE account_id = $1",
            "DELETE FROM oauth_clients WHERE account_id = $1",
            "DELETE FROM recovery_codes WHERE account_id = $1",
            "DELETE FROM second_factors WHERE account_id = $1",
        ] {
            self.sql(own).id(id).execute().await?;
        }
        let released = self.sql("SELECT id FROM releases WHERE user_id = $1 LIMIT 1").id(id).optional(|_| Ok(())).await?.is_some();
        let built = self.sql("SELECT id FROM builds WHERE user_id = $1 LIMIT 1").id(id).optional(|_| Ok(())).await?.is_some();
        if !released && !built {
            return self.sql("DELETE FROM accounts WHERE id = $1").id(id).execute().await.map(drop);
        }
        self.sql("UPDATE accounts SET email = $1, password_hash = NULL, name = NULL, is_admin = FALSE WHERE id = $2")
            .text(left_behind)
            .id(id)
            .execute()
            .await
            .map(drop)
    }

    /// How many admins there are.
    pub async fn count_admins(&mut self) -> R<u64> {
        let count = self.sql("SELECT COUNT(*) AS n FROM accounts WHERE is_admin = TRUE").optional(|row| row.count("n")).await?;
        Ok(count.unwrap_or(0))
    }
}
