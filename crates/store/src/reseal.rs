//! What an older key has sealed, sealed anew with the newest. In batches, each a transaction: whoever writes meanwhile waits
//! for one batch at most, and a crash leaves every value sealed with a key that there is.

use domain::{AppId, Id, ReleaseId};
use uuid::Uuid;

use crate::{Db, buildpacks, config_vars, drains, error::R, oauth_clients, releases, second_factors, webhooks};

/// A table with sealed values.
struct Table {
    /// Some that the key of id `$1` has not sealed, with what names each. `app_id` is what a value is bound to: with some it is
    /// an account's id.
    find: &'static str,
    /// Replaces `$3` by `$2` where the row is `$1`: a value that somebody else has replaced meanwhile is left alone.
    replace: &'static str,
    /// The purpose of the value in the row of this id.
    what: fn(Uuid) -> String,
}

const TABLES: [Table; 7] = [
    Table {
        find: "SELECT app_id, app_id AS row_id, sealed FROM config_vars WHERE substr(sealed, 1, 1) <> $1 LIMIT 100",
        replace: "UPDATE config_vars SET sealed = $2 WHERE app_id = $1 AND sealed = $3",
        what: |_| config_vars::WHAT.to_owned(),
    },
    Table {
        find: "SELECT app_id, id AS row_id, sealed FROM releases WHERE substr(sealed, 1, 1) <> $1 LIMIT 100",
        replace: "UPDATE releases SET sealed = $2 WHERE id = $1 AND sealed = $3",
        what: |release| releases::what(ReleaseId::from_uuid(release)),
    },
    Table {
        find: "SELECT app_id, app_id AS row_id, sealed FROM buildpack_installations WHERE substr(sealed, 1, 1) <> $1 LIMIT 100",
        replace: "UPDATE buildpack_installations SET sealed = $2 WHERE app_id = $1 AND sealed = $3",
        what: |_| buildpacks::WHAT.to_owned(),
    },
    Table {
        find: "SELECT app_id, id AS row_id, sealed_url AS sealed FROM log_drains WHERE substr(sealed_url, 1, 1) <> $1 LIMIT 100",
        replace: "UPDATE log_drains SET sealed_url = $2 WHERE id = $1 AND sealed_url = $3",
        what: |_| drains::WHAT.to_owned(),
    },
    Table {
        find: "SELECT app_id, id AS row_id, sealed FROM webhooks WHERE substr(sealed, 1, 1) <> $1 LIMIT 100",
        replace: "UPDATE webhooks SET sealed = $2 WHERE id = $1 AND sealed = $3",
        what: |_| webhooks::WHAT.to_owned(),
    },
    Table {
        find: "SELECT account_id AS app_id, id AS row_id, sealed FROM oauth_clients WHERE substr(sealed, 1, 1) <> $1 LIMIT 100",
        replace: "UPDATE oauth_clients SET sealed = $2 WHERE id = $1 AND sealed = $3",
        what: |_| oauth_clients::WHAT.to_owned(),
    },
    Table {
        find: "SELECT account_id AS app_id, account_id AS row_id, sealed FROM second_factors WHERE substr(sealed, 1, 1) <> $1 LIMIT 100",
        replace: "UPDATE second_factors SET sealed = $2 WHERE account_id = $1 AND sealed = $3",
        what: |_| second_factors::WHAT.to_owned(),
    },
];

impl Db {
    /// Seals some of what an older key has sealed with the newest; how many values that were. 0: nothing is left, and what the
    /// platform seals meanwhile it seals with the newest.
    pub async fn reseal_some(&self) -> R<usize> {
        let mut tx = self.write().await?;
        let sealer = tx.sealer.clone();
        let newest = vec![sealer.newest()];
        let mut count = 0;
        for table in TABLES {
            let found: Vec<(AppId, Uuid, Vec<u8>)> =
                tx.sql(table.find).bind(newest.clone()).all(|row| Ok((row.id("app_id")?, row.get("row_id")?, row.get("sealed")?))).await?;
            for (app, row, sealed) in found {
                let what = (table.what)(row);
                let plain = sealer.open(app, &what, &sealed)?;
                let anew = sealer.seal(app, &what, &plain);
                tx.sql(table.replace).id(Id::<()>::from_uuid(row)).bind(anew).bind(sealed).execute().await?;
                count += 1;
            }
        }
        tx.commit().await?;
        Ok(count)
    }
}
