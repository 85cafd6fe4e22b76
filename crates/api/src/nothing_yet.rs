//! Lists that are asked for and are empty, since nothing can be put into them yet.

use axum::{Json, extract::State};
use engine::Permission;
use serde_json::Value;

use crate::{
    Api,
    auth::Caller,
    body::Named,
    error::{ApiError, not_found},
};

/// An empty list of an account.
pub(crate) async fn of_account(_: Caller) -> Json<[Value; 0]> {
    Json([])
}

/// An empty list of an app.
pub(crate) async fn of_app(State(api): State<Api>, caller: Caller, Named(app): Named<String>) -> Result<Json<[Value; 0]>, ApiError> {
    api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    Ok(Json([]))
}

/// `GET /apps/{app}/pipeline-couplings`: one thing in spite of its name, and no app is in a pipeline.
pub(crate) async fn pipeline_coupling(State(api): State<Api>, caller: Caller, Named(app): Named<String>) -> Result<Json<Value>, ApiError> {
    api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    Err(not_found("pipeline coupling"))
}
