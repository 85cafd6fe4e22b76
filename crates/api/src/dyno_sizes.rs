//! `/dyno-sizes`.

use api_types::DynoSize;
use axum::{Json, extract::State, response::Response};
use domain::{DynoSize as Size, dyno_size::Limits};

use crate::{
    Api,
    auth::Caller,
    body::Named,
    error::{ApiError, not_found},
    range::{Key, Keys, Range},
    shape::{generation, size_ref},
};

const KEYS: &Keys<DynoSize> = &[("name", |it| Key::Text(it.name.clone())), ("id", |it| Key::Text(it.id.clone()))];

/// `GET /dyno-sizes`
pub(crate) async fn list(State(api): State<Api>, _: Caller, range: Range) -> Response {
    range.page(api.platform.settings.sizes.iter().map(|(size, limits)| shown(size, limits)).collect(), KEYS)
}

/// `GET /dyno-sizes/{size}`: by name, in upper or lower case, or id.
pub(crate) async fn info(State(api): State<Api>, _: Caller, Named(named): Named<String>) -> Result<Json<DynoSize>, ApiError> {
    let mut sizes = api.platform.settings.sizes.iter();
    let found = sizes.find(|(size, _)| size.name().eq_ignore_ascii_case(&named) || size_ref(size).id == named);
    found.map(|(size, limits)| Json(shown(size, limits))).ok_or_else(|| not_found("dyno size"))
}

/// What Standard-1X gets, to which others are compared.
const ORDINARY_SHARES: i64 = 512;
const ORDINARY_MIB: f64 = 512.0;

fn shown(size: &Size, limits: Limits) -> DynoSize {
    let reference = size_ref(size);
    DynoSize {
        architecture: if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" }.to_owned(),
        compute: u32::try_from(limits.cpu_shares / ORDINARY_SHARES).unwrap_or(u32::MAX),
        cost: None,
        dedicated: size.name().starts_with("Performance-"),
        generation: generation(),
        id: reference.id,
        memory: limits.memory_mib as f64 / 1024.0,
        name: reference.name,
        precise_dyno_units: limits.memory_mib as f64 / ORDINARY_MIB,
        private_space_only: false,
    }
}
