//! `/apps/{app}/log-drains`: where an app's lines are sent besides being kept.

use api_types::{LogDrain, LogDrainCreate};
use axum::{Json, extract::State, response::Response};
use domain::{App, Drain};
use engine::Permission;
use http::StatusCode;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{app_ref, time},
};

const KEYS: &Keys<LogDrain> = &[("id", |it| Key::Text(it.id.clone()))];

/// `GET /apps/{app}/log-drains`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    // The URLs may carry passwords.
    let app = api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    let drains = api.platform.drains(&app).await?;
    Ok(range.page(drains.iter().map(|drain| shown(&app, drain)).collect(), KEYS))
}

/// `GET /apps/{app}/log-drains/{id, url or token}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<LogDrain>, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    let drain = api.platform.drain(&app, &named).await?;
    Ok(Json(shown(&app, &drain)))
}

/// `POST /apps/{app}/log-drains`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<LogDrainCreate>,
) -> Result<(StatusCode, Json<LogDrain>), ApiError> {
    // Who may not see the app does not learn what a drain's URL is.
    api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    let (app, drain) = api.platform.add_drain(&caller.actor, &app, asked.url.expose()).await?;
    Ok((StatusCode::CREATED, Json(shown(&app, &drain))))
}

/// `DELETE /apps/{app}/log-drains/{id, url or token}`
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<LogDrain>, ApiError> {
    let (app, drain) = api.platform.remove_drain(&caller.actor, &app, &named).await?;
    Ok(Json(shown(&app, &drain)))
}

fn shown(app: &App, drain: &Drain) -> LogDrain {
    LogDrain {
        addon: None,
        app: app_ref(app),
        created_at: time(drain.created_at),
        id: drain.id.to_string(),
        token: drain.token.clone(),
        updated_at: time(drain.created_at),
        url: drain.url.expose().into(),
    }
}
