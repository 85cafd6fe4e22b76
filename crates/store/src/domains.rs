//! Host names that people bring to their apps.

use domain::{AccountId, AppId, CustomDomain, CustomDomainId};

use crate::{Tx, error::R, statement::Row};

macro_rules! select_domain {
    ($rest:literal) => {
        concat!("SELECT d.id, d.app_id, d.hostname, d.created_at_ms FROM domains d ", $rest)
    };
}

fn custom_domain(row: &Row) -> R<CustomDomain> {
    Ok(CustomDomain { id: row.id("id")?, app: row.id("app_id")?, name: row.parsed("hostname")?, created_at: row.time("created_at_ms")? })
}

impl Tx {
    /// Adds a host name; it may lead to some app already (`domains.hostname`).
    pub async fn insert_domain(&mut self, domain: &CustomDomain) -> R<()> {
        self.sql("INSERT INTO domains (id, app_id, hostname, created_at_ms) VALUES ($1, $2, $3, $4)")
            .id(domain.id)
            .id(domain.app)
            .text(&domain.name)
            .time(domain.created_at)
            .execute()
            .await
            .map(drop)
    }

    /// An app's, by name.
    pub async fn domains(&mut self, app: AppId) -> R<Vec<CustomDomain>> {
        self.sql(select_domain!("WHERE d.app_id = $1 ORDER BY d.hostname")).id(app).all(custom_domain).await
    }

    /// Those of everybody else's apps.
    pub async fn domains_of_others(&mut self, owner: AccountId) -> R<Vec<CustomDomain>> {
        self.sql(select_domain!("JOIN apps a ON a.id = d.app_id WHERE a.owner_id <> $1 ORDER BY d.hostname")).id(owner).all(custom_domain).await
    }

    /// Those of all apps.
    pub(crate) async fn all_domains(&mut self) -> R<Vec<CustomDomain>> {
        self.sql(select_domain!("ORDER BY d.hostname")).all(custom_domain).await
    }

    /// Removes a host name; whether there was one.
    pub async fn delete_domain(&mut self, id: CustomDomainId) -> R<bool> {
        Ok(self.sql("DELETE FROM domains WHERE id = $1").id(id).execute().await? > 0)
    }
}
