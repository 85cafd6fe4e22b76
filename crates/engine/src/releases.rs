//! Going back to an earlier release, or forward to an earlier slug.

use std::sync::Arc;

use domain::{App, Release, ReleaseVersion, Slug, SlugId, formation::after_deploy, release::ReleaseStatus};
use store::{StoreError, Tx};

use crate::{accounts::Actor, authority::Permission, platform::Platform, refusal::Refusal};

impl Platform {
    /// The release that people name `12`, `v12` or by its id.
    pub async fn find_release(&self, tx: &mut Tx, app: &App, named: &str) -> Result<Release, Refusal> {
        let found = match (named.parse::<ReleaseVersion>(), named.parse()) {
            (Ok(version), _) => tx.release_version(app.id, version).await?,
            (Err(_), Ok(id)) => tx.release(id).await?.filter(|release| release.app == app.id),
            (Err(_), Err(_)) => None,
        };
        found.ok_or(Refusal::NotFound("release"))
    }

    /// A new release with the slug and the config of an earlier one.
    pub async fn rollback(self: &Arc<Self>, actor: &Actor, app: &str, to: &str) -> Result<(App, Release), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Deploy).await?;
        let earlier = self.find_release(&mut tx, &app, to).await?;
        if earlier.status == ReleaseStatus::Expired {
            return Err(Refusal::Expired(format!(
                "Cannot roll back to {}: it has expired, and its slug is gone. `releases` shows which releases can still be gone back to; to run older code, push it again.",
                earlier.version
            )));
        }
        if !earlier.eligible_for_rollback() {
            return Err(Refusal::Invalid(format!(
                "Cannot roll back to {}: it {}.",
                earlier.version,
                if earlier.slug.is_none() { "has no slug" } else { "did not succeed" }
            )));
        }
        let slug = slug_of(&mut tx, earlier.slug).await?.ok_or(Refusal::NotFound("slug"))?;
        let vars = tx.release_config_vars(earlier.id).await?;
        tx.set_config_vars(app.id, &vars).await?;
        let description = format!("Rollback to {}", earlier.version);
        let release = self.draft_release(&mut tx, &app, Some(&slug), &description, actor.account.id, &vars).await?;
        tx.commit().await?;
        self.launch(actor, &app, &release, Some(slug));
        Ok((app, release))
    }

    /// A new release of a slug with the config as it is.
    pub async fn release_slug(self: &Arc<Self>, actor: &Actor, app: &str, slug: SlugId, description: Option<&str>) -> Result<(App, Release), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Deploy).await?;
        let id = slug;
        let Some(slug) = tx.slug(id).await?.filter(|slug| slug.app == app.id) else {
            return Err(match self.awaited_slug(&mut tx, &app, id).await? {
                Some(_) => Refusal::Invalid("Nothing was uploaded to that slug yet: PUT its archive to the URL of its blob first.".to_owned()),
                None => Refusal::NotFound("slug"),
            });
        };
        if tx.slug_expired_at(slug.id).await?.is_some() {
            return Err(Refusal::Expired("This slug is gone: the releases that had it have expired. To run its code, push it again.".to_owned()));
        }
        let vars = tx.config_vars(app.id).await?;
        let description = description.map_or_else(|| format!("Deploy {}", slug.commit.as_deref().map_or("slug", short)), str::to_owned);
        let release = self.draft_release(&mut tx, &app, Some(&slug), &description, actor.account.id, &vars).await?;
        tx.commit().await?;
        self.launch(actor, &app, &release, Some(slug));
        Ok((app, release))
    }

    pub(crate) fn announce(&self, app: &App, release: &Release, actor: &Actor) {
        self.tell_api(app.id, format!("{} by user {}", release.description, actor.account.email));
        self.tell_api(app.id, format!("Release {} created by user {}", release.version, actor.account.email));
        self.formation.up();
    }
}

/// Makes the formation follow a slug that becomes current: its types, scaled as they were, `web=1` if new.
pub(crate) async fn adopt(tx: &mut Tx, slug: &Slug) -> Result<(), StoreError> {
    let formation = after_deploy(slug.process_types.0.keys().cloned(), &tx.formation(slug.app).await?);
    tx.set_formation(slug.app, &formation).await
}

/// The slug of a release, if it has one.
pub(crate) async fn slug_of(tx: &mut Tx, slug: Option<SlugId>) -> Result<Option<Slug>, StoreError> {
    match slug {
        Some(slug) => tx.slug(slug).await,
        None => Ok(None),
    }
}

/// A commit as releases name it: its first eight digits.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}
