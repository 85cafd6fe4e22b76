//! `/account/keys`: the keys the caller pushes with over SSH.

use api_types::{Key as ShownKey, KeyCreate};
use axum::{Json, extract::State, response::Response};
use http::StatusCode;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::time,
};

const KEYS: &Keys<ShownKey> = &[("id", |it| Key::Text(it.id.clone()))];

/// `GET /account/keys`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let keys = api.platform.keys(&caller.actor).await?;
    Ok(range.page(keys.iter().map(|key| shown(&caller, key)).collect(), KEYS))
}

/// `GET /account/keys/{id or fingerprint}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named(key): Named<String>) -> Result<Json<ShownKey>, ApiError> {
    let key = api.platform.key(&caller.actor, &key).await?;
    Ok(Json(shown(&caller, &key)))
}

/// `POST /account/keys`
pub(crate) async fn create(State(api): State<Api>, caller: Caller, Body(asked): Body<KeyCreate>) -> Result<(StatusCode, Json<ShownKey>), ApiError> {
    let key = api.platform.add_key(&caller.actor, asked.public_key.expose()).await?;
    Ok((StatusCode::CREATED, Json(shown(&caller, &key))))
}

/// `DELETE /account/keys/{id or fingerprint}`
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Named(key): Named<String>) -> Result<Json<ShownKey>, ApiError> {
    let key = api.platform.remove_key(&caller.actor, &key).await?;
    Ok(Json(shown(&caller, &key)))
}

fn shown(caller: &Caller, key: &domain::SshKey) -> ShownKey {
    ShownKey {
        comment: key.key.comment().to_owned(),
        created_at: time(key.created_at),
        email: caller.actor.account.email.to_string(),
        fingerprint: key.key.fingerprint().to_string(),
        id: key.id.to_string(),
        public_key: key.key.to_string(),
        updated_at: time(key.created_at),
    }
}
