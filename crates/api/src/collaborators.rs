//! `/apps/{app}/collaborators`: the owner, so far.

use api_types::{Collaborator, CollaboratorUser};
use axum::{Json, extract::State, response::Response};
use engine::{Permission, Refusal};

use crate::{
    Api,
    auth::Caller,
    body::Named,
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{People, app_ref, fixed_id, time},
};

const KEYS: &Keys<Collaborator> = &[("id", |it| Key::Text(it.id.clone()))];

/// `GET /apps/{app}/collaborators`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let owner = owner(&api, &caller, &app).await?;
    Ok(range.page(vec![owner], KEYS))
}

/// `GET /apps/{app}/collaborators/{collaborator}`: by address, account id or id.
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<Collaborator>, ApiError> {
    let owner = owner(&api, &caller, &app).await?;
    let meant = [&owner.id, &owner.user.id, &owner.user.email].into_iter().any(|known| known.eq_ignore_ascii_case(&named));
    if meant { Ok(Json(owner)) } else { Err(Refusal::NotFound("collaborator").into()) }
}

async fn owner(api: &Api, caller: &Caller, app: &str) -> Result<Collaborator, ApiError> {
    let (mut tx, app) = api.read_app(caller, app, Permission::View).await?;
    let user = People::default().one(&mut tx, app.owner).await?;
    Ok(Collaborator {
        app: app_ref(&app),
        created_at: time(app.created_at),
        id: fixed_id(&["collaborator", &app.id.to_string(), &user.id]),
        permissions: Vec::new(),
        role: Some("owner".to_owned()),
        updated_at: time(app.created_at),
        user: CollaboratorUser { email: user.email, federated: false, id: user.id },
    })
}
