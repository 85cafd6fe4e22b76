//! `/apps/:app/webhooks`, their deliveries, and the events they tell of.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{NamedRef, Secret, UserRef};

/// A subscription. What it is signed with is shown once, in a header of the answer that made it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Webhook {
    pub app: NamedRef,
    pub created_at: String,
    pub id: String,
    /// `api:release`, …
    pub include: Vec<String>,
    /// `notify` or `sync`.
    pub level: String,
    pub updated_at: String,
    /// It may carry a password.
    pub url: Secret,
}

/// `POST /apps/:app/webhooks`, and `PATCH` of one: what is not given stays, or is drawn.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WebhookUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookDelivery {
    pub created_at: String,
    pub event: WebhookDeliveryEvent,
    pub id: String,
    pub last_attempt: Option<WebhookAttempt>,
    pub next_attempt_at: Option<String>,
    pub num_attempts: u32,
    /// `pending`, `retrying`, `succeeded`, `failed`.
    pub status: String,
    pub updated_at: String,
    pub webhook: WebhookDeliveryTo,
}

/// What a [`WebhookDelivery`] tells of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookDeliveryEvent {
    pub id: String,
    pub include: String,
}

/// Whom a [`WebhookDelivery`] tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookDeliveryTo {
    pub id: String,
    pub level: String,
}

/// One attempt of a [`WebhookDelivery`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookAttempt {
    /// The HTTP status that was answered.
    pub code: Option<u16>,
    pub created_at: String,
    /// Why there was no answer, in a word.
    pub error_class: Option<String>,
    pub id: String,
    /// `succeeded` or `failed`.
    pub status: String,
    pub updated_at: String,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookEvent {
    pub created_at: String,
    pub id: String,
    pub include: String,
    pub payload: WebhookPayload,
    pub updated_at: String,
}

/// What a [`WebhookEvent`] tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookPayload {
    /// `create`, `update`, `destroy`.
    pub action: String,
    pub actor: UserRef,
    pub data: Value,
    pub previous_data: Value,
    /// `release`, …
    pub resource: String,
    pub version: String,
}
