//! People who go.

use domain::{Account, Email};

use crate::{accounts::Actor, platform::Platform, refusal::Refusal};

/// How the addresses end that stay behind. `.invalid` is nobody's (RFC 2606): no mail goes there, and nobody can sign up with it.
pub(crate) const NOBODY: &str = "@deleted.invalid";

impl Platform {
    /// Ends an account, with its tokens, keys and shares in others' apps. Not while it owns an app, which would be nobody's,
    /// and not the last admin's, since nobody could look after the platform any more.
    pub async fn delete_account(&self, actor: &Actor) -> Result<Account, Refusal> {
        let id = actor.account.id;
        let mut tx = self.store.write().await?;
        let own = tx.apps_of(id).await?;
        if let Some(first) = own.first() {
            let others = if own.len() > 1 { format!(" and {} more", own.len() - 1) } else { String::new() };
            return Err(Refusal::Invalid(format!("You own {}{others}. Destroy your apps, or transfer them to somebody else, first.", first.name)));
        }
        if tx.is_admin(id).await? && tx.count_admins().await? == 1 {
            return Err(Refusal::Invalid(
                "You are the only admin of this platform. Make somebody else one first: `mypaasd account:admin EMAIL` on the server.".to_owned(),
            ));
        }
        let left_behind: Email = format!("former-{}{NOBODY}", id.tail()).parse()?;
        tx.delete_account(id, &left_behind).await?;
        tx.commit().await?;
        Ok(actor.account.clone())
    }
}
