//! Webhooks: who may add and remove them; and telling them, again and again until they have heard it.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    App,
    webhook::{Attempt, Confidential, Delivery, DeliveryStatus, Level, MOST_WEBHOOKS, Target, Topic, Webhook, WebhookEvent, signature, webhook_url},
};
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use ports::{Post, Posts};
use serde_json::json;
use store::{StoreError, Tx};

use crate::{
    accounts::Actor,
    authority::Permission,
    background::{Round, Task},
    happenings::time,
    platform::Platform,
    refusal::Refusal,
};

/// A webhook as somebody wants it. `None`: as it is; for a new one, none or drawn.
#[derive(Default)]
pub struct WebhookWish {
    pub include: Option<Vec<String>>,
    pub level: Option<String>,
    pub url: Option<String>,
    pub secret: Option<String>,
    pub authorization: Option<String>,
}

/// As many as are shown.
const SHOWN: usize = 1_000;

impl Platform {
    /// An app's webhooks, oldest first.
    pub async fn webhooks(&self, actor: &Actor, app: &str) -> Result<(App, Vec<Webhook>), Refusal> {
        let mut tx = self.store.read().await?;
        // The URLs may carry passwords.
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let webhooks = tx.webhooks(app.id).await?;
        Ok((app, webhooks))
    }

    /// One of them, by its id.
    pub async fn webhook(&self, actor: &Actor, app: &str, id: &str) -> Result<(App, Webhook), Refusal> {
        let mut tx = self.store.read().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let webhook = find(&mut tx, &app, id).await?;
        Ok((app, webhook))
    }

    /// Tells one more place from now on. Without a secret one is drawn: what comes can always be told from what others send.
    pub async fn add_webhook(&self, actor: &Actor, app: &str, wish: &WebhookWish) -> Result<(App, Webhook), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let topics = Topic::of(wish.include.as_deref().unwrap_or_default())?;
        let level = level(wish.level.as_deref().unwrap_or_default())?;
        let url = webhook_url(wish.url.as_deref().unwrap_or_default())?;
        let drawn = || self.chance.secret();
        let secret = Confidential::new(&wish.secret.clone().unwrap_or_else(drawn))?;
        let authorization = wish.authorization.as_deref().map(Confidential::new).transpose()?;
        if tx.webhooks(app.id).await?.len() >= MOST_WEBHOOKS {
            return Err(Refusal::Invalid(format!("There are too many webhooks (maximum is {MOST_WEBHOOKS}). Remove one first.")));
        }
        let now = self.clock.now();
        let target = Target { url, secret, authorization };
        let webhook = Webhook { id: self.chance.id(now), app: app.id, topics, level, target, created_at: now, updated_at: now };
        tx.insert_webhook(&webhook).await?;
        tx.commit().await?;
        self.tell_api(app.id, format!("Add webhook {} by user {}", webhook.target.url.shown(), actor.account.email));
        Ok((app, webhook))
    }

    /// Changes what is given; what is on its way goes to the new place.
    pub async fn change_webhook(&self, actor: &Actor, app: &str, id: &str, wish: &WebhookWish) -> Result<(App, Webhook), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let mut webhook = find(&mut tx, &app, id).await?;
        if let Some(include) = &wish.include {
            webhook.topics = Topic::of(include)?;
        }
        if let Some(word) = &wish.level {
            webhook.level = level(word)?;
        }
        if let Some(url) = &wish.url {
            webhook.target.url = webhook_url(url)?;
        }
        if let Some(secret) = &wish.secret {
            webhook.target.secret = Confidential::new(secret)?;
        }
        if let Some(authorization) = &wish.authorization {
            webhook.target.authorization = Some(Confidential::new(authorization)?);
        }
        webhook.updated_at = self.clock.now();
        tx.update_webhook(&webhook).await?;
        tx.commit().await?;
        self.tell_api(app.id, format!("Update webhook {} by user {}", webhook.target.url.shown(), actor.account.email));
        Ok((app, webhook))
    }

    /// Tells it nothing more, not even what is on its way.
    pub async fn remove_webhook(&self, actor: &Actor, app: &str, id: &str) -> Result<(App, Webhook), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let webhook = find(&mut tx, &app, id).await?;
        tx.delete_webhook(webhook.id).await?;
        tx.commit().await?;
        self.tell_api(app.id, format!("Remove webhook {} by user {}", webhook.target.url.shown(), actor.account.email));
        Ok((app, webhook))
    }

    /// What went to an app's webhooks, oldest first.
    pub async fn deliveries(&self, actor: &Actor, app: &str) -> Result<Vec<Delivery>, Refusal> {
        let mut tx = self.store.read().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        Ok(tx.deliveries(app.id, SHOWN).await?)
    }

    pub async fn delivery(&self, actor: &Actor, app: &str, id: &str) -> Result<Delivery, Refusal> {
        let mut tx = self.store.read().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let id = id.parse().map_err(|_| Refusal::NotFound("webhook delivery"))?;
        let found = tx.delivery(id).await?.ok_or(Refusal::NotFound("webhook delivery"))?;
        let ours = tx.webhook(found.webhook).await?.is_some_and(|webhook| webhook.app == app.id);
        if ours { Ok(found) } else { Err(Refusal::NotFound("webhook delivery")) }
    }

    /// What an app's webhooks were told of, oldest first.
    pub async fn webhook_events(&self, actor: &Actor, app: &str) -> Result<Vec<WebhookEvent>, Refusal> {
        let mut tx = self.store.read().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        Ok(tx.webhook_events(app.id, SHOWN).await?)
    }

    pub async fn webhook_event(&self, actor: &Actor, app: &str, id: &str) -> Result<WebhookEvent, Refusal> {
        let mut tx = self.store.read().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let id = id.parse().map_err(|_| Refusal::NotFound("webhook event"))?;
        tx.webhook_event(id).await?.filter(|event| event.app == app.id).ok_or(Refusal::NotFound("webhook event"))
    }
}

async fn find(tx: &mut Tx, app: &App, id: &str) -> Result<Webhook, Refusal> {
    let id = id.parse().map_err(|_| Refusal::NotFound("webhook"))?;
    tx.webhook(id).await?.filter(|webhook| webhook.app == app.id).ok_or(Refusal::NotFound("webhook"))
}

fn level(word: &str) -> Result<Level, Refusal> {
    Level::from_word(word).ok_or_else(|| domain::webhook::InvalidWebhook::Level.into())
}

/// Sends what is due. One per control plane.
pub struct Deliveries {
    pub platform: Arc<Platform>,
    pub posts: Arc<dyn Posts>,
}

/// As many are begun in a round, and so many are under way at once.
const A_ROUND: usize = 64;
const AT_ONCE: usize = 8;
/// So long it is shown what was told.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// With rounds that had something to do, one in so many clears the old away.
const CLEARED_EVERY: usize = 64;

impl Task for Deliveries {
    const NAME: &'static str = "webhooks";

    async fn run(&mut self) -> Round {
        match self.round().await {
            Ok(round) => round,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "webhooks could not be told; it is tried again");
                Round { failed: 1, waiting_for: vec![error.to_string()], ..Round::default() }
            }
        }
    }
}

impl Deliveries {
    async fn round(&self) -> Result<Round, StoreError> {
        let begun = self.begin().await?;
        let done = begun.len();
        let ended: Vec<Result<(), StoreError>> =
            stream::iter(begun).map(|(delivery, post)| self.deliver(delivery, post)).buffer_unordered(AT_ONCE).collect().await;
        ended.into_iter().collect::<Result<(), StoreError>>()?;
        let next = self.platform.store.read().await?.next_delivery_at().await?;
        let now = self.platform.clock.now();
        let again_in = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or(Duration::ZERO));
        Ok(Round { done, again_in, ..Round::default() })
    }

    /// Takes what is due, and writes down that it is being tried before it is.
    async fn begin(&self) -> Result<Vec<(Delivery, Post)>, StoreError> {
        let platform = &self.platform;
        // A writer: it sees what those have written who woke this.
        let mut tx = platform.store.write().await?;
        let now = platform.clock.now();
        let mut begun = Vec::new();
        for delivery in tx.due_deliveries(now, A_ROUND).await? {
            let delivery = delivery.begun(now);
            tx.update_delivery(&delivery).await?;
            // Both are there: a delivery goes with either.
            if let (Some(webhook), Some(event)) = (tx.webhook(delivery.webhook).await?, tx.webhook_event(delivery.event).await?) {
                let post = letter(&delivery, &webhook, &event, &time(now));
                begun.push((delivery, post));
            }
        }
        if !begun.is_empty()
            && platform.chance.below(CLEARED_EVERY) == 0
            && let Ok(before) = now.checked_sub(KEPT)
        {
            tx.delete_webhook_events_before(before).await?;
        }
        tx.commit().await?;
        Ok(begun)
    }

    async fn deliver(&self, delivery: Delivery, post: Post) -> Result<(), StoreError> {
        let answer = self.posts.post(post).await;
        let at = self.platform.clock.now();
        let (code, error) = match answer {
            Ok(code) => (Some(code), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let delivery = delivery.ended(Attempt { at, code, error });
        if delivery.status == DeliveryStatus::Failed {
            tracing::debug!(delivery = %delivery.id, attempts = delivery.attempts, "a webhook was given up");
        }
        let mut tx = self.platform.store.write().await?;
        tx.update_delivery(&delivery).await?;
        tx.commit().await
    }
}

/// The request as Heroku sends it.
fn letter(delivery: &Delivery, webhook: &Webhook, event: &WebhookEvent, now: &str) -> Post {
    let mut body: serde_json::Value = serde_json::from_str(&event.payload).unwrap_or_else(|_| json!({}));
    let at = time(event.created_at);
    body["id"] = json!(event.id.to_string());
    body["created_at"] = json!(at);
    body["updated_at"] = json!(at);
    body["published_at"] = json!(now);
    body["sequence"] = json!(null);
    body["webhook_metadata"] = json!({
        "attempt": { "id": attempt_id(delivery) },
        "delivery": { "id": delivery.id.to_string() },
        "event": { "id": event.id.to_string(), "include": event.topic.word() },
        "webhook": { "id": webhook.id.to_string() },
    });
    let body = body.to_string();
    let Target { url, secret, authorization } = &webhook.target;
    let mut headers = vec![("Content-Type", "application/json".to_owned()), ("Heroku-Webhook-Hmac-SHA256", signature(secret, body.as_bytes()))];
    let named = authorization.as_ref().map(|text| text.expose().to_owned());
    let of_url = || url.credentials().map(|credentials| format!("Basic {}", BASE64_STANDARD.encode(credentials)));
    headers.extend(named.or_else(of_url).map(|text| ("Authorization", text)));
    Post { url: format!("{}{}", url.shown(), url.target()), headers, body }
}

/// An attempt has no row: its id is the delivery's, and which attempt it is.
pub fn attempt_id(delivery: &Delivery) -> String {
    let mut bytes = *delivery.id.uuid().as_bytes();
    for (byte, count) in bytes[12..].iter_mut().zip(delivery.attempts.to_be_bytes()) {
        *byte ^= count;
    }
    uuid::Uuid::from_bytes(bytes).to_string()
}
