//! `/stacks`.

use api_types::Stack;
use axum::{Json, extract::State, response::Response};
use domain::StackName;

use crate::{
    Api,
    auth::Caller,
    body::Named,
    error::{ApiError, not_found},
    range::{Key, Keys, Range},
    shape::{EPOCH, stack_ref},
};

const KEYS: &Keys<Stack> = &[("name", |it| Key::Text(it.name.clone())), ("id", |it| Key::Text(it.id.clone()))];

/// `GET /stacks`
pub(crate) async fn list(State(api): State<Api>, _: Caller, range: Range) -> Response {
    range.page(api.platform.settings.stacks.iter().map(|stack| shown(&api, stack)).collect(), KEYS)
}

/// `GET /stacks/{stack}`: by name or id.
pub(crate) async fn info(State(api): State<Api>, _: Caller, Named(named): Named<String>) -> Result<Json<Stack>, ApiError> {
    let stack = api.platform.settings.stacks.iter().find(|stack| stack.as_str() == named || stack_ref(stack).id == named);
    stack.map(|stack| Json(shown(&api, stack))).ok_or_else(|| not_found("stack"))
}

fn shown(api: &Api, stack: &StackName) -> Stack {
    let reference = stack_ref(stack);
    Stack {
        created_at: EPOCH.to_owned(),
        default: *stack == api.platform.settings.default_stack,
        id: reference.id,
        name: reference.name,
        state: "public".to_owned(),
        updated_at: EPOCH.to_owned(),
    }
}
