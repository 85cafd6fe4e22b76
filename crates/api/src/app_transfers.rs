//! `/account/app-transfers`: giving an app away.

use api_types::{AppTransfer, AppTransferCreate, AppTransferUpdate, NamedRef};
use axum::{Json, extract::State, response::Response};
use domain::sharing::TransferState;
use engine::Refusal;
use http::StatusCode;
use store::{StoreError, Tx};

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{People, app_ref, time},
};

const KEYS: &Keys<AppTransfer> = &[("id", |it| Key::Text(it.id.clone()))];

/// `GET /account/app-transfers`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let transfers = api.platform.transfers(&caller.actor).await?;
    let (mut tx, mut shown_all) = (api.platform.store.read().await?, Vec::new());
    for transfer in &transfers {
        shown_all.push(shown(&mut tx, transfer).await?);
    }
    Ok(range.page(shown_all, KEYS))
}

/// `GET /account/app-transfers/{id, or app}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named(named): Named<String>) -> Result<Json<AppTransfer>, ApiError> {
    let transfer = api.platform.transfer(&caller.actor, &named).await?;
    answer(&api, &transfer).await
}

/// `POST /account/app-transfers`
pub(crate) async fn create(State(api): State<Api>, caller: Caller, Body(asked): Body<AppTransferCreate>) -> Result<(StatusCode, Json<AppTransfer>), ApiError> {
    let transfer = api.platform.offer_app(&caller.actor, &asked.app, &asked.recipient).await?;
    let shown = answer(&api, &transfer).await?;
    caller.about.detail(format!("{} to {}", shown.app.name, shown.recipient.email));
    Ok((StatusCode::CREATED, shown))
}

/// `PATCH /account/app-transfers/{id, or app}`
pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    Named(named): Named<String>,
    Body(asked): Body<AppTransferUpdate>,
) -> Result<Json<AppTransfer>, ApiError> {
    let state = TransferState::from_word(&asked.state).ok_or_else(|| Refusal::Invalid("State must be `accepted` or `declined`".to_owned()))?;
    let transfer = api.platform.answer_transfer(&caller.actor, &named, state).await?;
    let shown = answer(&api, &transfer).await?;
    caller.about.detail(format!("{} {}", shown.app.name, shown.state));
    Ok(shown)
}

/// `DELETE /account/app-transfers/{id, or app}`
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Named(named): Named<String>) -> Result<Json<AppTransfer>, ApiError> {
    let transfer = api.platform.cancel_transfer(&caller.actor, &named).await?;
    let shown = answer(&api, &transfer).await?;
    caller.about.detail(shown.app.name.as_str());
    Ok(shown)
}

async fn answer(api: &Api, transfer: &domain::sharing::AppTransfer) -> Result<Json<AppTransfer>, ApiError> {
    let mut tx = api.platform.store.read().await?;
    Ok(Json(shown(&mut tx, transfer).await?))
}

async fn shown(tx: &mut Tx, transfer: &domain::sharing::AppTransfer) -> Result<AppTransfer, StoreError> {
    let mut people = People::default();
    let app = tx.app(transfer.app).await?;
    Ok(AppTransfer {
        app: app.as_ref().map_or_else(|| NamedRef { id: transfer.app.to_string(), name: String::new() }, app_ref),
        created_at: time(transfer.created_at),
        id: transfer.id.to_string(),
        owner: people.one(tx, transfer.owner).await?,
        recipient: people.one(tx, transfer.recipient).await?,
        state: transfer.state.word().to_owned(),
        updated_at: time(transfer.updated_at),
    })
}
