//! `/apps/{app}/webhooks`: who is told what happens to an app; and how that went.

use api_types::{NamedRef, Secret, Webhook, WebhookAttempt, WebhookDelivery, WebhookDeliveryEvent, WebhookDeliveryTo, WebhookEvent, WebhookUpdate};
use axum::{Json, extract::State, response::Response};
use domain::{App, webhook};
use engine::{
    Refusal,
    webhooks::{WebhookWish, attempt_id},
};
use http::{HeaderName, HeaderValue, StatusCode, Uri};

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{app_ref, time},
};

const KEYS: &Keys<Webhook> = &[("id", |it| Key::Text(it.id.clone()))];
/// Ids are drawn in the order of time: clients ask for `seq`.
const DELIVERY_KEYS: &Keys<WebhookDelivery> = &[("id", |it| Key::Text(it.id.clone())), ("seq", |it| Key::Text(it.id.clone()))];
const EVENT_KEYS: &Keys<WebhookEvent> = &[("id", |it| Key::Text(it.id.clone())), ("seq", |it| Key::Text(it.id.clone()))];

/// Where the answer that makes a webhook tells what it is signed with: nowhere else is it ever shown.
const SECRET: HeaderName = HeaderName::from_static("heroku-webhook-secret");

/// `GET /apps/{app}/webhooks`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let (app, webhooks) = api.platform.webhooks(&caller.actor, &app).await?;
    Ok(range.page(webhooks.iter().map(|webhook| shown(&app, webhook)).collect(), KEYS))
}

/// `GET /apps/{app}/webhooks/{id}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, id)): Named<(String, String)>) -> Result<Json<Webhook>, ApiError> {
    let (app, webhook) = api.platform.webhook(&caller.actor, &app, &id).await?;
    Ok(Json(shown(&app, &webhook)))
}

/// `POST /apps/{app}/webhooks`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<WebhookUpdate>,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], Json<Webhook>), ApiError> {
    let (app, webhook) = api.platform.add_webhook(&caller.actor, &app, &wish(asked)).await?;
    let mut secret = HeaderValue::from_str(webhook.target.secret.expose()).map_err(|error| Refusal::Platform(Box::new(error)))?;
    secret.set_sensitive(true);
    Ok((StatusCode::CREATED, [(SECRET, secret)], Json(shown(&app, &webhook))))
}

/// `PATCH /apps/{app}/webhooks/{id}`
pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    Named((app, id)): Named<(String, String)>,
    Body(asked): Body<WebhookUpdate>,
) -> Result<Json<Webhook>, ApiError> {
    let (app, webhook) = api.platform.change_webhook(&caller.actor, &app, &id, &wish(asked)).await?;
    Ok(Json(shown(&app, &webhook)))
}

/// `DELETE /apps/{app}/webhooks/{id}`
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Named((app, id)): Named<(String, String)>) -> Result<Json<Webhook>, ApiError> {
    let (app, webhook) = api.platform.remove_webhook(&caller.actor, &app, &id).await?;
    Ok(Json(shown(&app, &webhook)))
}

/// `GET /apps/{app}/webhook-deliveries`; `?eq[status]=failed` leaves out others.
pub(crate) async fn deliveries(State(api): State<Api>, caller: Caller, Named(app): Named<String>, uri: Uri, range: Range) -> Result<Response, ApiError> {
    let all = api.platform.deliveries(&caller.actor, &app).await?;
    let wanted = uri.query().and_then(|query| query.split('&').find_map(status));
    let fitting = all.iter().filter(|delivery| wanted.is_none_or(|status| status == delivery.status.word()));
    Ok(range.page(fitting.map(delivery_shown).collect(), DELIVERY_KEYS))
}

fn status(part: &str) -> Option<&str> {
    let (name, value) = part.split_once('=')?;
    matches!(name, "eq[status]" | "eq%5Bstatus%5D" | "eq%5bstatus%5d").then_some(value)
}

/// `GET /apps/{app}/webhook-deliveries/{id}`
pub(crate) async fn delivery(State(api): State<Api>, caller: Caller, Named((app, id)): Named<(String, String)>) -> Result<Json<WebhookDelivery>, ApiError> {
    Ok(Json(delivery_shown(&api.platform.delivery(&caller.actor, &app, &id).await?)))
}

/// `GET /apps/{app}/webhook-events`
pub(crate) async fn events(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let events = api.platform.webhook_events(&caller.actor, &app).await?;
    Ok(range.page(events.iter().map(event_shown).collect::<Result<_, _>>()?, EVENT_KEYS))
}

/// `GET /apps/{app}/webhook-events/{id}`
pub(crate) async fn event(State(api): State<Api>, caller: Caller, Named((app, id)): Named<(String, String)>) -> Result<Json<WebhookEvent>, ApiError> {
    Ok(Json(event_shown(&api.platform.webhook_event(&caller.actor, &app, &id).await?)?))
}

fn wish(asked: WebhookUpdate) -> WebhookWish {
    let text = |secret: Option<Secret>| secret.map(Secret::into_inner);
    let WebhookUpdate { authorization, include, level, secret, url } = asked;
    WebhookWish { include, level, url: text(url), secret: text(secret), authorization: text(authorization) }
}

fn shown(app: &App, webhook: &webhook::Webhook) -> Webhook {
    let app: NamedRef = app_ref(app);
    Webhook {
        app,
        created_at: time(webhook.created_at),
        id: webhook.id.to_string(),
        include: webhook.topics.iter().map(|topic| topic.word().to_owned()).collect(),
        level: webhook.level.word().to_owned(),
        updated_at: time(webhook.updated_at),
        url: webhook.target.url.expose().into(),
    }
}

fn delivery_shown(delivery: &webhook::Delivery) -> WebhookDelivery {
    let attempt = |last: &webhook::Attempt| WebhookAttempt {
        code: last.code,
        created_at: time(last.at),
        error_class: last.error.clone(),
        id: attempt_id(delivery),
        status: if last.succeeded() { "succeeded" } else { "failed" }.to_owned(),
        updated_at: time(last.at),
    };
    WebhookDelivery {
        created_at: time(delivery.created_at),
        event: WebhookDeliveryEvent { id: delivery.event.to_string(), include: delivery.topic.word().to_owned() },
        id: delivery.id.to_string(),
        last_attempt: delivery.last.as_ref().map(attempt),
        next_attempt_at: delivery.next_attempt_at.map(time),
        num_attempts: delivery.attempts,
        status: delivery.status.word().to_owned(),
        updated_at: time(delivery.updated_at),
        webhook: WebhookDeliveryTo { id: delivery.webhook.to_string(), level: delivery.level.word().to_owned() },
    }
}

fn event_shown(event: &webhook::WebhookEvent) -> Result<WebhookEvent, Refusal> {
    Ok(WebhookEvent {
        created_at: time(event.created_at),
        id: event.id.to_string(),
        include: event.topic.word().to_owned(),
        payload: serde_json::from_str(&event.payload).map_err(|error| Refusal::Platform(Box::new(error)))?,
        updated_at: time(event.created_at),
    })
}
