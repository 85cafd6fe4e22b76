//! `/apps/{app}/collaborators`: the owner, and who else works on an app.

use api_types::{Collaborator, CollaboratorCreate, CollaboratorUser};
use axum::{Json, extract::State, response::Response};
use domain::{Account, App};
use engine::{Permission, Refusal};
use http::StatusCode;
use jiff::Timestamp;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{app_ref, fixed_id, time},
};

const KEYS: &Keys<Collaborator> = &[("email", |it| Key::Text(it.user.email.clone())), ("id", |it| Key::Text(it.id.clone()))];

/// `GET /apps/{app}/collaborators`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    Ok(range.page(all(&api, &caller, &app).await?, KEYS))
}

/// `GET /apps/{app}/collaborators/{collaborator}`: by address, account id or id.
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<Collaborator>, ApiError> {
    let meant = |it: &Collaborator| [&it.id, &it.user.id, &it.user.email].into_iter().any(|known| known.eq_ignore_ascii_case(&named));
    let found = all(&api, &caller, &app).await?.into_iter().find(meant);
    Ok(Json(found.ok_or(Refusal::NotFound("collaborator"))?))
}

/// `POST /apps/{app}/collaborators`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<CollaboratorCreate>,
) -> Result<(StatusCode, Json<Collaborator>), ApiError> {
    let (app, added, account) = api.platform.add_collaborator(&caller.actor, &app, &asked.user).await?;
    caller.about.detail(account.email.as_str());
    Ok((StatusCode::CREATED, Json(shown(&app, added.id.to_string(), &account, "collaborator", added.created_at))))
}

/// `DELETE /apps/{app}/collaborators/{collaborator}`
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<Collaborator>, ApiError> {
    let (app, removed, account) = api.platform.remove_collaborator(&caller.actor, &app, &named).await?;
    caller.about.detail(account.email.as_str());
    Ok(Json(shown(&app, removed.id.to_string(), &account, "collaborator", removed.created_at)))
}

async fn all(api: &Api, caller: &Caller, app: &str) -> Result<Vec<Collaborator>, ApiError> {
    let (mut tx, app) = api.read_app(caller, app, Permission::View).await?;
    let mut all = Vec::new();
    if let Some(owner) = tx.account(app.owner).await? {
        let id = fixed_id(&["collaborator", &app.id.to_string(), &owner.id.to_string()]);
        all.push(shown(&app, id, &owner, "owner", app.created_at));
    }
    for (collaborator, account) in tx.collaborators(app.id).await? {
        all.push(shown(&app, collaborator.id.to_string(), &account, "collaborator", collaborator.created_at));
    }
    Ok(all)
}

fn shown(app: &App, id: String, account: &Account, role: &str, since: Timestamp) -> Collaborator {
    Collaborator {
        app: app_ref(app),
        created_at: time(since),
        id,
        permissions: Vec::new(),
        role: Some(role.to_owned()),
        updated_at: time(since),
        user: CollaboratorUser { email: account.email.to_string(), federated: false, id: account.id.to_string() },
    }
}
