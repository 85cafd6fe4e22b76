//! Who works on an app besides its owner, and giving an app away.

use domain::{
    Account, App, Email,
    sharing::{AppTransfer, AppTransferId, Collaborator, TransferState},
};
use store::{StoreError, Tx};

use crate::{accounts::Actor, authority::Permission, happenings::Happening, platform::Platform, refusal::Refusal};

/// Most collaborators of one app.
const MOST: usize = 100;

impl Platform {
    /// Lets somebody with an account work on an app.
    pub async fn add_collaborator(&self, actor: &Actor, app: &str, user: &str) -> Result<(App, Collaborator, Account), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Manage).await?;
        let account = account_named(&mut tx, user).await?;
        let taken = || Refusal::Invalid("User is already a collaborator on this app".to_owned());
        if account.id == app.owner {
            return Err(taken());
        }
        if tx.collaborators(app.id).await?.len() >= MOST {
            return Err(Refusal::Invalid(format!("There are too many collaborators (maximum is {MOST}). Remove one first.")));
        }
        let now = self.clock.now();
        let collaborator = Collaborator { id: self.chance.id(now), app: app.id, account: account.id, created_at: now };
        match tx.insert_collaborator(&collaborator).await {
            Err(StoreError::Unique { .. }) => return Err(taken()),
            other => other?,
        }
        self.happened(&mut tx, &app, actor.account.id, &Happening::CollaboratorAdded(&collaborator, &account)).await?;
        tx.commit().await?;
        self.tell_api(app.id, format!("Added {} as a collaborator by user {}", account.email, actor.account.email));
        Ok((app, collaborator, account))
    }

    /// Ends somebody's work on an app at once. People may also leave by themselves.
    pub async fn remove_collaborator(&self, actor: &Actor, app: &str, named: &str) -> Result<(App, Collaborator, Account), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::View).await?;
        let all = tx.collaborators(app.id).await?;
        let found = all.into_iter().find(|(collaborator, account)| collaborator.id.to_string() == named || is_named(account, named));
        let themselves = found.as_ref().is_some_and(|(_, account)| account.id == actor.account.id);
        if !themselves {
            self.authorize_in(&mut tx, actor, &app.id.to_string(), Permission::Manage).await?;
        }
        let Some((collaborator, account)) = found else {
            let owner = tx.account(app.owner).await?.is_some_and(|owner| is_named(&owner, named));
            return Err(if owner { Refusal::Invalid("The owner of an app cannot be removed from it.".to_owned()) } else { Refusal::NotFound("collaborator") });
        };
        tx.delete_collaborator(collaborator.id).await?;
        self.happened(&mut tx, &app, actor.account.id, &Happening::CollaboratorRemoved(&collaborator, &account)).await?;
        tx.commit().await?;
        self.tell_api(app.id, format!("Removed {} as a collaborator by user {}", account.email, actor.account.email));
        Ok((app, collaborator, account))
    }

    /// Offers an app to somebody with an account. It is theirs when they accept.
    pub async fn offer_app(&self, actor: &Actor, app: &str, recipient: &str) -> Result<AppTransfer, Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Manage).await?;
        let recipient = account_named(&mut tx, recipient).await?;
        if recipient.id == app.owner {
            return Err(Refusal::Invalid("Recipient is the owner of this app already".to_owned()));
        }
        let now = self.clock.now();
        let transfer = AppTransfer {
            id: self.chance.id(now),
            app: app.id,
            owner: app.owner,
            recipient: recipient.id,
            state: TransferState::Pending,
            created_at: now,
            updated_at: now,
        };
        match tx.insert_transfer(&transfer).await {
            Err(StoreError::Unique { .. }) => return Err(Refusal::Invalid("App is being transferred already. Cancel that transfer first.".to_owned())),
            other => other?,
        }
        tx.commit().await?;
        Ok(transfer)
    }

    /// What this person has offered or was offered, oldest first.
    pub async fn transfers(&self, actor: &Actor) -> Result<Vec<AppTransfer>, StoreError> {
        self.store.read().await?.transfers(actor.account.id).await
    }

    /// One of them, by its id or the app's name or id.
    pub async fn transfer(&self, actor: &Actor, named: &str) -> Result<AppTransfer, Refusal> {
        self.transfer_in(&mut self.store.read().await?, actor, named).await
    }

    /// Takes an app that was offered, or does not. Whoever gave it away goes on as a collaborator.
    pub async fn answer_transfer(&self, actor: &Actor, named: &str, state: TransferState) -> Result<AppTransfer, Refusal> {
        let mut tx = self.store.write().await?;
        let mut transfer = self.transfer_in(&mut tx, actor, named).await?;
        if transfer.recipient != actor.account.id {
            return Err(Refusal::NotAllowed("Only the recipient may answer an app transfer.".to_owned()));
        }
        let app = tx.app(transfer.app).await?.filter(|app| app.owner == transfer.owner);
        let Some(app) = app.filter(|_| transfer.state == TransferState::Pending && state != TransferState::Pending) else {
            return Err(Refusal::Invalid(format!("This app transfer is {} and cannot become {}.", transfer.state.word(), state.word())));
        };
        let now = self.clock.now();
        if state == TransferState::Accepted {
            for (collaborator, account) in tx.collaborators(app.id).await? {
                if account.id == transfer.recipient {
                    tx.delete_collaborator(collaborator.id).await?;
                }
            }
            tx.set_owner(app.id, transfer.recipient, now).await?;
            let before = Collaborator { id: self.chance.id(now), app: app.id, account: transfer.owner, created_at: now };
            tx.insert_collaborator(&before).await?;
            let theirs = App { owner: transfer.recipient, updated_at: now, ..app.clone() };
            self.happened(&mut tx, &theirs, actor.account.id, &Happening::AppChanged { before: &app }).await?;
        }
        tx.settle_transfer(transfer.id, state, now).await?;
        tx.commit().await?;
        if state == TransferState::Accepted {
            self.tell_api(app.id, format!("Transferred to {} by user {}", actor.account.email, actor.account.email));
        }
        (transfer.state, transfer.updated_at) = (state, now);
        Ok(transfer)
    }

    /// Takes an offer back.
    pub async fn cancel_transfer(&self, actor: &Actor, named: &str) -> Result<AppTransfer, Refusal> {
        let mut tx = self.store.write().await?;
        let transfer = self.transfer_in(&mut tx, actor, named).await?;
        if transfer.owner != actor.account.id {
            return Err(Refusal::NotAllowed("Only who offered the app may cancel its transfer.".to_owned()));
        }
        if transfer.state != TransferState::Pending {
            return Err(Refusal::Invalid(format!("This app transfer is {} and cannot be cancelled.", transfer.state.word())));
        }
        tx.delete_transfer(transfer.id).await?;
        tx.commit().await?;
        Ok(transfer)
    }

    async fn transfer_in(&self, tx: &mut Tx, actor: &Actor, named: &str) -> Result<AppTransfer, Refusal> {
        let theirs = |transfer: &AppTransfer| transfer.owner == actor.account.id || transfer.recipient == actor.account.id;
        if let Ok(id) = named.parse::<AppTransferId>()
            && let Some(found) = tx.transfer(id).await?.filter(theirs)
        {
            return Ok(found);
        }
        // The last one of an app is the one that is meant.
        for transfer in tx.transfers(actor.account.id).await?.into_iter().rev() {
            let app = tx.app(transfer.app).await?;
            if app.is_some_and(|app| app.name.as_str() == named || app.id.to_string() == named) {
                return Ok(transfer);
            }
        }
        Err(Refusal::NotFound("app transfer"))
    }
}

fn is_named(account: &Account, named: &str) -> bool {
    account.id.to_string() == named || account.email.as_str().eq_ignore_ascii_case(named)
}

/// The account with this address or id.
async fn account_named(tx: &mut Tx, named: &str) -> Result<Account, Refusal> {
    let by_email = match named.parse::<Email>() {
        Ok(email) => tx.account_by_email(&email).await?.map(|(account, _)| account),
        Err(_) => None,
    };
    let found = match (by_email, named.parse()) {
        (Some(account), _) => Some(account),
        (None, Ok(id)) => tx.account(id).await?,
        (None, Err(_)) => None,
    };
    found.ok_or(Refusal::NotFound("user"))
}
