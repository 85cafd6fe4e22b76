//! `/apps`.

use api_types::{App, AppCreate, AppUpdate, UserRef};
use axum::{Json, extract::State, response::Response};
use domain::StackName;
use engine::{Permission, Refusal};
use http::StatusCode;
use store::AppFront;

use crate::{
    Api, account,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    regions,
    shape::{People, generation, stack_ref, time},
};

const KEYS: &Keys<App> =
    &[("id", |it| Key::Text(it.id.clone())), ("name", |it| Key::Text(it.name.clone())), ("updated_at", |it| Key::Text(it.updated_at.clone()))];

/// `GET /apps`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let mut tx = api.platform.store.read().await?;
    let (mut people, mut apps) = (People::default(), Vec::new());
    for front in tx.app_fronts_open_to(caller.actor.account.id).await? {
        let owner = people.one(&mut tx, front.app.owner).await?;
        apps.push(shown(&api, front, owner));
    }
    Ok(range.page(apps, KEYS))
}

/// `GET /users/{account}/apps`
pub(crate) async fn of_user(state: State<Api>, caller: Caller, Named(user): Named<String>, range: Range) -> Result<Response, ApiError> {
    account::is_self(&caller, &user)?;
    list(state, caller, range).await
}

/// `POST /apps`
pub(crate) async fn create(State(api): State<Api>, caller: Caller, Body(asked): Body<AppCreate>) -> Result<(StatusCode, Json<App>), ApiError> {
    asked.region.as_deref().map(regions::there).transpose()?;
    let stack = asked.stack.as_deref().map(|stack| stack_name(&api, stack));
    let app = api.platform.create_app(&caller.actor, asked.name.as_deref(), stack.as_deref()).await?;
    Ok((StatusCode::CREATED, answer(&api, &app).await?))
}

/// `GET /apps/{app}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named(app): Named<String>) -> Result<Json<App>, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    answer(&api, &app).await
}

/// `PATCH /apps/{app}`
pub(crate) async fn update(State(api): State<Api>, caller: Caller, Named(app): Named<String>, Body(asked): Body<AppUpdate>) -> Result<Json<App>, ApiError> {
    let stack = asked.build_stack.as_deref().map(|stack| stack_name(&api, stack));
    let app = api.platform.update_app(&caller.actor, &app, asked.name.as_deref(), asked.maintenance, stack.as_deref()).await?;
    answer(&api, &app).await
}

/// `DELETE /apps/{app}`: answers what was deleted.
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Named(app): Named<String>) -> Result<Json<App>, ApiError> {
    // Read first: afterwards there is nothing left to show it from.
    let found = api.platform.authorize(&caller.actor, &app, Permission::Manage).await?;
    let before = answer(&api, &found).await?;
    api.platform.destroy_app(&caller.actor, &before.id).await?;
    Ok(before)
}

async fn answer(api: &Api, app: &domain::App) -> Result<Json<App>, ApiError> {
    let mut tx = api.platform.store.read().await?;
    // Somebody may have destroyed it since.
    let front = tx.app_front(app.id).await?.ok_or(Refusal::NotFound("app"))?;
    let owner = People::default().one(&mut tx, front.app.owner).await?;
    Ok(Json(shown(api, front, owner)))
}

/// A stack by name; clients that read `/stacks` may send its id.
fn stack_name(api: &Api, asked: &str) -> String {
    let same = |stack: &&StackName| stack_ref(stack).id == asked;
    api.platform.settings.stacks.iter().find(same).map_or_else(|| asked.to_owned(), ToString::to_string)
}

fn shown(api: &Api, front: AppFront, owner: UserRef) -> App {
    let AppFront { app, released_at, slug } = front;
    App {
        acm: false,
        archived_at: None,
        build_stack: stack_ref(&app.stack),
        buildpack_provided_description: slug.as_ref().and_then(|slug| slug.language.clone()),
        create_status: Some("complete".to_owned()),
        created_at: time(app.created_at),
        generation: generation(),
        git_url: api.platform.settings.git_url(&app),
        id: app.id.to_string(),
        internal_routing: None,
        maintenance: app.maintenance,
        name: app.name.to_string(),
        organization: None,
        owner,
        process_tier: None,
        region: regions::reference(),
        released_at: released_at.map(time),
        repo_size: None,
        slug_size: slug.as_ref().map(|slug| slug.bytes),
        space: None,
        ssh_git_url: api.platform.settings.ssh_git_url(&app),
        // What runs now; the next build may be on another.
        stack: stack_ref(slug.as_ref().map_or(&app.stack, |slug| &slug.stack)),
        team: None,
        updated_at: time(app.updated_at),
        web_url: Some(api.platform.settings.web_url(&app)),
    }
}
