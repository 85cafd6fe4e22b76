//! `/apps/{app}/config-vars`.

use api_types::{ConfigVars, ConfigVarsUpdate};
use axum::{Json, extract::State};
use engine::Permission;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
};

/// `GET /apps/{app}/config-vars`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named(app): Named<String>) -> Result<Json<ConfigVars>, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::Operate).await?;
    Ok(Json(shown(&tx.config_vars(app.id).await?)))
}

/// `PATCH /apps/{app}/config-vars`: a value sets, null deletes, what is not named stays.
pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(changes): Body<ConfigVarsUpdate>,
) -> Result<Json<ConfigVars>, ApiError> {
    // The names, never the values; who may not change them may say anything.
    api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    caller
        .about
        .detail(changes.0.keys().map(|key| key.chars().filter(|c| !c.is_control()).take(60).collect::<String>()).take(30).collect::<Vec<_>>().join(" "));
    let (_, vars, _) = api.platform.change_config(&caller.actor, &app, &changes.0).await?;
    Ok(Json(shown(&vars)))
}

/// `GET /apps/{app}/releases/{release}/config-vars`
pub(crate) async fn of_release(State(api): State<Api>, caller: Caller, Named((app, release)): Named<(String, String)>) -> Result<Json<ConfigVars>, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::Operate).await?;
    let release = api.platform.find_release(&mut tx, &app, &release).await?;
    Ok(Json(shown(&tx.release_config_vars(release.id).await?)))
}

fn shown(vars: &domain::ConfigVars) -> ConfigVars {
    ConfigVars(vars.iter().map(|(key, value)| (key.to_string(), value.expose().to_owned())).collect())
}
