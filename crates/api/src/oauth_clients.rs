//! `/oauth/clients`.

use api_types::{OauthClient, OauthClientCreate, OauthClientUpdate};
use axum::{Json, extract::State, response::Response};
use domain::oauth_client;
use http::StatusCode;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::time,
};

const KEYS: &Keys<OauthClient> = &[("id", |it| Key::Text(it.id.clone())), ("name", |it| Key::Text(it.name.clone()))];

/// `GET /oauth/clients`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let clients = api.platform.oauth_clients(&caller.actor).await?;
    Ok(range.page(clients.iter().map(shown).collect(), KEYS))
}

/// `GET /oauth/clients/{client}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named(id): Named<String>) -> Result<Json<OauthClient>, ApiError> {
    Ok(Json(shown(&api.platform.oauth_client(&caller.actor, &id).await?)))
}

/// `POST /oauth/clients`
pub(crate) async fn create(State(api): State<Api>, caller: Caller, Body(asked): Body<OauthClientCreate>) -> Result<(StatusCode, Json<OauthClient>), ApiError> {
    let client = api.platform.add_oauth_client(&caller.actor, &asked.name, &asked.redirect_uri).await?;
    Ok((StatusCode::CREATED, Json(shown(&client))))
}

/// `PATCH /oauth/clients/{client}`
pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<String>,
    Body(asked): Body<OauthClientUpdate>,
) -> Result<Json<OauthClient>, ApiError> {
    let client = api.platform.change_oauth_client(&caller.actor, &id, asked.name.as_deref(), asked.redirect_uri.as_deref()).await?;
    Ok(Json(shown(&client)))
}

/// `POST /oauth/clients/{client}/actions/rotate-credentials`
pub(crate) async fn rotate(State(api): State<Api>, caller: Caller, Named(id): Named<String>) -> Result<Json<OauthClient>, ApiError> {
    Ok(Json(shown(&api.platform.rotate_oauth_client(&caller.actor, &id).await?)))
}

/// `DELETE /oauth/clients/{client}`
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Named(id): Named<String>) -> Result<Json<OauthClient>, ApiError> {
    Ok(Json(shown(&api.platform.remove_oauth_client(&caller.actor, &id).await?)))
}

fn shown(client: &oauth_client::OauthClient) -> OauthClient {
    OauthClient {
        created_at: time(client.created_at),
        id: client.id.to_string(),
        ignores_delinquent: Some(false),
        name: client.name.clone(),
        redirect_uri: client.redirect_uri.clone(),
        secret: client.secret.expose().into(),
        updated_at: time(client.updated_at),
    }
}
