//! Webhooks, what there was to tell them, and how far that has come. Where they lead is sealed, with what they are signed with.

use std::collections::BTreeMap;

use domain::{
    AppId,
    webhook::{
        Attempt, Confidential, Delivery, DeliveryId, DeliveryStatus, Level, Target, Topic, Webhook, WebhookEvent, WebhookEventId, WebhookId, webhook_url,
    },
};
use jiff::Timestamp;

use crate::{
    Tx,
    error::{R, StoreError},
    seal::Sealer,
    statement::{Row, json},
};

/// The purpose targets are sealed for.
pub(crate) const WHAT: &str = "webhook";

macro_rules! select_delivery {
    ($rest:literal) => {
        concat!(
            "SELECT d.id AS id, d.webhook_id AS webhook_id, w.level AS level, d.event_id AS event_id, e.topic AS topic, d.status AS status, \
             d.attempts AS attempts, d.next_attempt_at_ms AS next_attempt_at_ms, d.last_attempt_at_ms AS last_attempt_at_ms, \
             d.last_code AS last_code, d.last_error AS last_error, d.created_at_ms AS created_at_ms, d.updated_at_ms AS updated_at_ms \
             FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id JOIN webhook_events e ON e.id = d.event_id ",
            $rest
        )
    };
}

fn delivery(row: &Row) -> R<Delivery> {
    let last = row.time_or_null("last_attempt_at_ms")?.map(|at| {
        let code = row.get::<Option<i64>>("last_code")?.and_then(|code| u16::try_from(code).ok());
        Ok::<_, StoreError>(Attempt { at, code, error: row.get("last_error")? })
    });
    Ok(Delivery {
        id: row.id("id")?,
        webhook: row.id("webhook_id")?,
        level: row.word("level", Level::from_word)?,
        event: row.id("event_id")?,
        topic: row.word("topic", Topic::from_word)?,
        status: row.word("status", DeliveryStatus::from_word)?,
        attempts: row.count("attempts")?,
        next_attempt_at: row.time_or_null("next_attempt_at_ms")?,
        last: last.transpose()?,
        created_at: row.time("created_at_ms")?,
        updated_at: row.time("updated_at_ms")?,
    })
}

fn event(row: &Row) -> R<WebhookEvent> {
    Ok(WebhookEvent {
        id: row.id("id")?,
        app: row.id("app_id")?,
        topic: row.word("topic", Topic::from_word)?,
        payload: row.get("payload")?,
        created_at: row.time("created_at_ms")?,
    })
}

fn words(topics: &[Topic]) -> String {
    topics.iter().map(|topic| topic.word()).collect::<Vec<_>>().join(" ")
}

fn webhook(row: &Row, sealer: &Sealer) -> R<Webhook> {
    let (app, include) = (row.id("app_id")?, row.get::<String>("include")?);
    let no_topic = || StoreError::Corrupt(format!("column include: {include:?}"));
    let topics = include.split(' ').map(|word| Topic::from_word(word).ok_or_else(no_topic)).collect::<R<_>>()?;
    Ok(Webhook {
        id: row.id("id")?,
        app,
        topics,
        level: row.word("level", Level::from_word)?,
        target: opened(&sealer.open(app, WHAT, &row.get::<Vec<u8>>("sealed")?)?).ok_or_else(|| StoreError::Corrupt(format!("{WHAT} of app {app}")))?,
        created_at: row.time("created_at_ms")?,
        updated_at: row.time("updated_at_ms")?,
    })
}

fn opened(plain: &[u8]) -> Option<Target> {
    let parts: BTreeMap<String, String> = serde_json::from_slice(plain).ok()?;
    let authorization = parts.get("authorization").map(|text| Confidential::new(text)).transpose().ok()?;
    Some(Target { url: webhook_url(parts.get("url")?).ok()?, secret: Confidential::new(parts.get("secret")?).ok()?, authorization })
}

impl Tx {
    fn sealed_target(&self, it: &Webhook) -> Vec<u8> {
        let Target { url, secret, authorization } = &it.target;
        let mut parts = BTreeMap::from([("url", url.expose()), ("secret", secret.expose())]);
        parts.extend(authorization.as_ref().map(|text| ("authorization", text.expose())));
        self.sealer.seal(it.app, WHAT, json(&parts).as_bytes())
    }

    pub async fn insert_webhook(&mut self, it: &Webhook) -> R<()> {
        let sealed = self.sealed_target(it);
        self.sql("INSERT INTO webhooks (id, app_id, include, level, sealed, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .id(it.id)
            .id(it.app)
            .text(words(&it.topics))
            .text(it.level.word())
            .bind(sealed)
            .time(it.created_at)
            .time(it.updated_at)
            .execute()
            .await
            .map(drop)
    }

    /// Saves what can change: all but where it belongs and since when.
    pub async fn update_webhook(&mut self, it: &Webhook) -> R<()> {
        let sealed = self.sealed_target(it);
        self.sql("UPDATE webhooks SET include = $1, level = $2, sealed = $3, updated_at_ms = $4 WHERE id = $5")
            .text(words(&it.topics))
            .text(it.level.word())
            .bind(sealed)
            .time(it.updated_at)
            .id(it.id)
            .execute()
            .await
            .map(drop)
    }

    /// An app's webhooks, oldest first.
    pub async fn webhooks(&mut self, app: AppId) -> R<Vec<Webhook>> {
        let sealer = self.sealer.clone();
        self.sql("SELECT id, app_id, include, level, sealed, created_at_ms, updated_at_ms FROM webhooks WHERE app_id = $1 ORDER BY created_at_ms, id")
            .id(app)
            .all(move |row| webhook(row, &sealer))
            .await
    }

    pub async fn webhook(&mut self, id: WebhookId) -> R<Option<Webhook>> {
        let sealer = self.sealer.clone();
        self.sql("SELECT id, app_id, include, level, sealed, created_at_ms, updated_at_ms FROM webhooks WHERE id = $1")
            .id(id)
            .optional(move |row| webhook(row, &sealer))
            .await
    }

    /// Its deliveries go with it.
    pub async fn delete_webhook(&mut self, id: WebhookId) -> R<()> {
        self.sql("DELETE FROM webhooks WHERE id = $1").id(id).execute().await.map(drop)
    }

    pub async fn insert_webhook_event(&mut self, it: &WebhookEvent) -> R<()> {
        self.sql("INSERT INTO webhook_events (id, app_id, topic, payload, created_at_ms) VALUES ($1, $2, $3, $4, $5)")
            .id(it.id)
            .id(it.app)
            .text(it.topic.word())
            .text(&it.payload)
            .time(it.created_at)
            .execute()
            .await
            .map(drop)
    }

    /// An app's last events, oldest first.
    pub async fn webhook_events(&mut self, app: AppId, most: usize) -> R<Vec<WebhookEvent>> {
        let mut events = self
            .sql("SELECT id, app_id, topic, payload, created_at_ms FROM webhook_events WHERE app_id = $1 ORDER BY created_at_ms DESC, id DESC LIMIT $2")
            .id(app)
            .count(most)
            .all(event)
            .await?;
        events.reverse();
        Ok(events)
    }

    pub async fn webhook_event(&mut self, id: WebhookEventId) -> R<Option<WebhookEvent>> {
        self.sql("SELECT id, app_id, topic, payload, created_at_ms FROM webhook_events WHERE id = $1").id(id).optional(event).await
    }

    /// Forgets what happened before this, with its deliveries.
    pub async fn delete_webhook_events_before(&mut self, time: Timestamp) -> R<()> {
        self.sql("DELETE FROM webhook_events WHERE created_at_ms < $1").time(time).execute().await.map(drop)
    }

    pub async fn insert_delivery(&mut self, it: &Delivery) -> R<()> {
        self.sql(
            "INSERT INTO webhook_deliveries (id, webhook_id, event_id, status, attempts, next_attempt_at_ms, created_at_ms, updated_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .id(it.id)
        .id(it.webhook)
        .id(it.event)
        .text(it.status.word())
        .count(it.attempts)
        .time_or_null(it.next_attempt_at)
        .time(it.created_at)
        .time(it.updated_at)
        .execute()
        .await
        .map(drop)
    }

    /// Saves how far it has come.
    pub async fn update_delivery(&mut self, it: &Delivery) -> R<()> {
        let last = it.last.as_ref();
        self.sql(
            "UPDATE webhook_deliveries SET status = $1, attempts = $2, next_attempt_at_ms = $3, last_attempt_at_ms = $4, last_code = $5, \
             last_error = $6, updated_at_ms = $7 WHERE id = $8",
        )
        .text(it.status.word())
        .count(it.attempts)
        .time_or_null(it.next_attempt_at)
        .time_or_null(last.map(|attempt| attempt.at))
        .bind(last.and_then(|attempt| attempt.code).map(i64::from))
        .text_or_null(last.and_then(|attempt| attempt.error.clone()))
        .time(it.updated_at)
        .id(it.id)
        .execute()
        .await
        .map(drop)
    }

    /// An app's last deliveries, oldest first.
    pub async fn deliveries(&mut self, app: AppId, most: usize) -> R<Vec<Delivery>> {
        let read = self.sql(select_delivery!("WHERE e.app_id = $1 ORDER BY d.created_at_ms DESC, d.id DESC LIMIT $2")).id(app).count(most);
        let mut deliveries = read.all(delivery).await?;
        deliveries.reverse();
        Ok(deliveries)
    }

    pub async fn delivery(&mut self, id: DeliveryId) -> R<Option<Delivery>> {
        self.sql(select_delivery!("WHERE d.id = $1")).id(id).optional(delivery).await
    }

    /// What is to be tried by now, longest due first.
    pub async fn due_deliveries(&mut self, now: Timestamp, most: usize) -> R<Vec<Delivery>> {
        self.sql(select_delivery!("WHERE d.next_attempt_at_ms <= $1 ORDER BY d.next_attempt_at_ms, d.id LIMIT $2")).time(now).count(most).all(delivery).await
    }

    /// When something is to be tried next.
    pub async fn next_delivery_at(&mut self) -> R<Option<Timestamp>> {
        let next = self.sql("SELECT MIN(next_attempt_at_ms) AS next FROM webhook_deliveries").optional(|row| row.time_or_null("next")).await?;
        Ok(next.flatten())
    }
}
