//! `/apps/{app}/buildpack-installations`, and `/buildpacks` as Heroku's buildpack registry has it.

use api_types::{Buildpack, BuildpackInstallation, BuildpackInstallationUpdate, RegisteredBuildpack};
use axum::{Json, extract::State, response::Response};
use domain::{BuildpackRef, buildpack::CatalogueName};

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::{ApiError, not_found},
    range::{Key, Keys, Range},
    shape::fixed_id,
};

const KEYS: &Keys<BuildpackInstallation> = &[("ordinal", |it| Key::Number(u64::from(it.ordinal)))];

/// `GET /apps/{app}/buildpack-installations`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let (_, buildpacks) = api.platform.buildpacks(&caller.actor, &app).await?;
    Ok(range.page(shown(&buildpacks), KEYS))
}

/// `PUT /apps/{app}/buildpack-installations`: the whole list anew.
pub(crate) async fn replace(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<BuildpackInstallationUpdate>,
) -> Result<Json<Vec<BuildpackInstallation>>, ApiError> {
    let asked: Vec<String> = asked.updates.into_iter().map(|update| update.buildpack).collect();
    let (_, buildpacks) = api.platform.set_buildpacks(&caller.actor, &app, &asked).await?;
    Ok(Json(shown(&buildpacks)))
}

/// `GET /buildpacks/{buildpack}`. No token: Heroku's command line sends none, and the catalogue is no secret.
pub(crate) async fn registered(State(api): State<Api>, Named(buildpack): Named<String>) -> Result<Json<RegisteredBuildpack>, ApiError> {
    let name = buildpack.parse::<CatalogueName>().ok().filter(|name| api.platform.builder.offers(name)).ok_or_else(|| not_found("buildpack"))?;
    Ok(Json(RegisteredBuildpack {
        blob_url: BuildpackRef::Catalogue(name.clone()).urn(),
        description: String::new(),
        full_name: name.to_string(),
        id: fixed_id(&["buildpack", &name.to_string()]),
        name: name.name().to_owned(),
        namespace: name.namespace().to_owned(),
    }))
}

fn shown(buildpacks: &[BuildpackRef]) -> Vec<BuildpackInstallation> {
    let one = |(ordinal, buildpack): (u32, &BuildpackRef)| BuildpackInstallation {
        buildpack: Buildpack { name: buildpack.to_string(), url: buildpack.urn() },
        ordinal,
    };
    (0..).zip(buildpacks).map(one).collect()
}
