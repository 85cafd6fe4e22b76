//! `/apps/{app}/dynos` and `/apps/{app}/formations`: seeing, running, restarting and stopping dynos.

use std::sync::Arc;

use api_types::{Dyno, DynoCreate, ReleaseRef, Secret, TerminalSize};
use axum::{Json, extract::State, response::Response};
use domain::{App, DynoName, ProcessType, one_off::OneOff};
use engine::{
    Permission, Platform, Refusal,
    dynos::{DynoView, Which},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    dyno_env,
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{app_ref, time},
};

const KEYS: &Keys<Dyno> = &[("id", |it| Key::Text(it.id.clone())), ("name", |it| Key::Text(it.name.clone()))];

/// What has been begun and is not waited for: an object, since some clients read every answer as JSON.
type Begun = (StatusCode, Json<Value>);

/// `GET /apps/{app}/dynos`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    let dynos = api.platform.dynos(&app).await?;
    Ok(range.page(dynos.into_iter().map(|view| shown(&app, view)).collect(), KEYS))
}

/// `GET /apps/{app}/dynos/{dyno}`: by name or id.
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, dyno)): Named<(String, String)>) -> Result<Json<Dyno>, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    Ok(Json(shown(&app, find(&api, &app, &dyno).await?)))
}

/// `POST /apps/{app}/dynos`: a one-off dyno. Attached, it starts when its client comes to the rendezvous.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<DynoCreate>,
) -> Result<(StatusCode, Json<Dyno>), ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    let (app, one_off, secret) = api.platform.run_one_off(&caller.actor, &app.id.to_string(), dyno_env::one_off(asked)?).await?;
    let release = api.platform.store.read().await?.release_version(app.id, one_off.release).await?.ok_or(Refusal::NotFound("release"))?;
    let (host, port) = &api.platform.settings.rendezvous;
    let state = if secret.is_some() { "starting" } else { "up" };
    let dyno = Dyno {
        app: app_ref(&app),
        attach_url: secret.map(|secret| Secret::new(format!("rendezvous://{host}:{port}/{secret}"))),
        command: one_off.command,
        created_at: time(one_off.created_at),
        id: one_off.id.to_string(),
        process_type: one_off.name.process_type.to_string(),
        name: one_off.name.to_string(),
        release: ReleaseRef { id: release.id.to_string(), version: release.version.0.into() },
        size: one_off.size.name().to_owned(),
        state: state.to_owned(),
        updated_at: time(one_off.created_at),
        waiting_for: None,
    };
    Ok((StatusCode::CREATED, Json(dyno)))
}

/// `DELETE /apps/{app}/dynos`: restarts all of the formation.
pub(crate) async fn restart_all(State(api): State<Api>, caller: Caller, Named(app): Named<String>) -> Result<Begun, ApiError> {
    api.platform.restart(&caller.actor, &app, &Which::All).await?;
    Ok(begun())
}

/// `DELETE /apps/{app}/dynos/{dyno}` and `POST …/actions/stop`: a stopped dyno of the formation is started again by it, a
/// one-off dyno is not.
pub(crate) async fn stop_one(State(api): State<Api>, caller: Caller, Named((app, dyno)): Named<(String, String)>) -> Result<Begun, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    let name = find(&api, &app, &dyno).await?.name;
    match one_offs(&api, &app, |one_off| one_off.name == name).await?.pop() {
        Some(one_off) => end(api.platform, one_off),
        None => drop(api.platform.restart(&caller.actor, &app.id.to_string(), &Which::One(name)).await?),
    }
    Ok(begun())
}

/// `POST /apps/{app}/dynos/{dyno}/actions/resize`: not Heroku's, whose rendezvous has no word for a window that becomes another.
pub(crate) async fn resize(
    State(api): State<Api>,
    caller: Caller,
    Named((app, dyno)): Named<(String, String)>,
    Body(asked): Body<TerminalSize>,
) -> Result<Json<Value>, ApiError> {
    api.platform.resize(&caller.actor, &app, &dyno, (asked.columns, asked.lines)).await?;
    Ok(Json(json!({})))
}

/// `DELETE /apps/{app}/formations/{type}` and `POST …/actions/stop`: the same for all dynos of a type.
pub(crate) async fn stop_type(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Begun, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    let process_type: ProcessType = named.parse().map_err(|_| Refusal::NotFound("dyno"))?;
    let running = one_offs(&api, &app, |one_off| one_off.name.process_type == process_type).await?;
    let restarted = api.platform.restart(&caller.actor, &app.id.to_string(), &Which::Type(process_type)).await;
    match restarted {
        Err(Refusal::NotFound("dyno")) if !running.is_empty() => {}
        other => drop(other?),
    }
    running.into_iter().for_each(|one_off| end(api.platform.clone(), one_off));
    Ok(begun())
}

fn begun() -> Begun {
    (StatusCode::ACCEPTED, Json(json!({})))
}

async fn find(api: &Api, app: &App, named: &str) -> Result<DynoView, ApiError> {
    let name = named.parse::<DynoName>().ok();
    let meant = |view: &DynoView| name.as_ref() == Some(&view.name) || named.parse() == Ok(view.id);
    Ok(api.platform.dynos(app).await?.into_iter().find(meant).ok_or(Refusal::NotFound("dyno"))?)
}

async fn one_offs(api: &Api, app: &App, meant: impl Fn(&OneOff) -> bool) -> Result<Vec<OneOff>, ApiError> {
    let all = api.platform.store.read().await?.one_offs(app.id).await?;
    Ok(all.into_iter().filter(meant).collect())
}

/// Ends a one-off dyno without keeping anybody waiting for its container.
fn end(platform: Arc<Platform>, one_off: OneOff) {
    tokio::spawn(async move {
        if let Err(error) = platform.end_session(&one_off).await {
            tracing::warn!(dyno = %one_off.name, error = &error as &dyn std::error::Error, "a one-off dyno could not be stopped");
        }
    });
}

fn shown(app: &App, view: DynoView) -> Dyno {
    Dyno {
        app: app_ref(app),
        attach_url: None,
        command: view.command,
        created_at: time(view.since),
        id: view.id.to_string(),
        process_type: view.name.process_type.to_string(),
        name: view.name.to_string(),
        release: ReleaseRef { id: view.release.id.to_string(), version: view.release.version.0.into() },
        size: view.size.name().to_owned(),
        state: view.state.to_owned(),
        updated_at: time(view.since),
        waiting_for: view.waiting_for,
    }
}
