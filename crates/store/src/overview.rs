//! What an admin sees of everybody at once.

use domain::Account;

use crate::{Tx, error::R, statement::Row};

/// Somebody, and how much is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub account: Account,
    /// How they want to be called.
    pub name: Option<String>,
    pub admin: bool,
    /// Apps they own.
    pub apps: u64,
    /// Apps of others that they work on.
    pub collaborations: u64,
    /// Authorizations, those that have expired too.
    pub authorizations: u64,
    /// SSH keys.
    pub keys: u64,
}

fn person(row: &Row) -> R<Person> {
    Ok(Person {
        account: Account { id: row.id("id")?, email: row.parsed("email")?, created_at: row.time("created_at_ms")? },
        name: row.get("name")?,
        admin: row.get("is_admin")?,
        apps: row.count("apps")?,
        collaborations: row.count("collaborations")?,
        authorizations: row.count("authorizations")?,
        keys: row.count("keys")?,
    })
}

impl Tx {
    /// Everybody, by address.
    pub async fn people(&mut self) -> R<Vec<Person>> {
        self.sql(
            "SELECT a.id, a.email, a.created_at_ms, a.name, a.is_admin, \
             (SELECT COUNT(*) FROM apps WHERE owner_id = a.id) AS apps, \
             (SELECT COUNT(*) FROM collaborators WHERE account_id = a.id) AS collaborations, \
             (SELECT COUNT(*) FROM authorizations WHERE account_id = a.id) AS authorizations, \
             (SELECT COUNT(*) FROM ssh_keys WHERE account_id = a.id) AS keys \
             FROM accounts a ORDER BY a.email",
        )
        .all(person)
        .await
    }
}
