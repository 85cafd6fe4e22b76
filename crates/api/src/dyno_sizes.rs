//! `/dyno-sizes`.

use api_types::DynoSize;
use axum::{Json, response::Response};
use domain::DynoSize as Size;

use crate::{
    auth::Caller,
    body::Named,
    error::{ApiError, not_found},
    range::{Key, Keys, Range},
    shape::{generation, size_ref},
};

const KEYS: &Keys<DynoSize> = &[("name", |it| Key::Text(it.name.clone())), ("id", |it| Key::Text(it.id.clone()))];

/// `GET /dyno-sizes`
pub(crate) async fn list(_: Caller, range: Range) -> Response {
    range.page(Size::ALL.into_iter().map(shown).collect(), KEYS)
}

/// `GET /dyno-sizes/{size}`: by name, in upper or lower case, or id.
pub(crate) async fn info(_: Caller, Named(named): Named<String>) -> Result<Json<DynoSize>, ApiError> {
    let size = Size::ALL.into_iter().find(|size| size.name().eq_ignore_ascii_case(&named) || size_ref(*size).id == named);
    size.map(|size| Json(shown(size))).ok_or_else(|| not_found("dyno size"))
}

fn shown(size: Size) -> DynoSize {
    let reference = size_ref(size);
    // Both relative to Standard-1X, whose memory is 512 MiB.
    let (shares, units) = (size.cpu_shares() / Size::Standard1X.cpu_shares(), size.memory_mib() as f64 / 512.0);
    DynoSize {
        architecture: if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" }.to_owned(),
        compute: u32::try_from(shares).unwrap_or(u32::MAX),
        cost: None,
        dedicated: matches!(size, Size::PerformanceM | Size::PerformanceL),
        generation: generation(),
        id: reference.id,
        memory: size.memory_mib() as f64 / 1024.0,
        name: reference.name,
        precise_dyno_units: units,
        private_space_only: false,
    }
}
