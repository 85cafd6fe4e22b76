//! Host names that people bring to their apps.

use domain::{App, CustomDomain, DomainName};
use store::StoreError;

use crate::{accounts::Actor, authority::Permission, happenings::Happening, platform::Platform, refusal::Refusal};

/// Most host names of one app (Heroku: 1,000).
const MOST: usize = 1000;

impl Platform {
    /// The host names brought to an app, by name.
    pub async fn domains(&self, actor: &Actor, app: &str) -> Result<(App, Vec<CustomDomain>), Refusal> {
        let mut tx = self.store.read().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::View).await?;
        let domains = tx.domains(app.id).await?;
        Ok((app, domains))
    }

    /// Makes a host name lead to an app.
    pub async fn add_domain(&self, actor: &Actor, app: &str, hostname: &str) -> Result<(App, CustomDomain), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let name: DomainName = hostname.parse()?;
        if self.settings.hosts().iter().any(|host| name.touches(host)) {
            return Err(Refusal::Invalid(format!("{name} belongs to the platform itself.")));
        }
        let there = tx.domains(app.id).await?;
        if there.iter().any(|domain| domain.name == name) {
            return Err(Refusal::Invalid(format!("{name} was already added to this app.")));
        }
        if there.len() >= MOST {
            return Err(Refusal::Invalid(format!("There are too many domains (maximum is {MOST}). Remove one first.")));
        }
        // A wildcard must not catch what somebody else's app is asked for, nor what it was to catch.
        let taken = || Refusal::Invalid(format!("{name} is currently in use by another app."));
        if tx.domains_of_others(app.owner).await?.iter().any(|other| other.name.overlaps(&name)) {
            return Err(taken());
        }
        let now = self.clock.now();
        let domain = CustomDomain { id: self.chance.id(now), app: app.id, name: name.clone(), created_at: now };
        match tx.insert_domain(&domain).await {
            Err(StoreError::Unique { .. }) => return Err(taken()),
            other => other?,
        }
        self.happened(&mut tx, &app, actor.account.id, &Happening::DomainAdded(&domain)).await?;
        tx.commit().await?;
        self.formation.up();
        self.tell_api(app.id, format!("Add domain {name} by user {}", actor.account.email));
        Ok((app, domain))
    }

    /// Ends it.
    pub async fn remove_domain(&self, actor: &Actor, app: &str, named: &str) -> Result<(App, CustomDomain), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let found = tx.domains(app.id).await?.into_iter().find(|domain| is_named(domain, named));
        let domain = found.ok_or(Refusal::NotFound("domain"))?;
        tx.delete_domain(domain.id).await?;
        self.happened(&mut tx, &app, actor.account.id, &Happening::DomainRemoved(&domain)).await?;
        tx.commit().await?;
        self.formation.up();
        self.tell_api(app.id, format!("Remove domain {} by user {}", domain.name, actor.account.email));
        Ok((app, domain))
    }
}

/// Whether this id or host name means it.
pub fn is_named(domain: &CustomDomain, named: &str) -> bool {
    named.parse().is_ok_and(|id| domain.id == id) || named.parse().is_ok_and(|name: DomainName| domain.name == name)
}
