//! `/stacks`.

use api_types::{Stack, StackBase};
use axum::{Json, extract::State, response::Response};
use domain::StackName;
use engine::{Permission, stacks::Base};

use crate::{
    Api,
    auth::Caller,
    body::Named,
    error::{ApiError, not_found},
    range::{Key, Keys, Range},
    shape::{EPOCH, stack_ref, time},
};

const KEYS: &Keys<Stack> = &[("name", |it| Key::Text(it.name.clone())), ("id", |it| Key::Text(it.id.clone()))];

/// `GET /stacks`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let mut stacks = Vec::new();
    let bases = api.platform.bases().await;
    for stack in &api.platform.settings.stacks {
        stacks.push(shown(&api, &caller, stack, &bases).await?);
    }
    Ok(range.page(stacks, KEYS))
}

/// `GET /apps/{app}/available-stacks`: all of them, for every app.
pub(crate) async fn of_app(state: State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    state.platform.authorize(&caller.actor, &app, Permission::View).await?;
    list(state, caller, range).await
}

/// `GET /stacks/{stack}`: by name or id.
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named(named): Named<String>) -> Result<Json<Stack>, ApiError> {
    let stack = api.platform.settings.stacks.iter().find(|stack| stack.as_str() == named || stack_ref(stack).id == named);
    let stack = stack.ok_or_else(|| not_found("stack"))?;
    Ok(Json(shown(&api, &caller, stack, &api.platform.bases().await).await?))
}

async fn shown(api: &Api, caller: &Caller, stack: &StackName, bases: &[Base]) -> Result<Stack, ApiError> {
    let reference = stack_ref(stack);
    let base = bases.iter().find(|base| base.stack == *stack);
    let dynos = match base {
        Some(base) if api.platform.is_admin(&caller.actor).await? => Some(api.platform.dynos_on(base).await?),
        _ => None,
    };
    Ok(Stack {
        base: base.map(|base| StackBase {
            image: base.image.clone(),
            image_id: base.image_id.clone(),
            variant: base.variant.to_owned(),
            dynos: dynos.map(|dynos| dynos.newest),
            dynos_on_older: dynos.map(|dynos| dynos.older),
        }),
        created_at: EPOCH.to_owned(),
        default: *stack == api.platform.settings.default_stack,
        id: reference.id,
        name: reference.name,
        state: "public".to_owned(),
        updated_at: base.and_then(|base| base.made_at).map_or_else(|| EPOCH.to_owned(), time),
    })
}
