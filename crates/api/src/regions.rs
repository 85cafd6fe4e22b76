//! `/regions`: there is one, under the name that clients take for the usual one.

use api_types::{NamedRef, Region, RegionProvider};
use axum::{Json, response::Response};
use engine::Refusal;

use crate::{
    auth::Caller,
    body::Named,
    error::{ApiError, not_found},
    range::{Key, Keys, Range},
    shape::{EPOCH, fixed_id},
};

const NAME: &str = "us";
/// What Heroku says that region is at its provider; typed clients know no others.
const PROVIDERS: &str = "us-east-1";
const KEYS: &Keys<Region> = &[("id", |it| Key::Text(it.id.clone())), ("name", |it| Key::Text(it.name.clone()))];

/// `GET /regions`
pub(crate) async fn list(_: Caller, range: Range) -> Response {
    range.page(vec![only()], KEYS)
}

/// `GET /regions/{region}`: by name or id.
pub(crate) async fn info(_: Caller, Named(named): Named<String>) -> Result<Json<Region>, ApiError> {
    if is_only(&named) { Ok(Json(only())) } else { Err(not_found("region")) }
}

/// Where every app is.
pub(crate) fn reference() -> NamedRef {
    NamedRef { id: fixed_id(&["region", NAME]), name: NAME.to_owned() }
}

/// Whether an app can be made in it.
pub(crate) fn there(asked: &str) -> Result<(), Refusal> {
    if is_only(asked) { Ok(()) } else { Err(Refusal::Invalid(format!("Invalid region. The region here is: {NAME}"))) }
}

fn is_only(asked: &str) -> bool {
    asked == NAME || asked == reference().id
}

fn only() -> Region {
    let NamedRef { id, name } = reference();
    Region {
        country: "Here".to_owned(),
        created_at: EPOCH.to_owned(),
        description: "Where this platform runs".to_owned(),
        id,
        locale: "Here".to_owned(),
        name,
        private_capable: false,
        provider: RegionProvider { name: "mypaas".to_owned(), region: PROVIDERS.to_owned() },
        updated_at: EPOCH.to_owned(),
    }
}
