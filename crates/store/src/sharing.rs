//! Collaborators and transfers of apps.

use domain::{
    Account, AccountId, AppId,
    sharing::{AppTransfer, AppTransferId, Collaborator, CollaboratorId, TransferState},
};
use jiff::Timestamp;

use crate::{Tx, error::R, statement::Row};

macro_rules! select_transfer {
    ($rest:literal) => {
        concat!("SELECT id, app_id, owner_id, recipient_id, state, created_at_ms, updated_at_ms FROM app_transfers ", $rest)
    };
}

fn transfer(row: &Row) -> R<AppTransfer> {
    Ok(AppTransfer {
        id: row.id("id")?,
        app: row.id("app_id")?,
        owner: row.id("owner_id")?,
        recipient: row.id("recipient_id")?,
        state: row.word("state", TransferState::from_word)?,
        created_at: row.time("created_at_ms")?,
        updated_at: row.time("updated_at_ms")?,
    })
}

impl Tx {
    /// Adds a collaborator; one is added once (`collaborators.app_id, collaborators.account_id`).
    pub async fn insert_collaborator(&mut self, it: &Collaborator) -> R<()> {
        self.sql("INSERT INTO collaborators (id, app_id, account_id, created_at_ms) VALUES ($1, $2, $3, $4)")
            .id(it.id)
            .id(it.app)
            .id(it.account)
            .time(it.created_at)
            .execute()
            .await
            .map(drop)
    }

    /// An app's collaborators, oldest first; not its owner.
    pub async fn collaborators(&mut self, app: AppId) -> R<Vec<(Collaborator, Account)>> {
        let read = self.sql("SELECT id, app_id, account_id, created_at_ms FROM collaborators WHERE app_id = $1 ORDER BY created_at_ms, id").id(app);
        let found: Vec<Collaborator> = read
            .all(|row| Ok(Collaborator { id: row.id("id")?, app: row.id("app_id")?, account: row.id("account_id")?, created_at: row.time("created_at_ms")? }))
            .await?;
        let mut all = Vec::with_capacity(found.len());
        for collaborator in found {
            if let Some(account) = self.account(collaborator.account).await? {
                all.push((collaborator, account));
            }
        }
        Ok(all)
    }

    pub async fn collaborates(&mut self, app: AppId, account: AccountId) -> R<bool> {
        let found = self.sql("SELECT id FROM collaborators WHERE app_id = $1 AND account_id = $2").id(app).id(account).optional(|_| Ok(())).await?;
        Ok(found.is_some())
    }

    pub async fn delete_collaborator(&mut self, id: CollaboratorId) -> R<()> {
        self.sql("DELETE FROM collaborators WHERE id = $1").id(id).execute().await.map(drop)
    }

    pub async fn set_owner(&mut self, app: AppId, owner: AccountId, now: Timestamp) -> R<()> {
        self.sql("UPDATE apps SET owner_id = $1, updated_at_ms = $2 WHERE id = $3").id(owner).time(now).id(app).execute().await.map(drop)
    }

    /// Adds an offer; an app is offered to one person at a time (`app_transfers.app_id`).
    pub async fn insert_transfer(&mut self, it: &AppTransfer) -> R<()> {
        self.sql("INSERT INTO app_transfers (id, app_id, owner_id, recipient_id, state, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .id(it.id)
            .id(it.app)
            .id(it.owner)
            .id(it.recipient)
            .text(it.state.word())
            .time(it.created_at)
            .time(it.updated_at)
            .execute()
            .await
            .map(drop)
    }

    pub async fn transfer(&mut self, id: AppTransferId) -> R<Option<AppTransfer>> {
        self.sql(select_transfer!("WHERE id = $1")).id(id).optional(transfer).await
    }

    /// What an account has offered or was offered, oldest first.
    pub async fn transfers(&mut self, account: AccountId) -> R<Vec<AppTransfer>> {
        self.sql(select_transfer!("WHERE owner_id = $1 OR recipient_id = $2 ORDER BY created_at_ms, id")).id(account).id(account).all(transfer).await
    }

    pub async fn settle_transfer(&mut self, id: AppTransferId, state: TransferState, now: Timestamp) -> R<()> {
        self.sql("UPDATE app_transfers SET state = $1, updated_at_ms = $2 WHERE id = $3").text(state.word()).time(now).id(id).execute().await.map(drop)
    }

    pub async fn delete_transfer(&mut self, id: AppTransferId) -> R<()> {
        self.sql("DELETE FROM app_transfers WHERE id = $1").id(id).execute().await.map(drop)
    }
}
