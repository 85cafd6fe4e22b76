//! Second factors of logins: the secret that an account shares with its authenticator app, sealed, and hashes of its recovery
//! codes. Reading these tables lets nobody in.

use domain::{
    AccountId, AppId, Id,
    two_factor::{SecondFactor, Step, TotpSecret},
};
use jiff::Timestamp;

use crate::{
    Tx,
    error::{R, StoreError},
};

/// The purpose secrets are sealed for.
pub(crate) const WHAT: &str = "second factor";

/// Seals are bound to an id: here the account's.
fn bound_to(account: AccountId) -> AppId {
    Id::from_uuid(account.uuid())
}

impl Tx {
    /// The second factor of an account, begun or enabled.
    pub async fn second_factor(&mut self, account: AccountId) -> R<Option<SecondFactor>> {
        let sealer = self.sealer.clone();
        self.sql("SELECT sealed, enabled_at_ms, used_step FROM second_factors WHERE account_id = $1")
            .id(account)
            .optional(move |row| {
                let plain = sealer.open(bound_to(account), WHAT, &row.get::<Vec<u8>>("sealed")?)?;
                let bytes = plain.try_into().map_err(|_| StoreError::Corrupt(format!("{WHAT} of account {account}")))?;
                Ok(SecondFactor { secret: TotpSecret::new(bytes), enabled_at: row.time_or_null("enabled_at_ms")?, used: Step(row.get("used_step")?) })
            })
            .await
    }

    /// Since when logins of an account need a code, if they do.
    pub async fn second_factor_enabled_at(&mut self, account: AccountId) -> R<Option<Timestamp>> {
        let found = self.sql("SELECT enabled_at_ms FROM second_factors WHERE account_id = $1").id(account);
        Ok(found.optional(|row| row.time_or_null("enabled_at_ms")).await?.flatten())
    }

    /// Saves it, in the place of one there was.
    pub async fn set_second_factor(&mut self, account: AccountId, it: &SecondFactor) -> R<()> {
        let sealed = self.sealer.seal(bound_to(account), WHAT, it.secret.expose());
        self.sql(
            "INSERT INTO second_factors (account_id, sealed, enabled_at_ms, used_step) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, enabled_at_ms = excluded.enabled_at_ms, used_step = excluded.used_step",
        )
        .id(account)
        .bind(sealed)
        .time_or_null(it.enabled_at)
        .bind(it.used.0)
        .execute()
        .await
        .map(drop)
    }

    /// Remembers that the code of this step was used; whether it was the first time that this one or a later one was.
    pub async fn use_step(&mut self, account: AccountId, step: Step) -> R<bool> {
        let used = self.sql("UPDATE second_factors SET used_step = $1 WHERE account_id = $2 AND used_step < $3").bind(step.0).id(account).bind(step.0);
        Ok(used.execute().await? > 0)
    }

    /// Forgets secret and recovery codes; whether there was a secret.
    pub async fn delete_second_factor(&mut self, account: AccountId) -> R<bool> {
        self.sql("DELETE FROM recovery_codes WHERE account_id = $1").id(account).execute().await?;
        Ok(self.sql("DELETE FROM second_factors WHERE account_id = $1").id(account).execute().await? > 0)
    }

    /// Puts these codes, as hashes, in the place of all there were.
    pub async fn set_recovery_codes(&mut self, account: AccountId, hashes: &[[u8; 32]]) -> R<()> {
        self.sql("DELETE FROM recovery_codes WHERE account_id = $1").id(account).execute().await?;
        for hash in hashes {
            self.sql("INSERT INTO recovery_codes (account_id, hash) VALUES ($1, $2)").id(account).bind(hash.to_vec()).execute().await?;
        }
        Ok(())
    }

    /// Uses up a code; whether it was one.
    pub async fn use_recovery_code(&mut self, account: AccountId, hash: [u8; 32]) -> R<bool> {
        let used = self.sql("DELETE FROM recovery_codes WHERE account_id = $1 AND hash = $2").id(account).bind(hash.to_vec());
        Ok(used.execute().await? > 0)
    }

    /// How many codes are left.
    pub async fn count_recovery_codes(&mut self, account: AccountId) -> R<usize> {
        let count = self.sql("SELECT COUNT(*) AS n FROM recovery_codes WHERE account_id = $1").id(account).optional(|row| row.count("n")).await?;
        Ok(count.unwrap_or(0))
    }
}
