//! What apps' webhooks are told: written in the transaction in which it happens, so that it is told if it happened, and
//! only then.

use domain::{
    Account, AccountId, App, Build, CustomDomain, ProcessType, Release,
    formation::Scale,
    sharing::Collaborator,
    webhook::{Delivery, DeliveryStatus, Topic, WebhookEvent},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::{StoreError, Tx};

use crate::platform::Platform;

/// As Heroku writes it.
const VERSION: &str = "application/vnd.heroku+json; version=3";

/// Something that happens to an app.
pub(crate) enum Happening<'a> {
    /// Renamed, put into maintenance, moved to another stack.
    AppChanged {
        before: &'a App,
    },
    BuildOpened(&'a Build),
    BuildClosed(&'a Build),
    ReleaseMade(&'a Release),
    /// Its release phase has ended.
    ReleaseSettled(&'a Release),
    Scaled {
        process_type: &'a ProcessType,
        before: &'a Scale,
        now: &'a Scale,
    },
    DomainAdded(&'a CustomDomain),
    DomainRemoved(&'a CustomDomain),
    CollaboratorAdded(&'a Collaborator, &'a Account),
    CollaboratorRemoved(&'a Collaborator, &'a Account),
}

impl Platform {
    /// Has an app's webhooks told of it, once this transaction is committed.
    pub(crate) async fn happened(&self, tx: &mut Tx, app: &App, by: AccountId, it: &Happening<'_>) -> Result<(), StoreError> {
        let topic = it.topic();
        let mut webhooks = tx.webhooks(app.id).await?;
        webhooks.retain(|webhook| webhook.topics.contains(&topic));
        if webhooks.is_empty() {
            return Ok(());
        }
        let email = tx.account(by).await?.map_or_else(String::new, |account| account.email.to_string());
        let actor = json!({ "id": by.to_string(), "email": email });
        let payload = json!({
            "action": it.action(),
            "data": it.data(app, &actor),
            "actor": actor,
            "previous_data": it.previous(),
            "resource": topic.resource(),
            "version": VERSION,
        });
        let now = self.clock.now();
        let event = WebhookEvent { id: self.chance.id(now), app: app.id, topic, payload: payload.to_string(), created_at: now };
        tx.insert_webhook_event(&event).await?;
        for webhook in webhooks {
            let delivery = Delivery {
                id: self.chance.id(now),
                webhook: webhook.id,
                level: webhook.level,
                event: event.id,
                topic,
                status: DeliveryStatus::Pending,
                attempts: 0,
                next_attempt_at: Some(now),
                last: None,
                created_at: now,
                updated_at: now,
            };
            tx.insert_delivery(&delivery).await?;
        }
        // Whoever is woken writes, and so waits for this transaction's end.
        self.outbox.up();
        Ok(())
    }
}

impl Platform {
    /// The same, of a build that has ended, unless its app has too.
    pub(crate) async fn build_closed(&self, tx: &mut Tx, build: &Build) -> Result<(), StoreError> {
        match tx.app(build.app).await? {
            Some(app) => self.happened(tx, &app, build.user, &Happening::BuildClosed(build)).await,
            None => Ok(()),
        }
    }
}

impl Happening<'_> {
    const fn topic(&self) -> Topic {
        match self {
            Self::AppChanged { .. } => Topic::App,
            Self::BuildOpened(_) | Self::BuildClosed(_) => Topic::Build,
            Self::ReleaseMade(_) | Self::ReleaseSettled(_) => Topic::Release,
            Self::Scaled { .. } => Topic::Formation,
            Self::DomainAdded(_) | Self::DomainRemoved(_) => Topic::Domain,
            Self::CollaboratorAdded(..) | Self::CollaboratorRemoved(..) => Topic::Collaborator,
        }
    }

    const fn action(&self) -> &'static str {
        match self {
            Self::BuildOpened(_) | Self::ReleaseMade(_) | Self::DomainAdded(_) | Self::CollaboratorAdded(..) => "create",
            Self::AppChanged { .. } | Self::BuildClosed(_) | Self::ReleaseSettled(_) | Self::Scaled { .. } => "update",
            Self::DomainRemoved(_) | Self::CollaboratorRemoved(..) => "destroy",
        }
    }

    /// The thing as it is now, with the fields of the API's answers that anybody may see who may see the app.
    fn data(&self, app: &App, actor: &Value) -> Value {
        let of = json!({ "id": app.id.to_string(), "name": app.name.to_string() });
        match self {
            Self::AppChanged { .. } => json!({
                "id": app.id.to_string(),
                "name": app.name.to_string(),
                "maintenance": app.maintenance,
                "build_stack": { "name": app.stack.to_string() },
                "owner": { "id": app.owner.to_string() },
                "created_at": time(app.created_at),
                "updated_at": time(app.updated_at),
            }),
            Self::BuildOpened(build) | Self::BuildClosed(build) => json!({
                "id": build.id.to_string(),
                "app": of,
                "status": build.status.word(),
                "stack": build.stack.to_string(),
                "source_blob": { "version": build.source_version },
                "slug": build.slug.map(|slug| json!({ "id": slug.to_string() })),
                "user": { "id": build.user.to_string(), "email": actor["email"] },
                "created_at": time(build.created_at),
                "updated_at": time(build.updated_at),
            }),
            Self::ReleaseMade(release) | Self::ReleaseSettled(release) => json!({
                "id": release.id.to_string(),
                "app": of,
                "version": release.version.0,
                "description": release.description,
                "status": release.status.word(),
                "current": release.current,
                "slug": release.slug.map(|slug| json!({ "id": slug.to_string() })),
                "user": { "id": release.user.to_string(), "email": actor["email"] },
                "created_at": time(release.created_at),
                "updated_at": time(release.created_at),
            }),
            Self::Scaled { process_type, now, .. } => json!({
                "app": of,
                "type": process_type.as_str(),
                "quantity": now.quantity,
                "size": now.size.name(),
            }),
            Self::DomainAdded(domain) | Self::DomainRemoved(domain) => json!({
                "id": domain.id.to_string(),
                "app": of,
                "hostname": domain.name.to_string(),
                "kind": "custom",
                "created_at": time(domain.created_at),
            }),
            Self::CollaboratorAdded(collaborator, account) | Self::CollaboratorRemoved(collaborator, account) => json!({
                "id": collaborator.id.to_string(),
                "app": of,
                "user": { "id": account.id.to_string(), "email": account.email.to_string() },
                "created_at": time(collaborator.created_at),
            }),
        }
    }

    /// What is different from before, where that is known.
    fn previous(&self) -> Value {
        match self {
            Self::AppChanged { before } => json!({
                "name": before.name.to_string(),
                "maintenance": before.maintenance,
                "build_stack": { "name": before.stack.to_string() },
                "owner": { "id": before.owner.to_string() },
            }),
            Self::BuildClosed(_) | Self::ReleaseSettled(_) => json!({ "status": "pending" }),
            Self::Scaled { before, .. } => json!({ "quantity": before.quantity, "size": before.size.name() }),
            _ => json!({}),
        }
    }
}

/// Whole seconds, as Heroku writes them.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
