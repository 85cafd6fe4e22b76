//! `/apps/{app}/builds`, `/apps/{app}/build-cache`, and what builds say.

use std::convert::Infallible;

use api_types::{Build, BuildBuildpack, BuildCreate, BuildFailure, Secret, SourceBlob, UserRef};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{App, BuildpackRef, Release};
use engine::{Link, NewBuild, Permission, Refusal};
use futures_util::StreamExt;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{People, id_ref, time},
};

const KEYS: &Keys<Build> = &[("id", |it| Key::Text(it.id.clone())), ("started_at", |it| Key::Text(it.created_at.clone()))];

/// `GET /apps/{app}/builds`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::View).await?;
    let releases = tx.releases(app.id).await?;
    let (mut people, mut builds) = (People::default(), Vec::new());
    for build in tx.builds(app.id).await? {
        let user = people.one(&mut tx, build.user).await?;
        builds.push(shown(&api, &app, &build, &releases, user));
    }
    Ok(range.page(builds, KEYS))
}

/// `GET /apps/{app}/builds/{build}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, build)): Named<(String, String)>) -> Result<Json<Build>, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::View).await?;
    let found = match build.parse() {
        Ok(id) => tx.build(id).await?.filter(|build| build.app == app.id),
        Err(_) => None,
    };
    let build = found.ok_or(Refusal::NotFound("build"))?;
    drop(tx);
    Ok(Json(api.shown_alone(&app, &build).await?))
}

/// `POST /apps/{app}/builds`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<BuildCreate>,
) -> Result<(StatusCode, Json<Build>), ApiError> {
    api.platform.authorize(&caller.actor, &app, Permission::Deploy).await?;
    let url = asked.source_blob.url.ok_or_else(|| Refusal::Invalid("Give the source's URL as source_blob.url.".to_owned()))?;
    let request_id = uuid::Builder::from_random_bytes(api.platform.chance.bytes()).into_uuid().to_string();
    let buildpacks = asked.buildpacks.unwrap_or_default().into_iter().map(named).collect();
    let asked = NewBuild { url: url.into_inner(), checksum: asked.source_blob.checksum, version: asked.source_blob.version, buildpacks, request_id };
    let (app, build) = api.platform.create_build(&caller.actor, &app, asked).await?;
    Ok((StatusCode::CREATED, Json(api.shown_alone(&app, &build).await?)))
}

/// `DELETE /apps/{app}/builds/{build}`
pub(crate) async fn cancel(State(api): State<Api>, caller: Caller, Named((app, build)): Named<(String, String)>) -> Result<Json<Build>, ApiError> {
    let (app, build) = api.platform.cancel_build(&caller.actor, &app, &build).await?;
    Ok(Json(api.shown_alone(&app, &build).await?))
}

/// `GET /builds/{build}/output/{secret}`: no token, the URL is the secret. Goes on as long as the build does.
pub(crate) async fn output(State(api): State<Api>, Named((build, secret)): Named<(String, String)>) -> Result<Response, ApiError> {
    let words = api.platform.follow_build(&build, &secret).await?.map(Ok::<_, Infallible>);
    // A proxy in front that gathers bytes would hold lines back.
    let headers = [("content-type", "text/plain; charset=utf-8"), ("x-accel-buffering", "no"), ("x-content-type-options", "nosniff")];
    Ok((headers, axum::body::Body::from_stream(words)).into_response())
}

/// `DELETE /apps/{app}/build-cache`
pub(crate) async fn purge_cache(State(api): State<Api>, caller: Caller, Named(app): Named<String>) -> Result<Json<Value>, ApiError> {
    api.platform.purge_cache(&caller.actor, &app).await?;
    Ok(Json(json!({})))
}

impl Api {
    async fn shown_alone(&self, app: &App, build: &domain::Build) -> Result<Build, ApiError> {
        let mut tx = self.platform.store.read().await?;
        let releases = tx.releases(app.id).await?;
        let user = People::default().one(&mut tx, build.user).await?;
        Ok(shown(self, app, build, &releases, user))
    }
}

/// What a client calls a buildpack: its URL, or else its name.
fn named(asked: BuildBuildpack) -> String {
    asked.url.filter(|url| !url.is_empty()).or(asked.name).unwrap_or_default()
}

/// A buildpack that ran. Only those of the registry have names.
fn ran(buildpack: &BuildpackRef) -> BuildBuildpack {
    let name = buildpack.url().is_none().then(|| buildpack.to_string());
    BuildBuildpack { name, url: Some(buildpack.urn()) }
}

fn shown(api: &Api, app: &App, build: &domain::Build, releases: &[Release], user: UserRef) -> Build {
    // Newest first: the oldest release of its slug is the one the build made.
    let release = releases.iter().rev().find(|release| release.slug.is_some() && release.slug == build.slug);
    Build {
        app: id_ref(app.id.uuid()),
        buildpacks: build.buildpacks.as_deref().map(|buildpacks| buildpacks.iter().map(ran).collect()),
        created_at: time(build.created_at),
        failure: build.failure.as_ref().map(|failure| BuildFailure { id: failure.kind.word().to_owned(), message: failure.message.clone() }),
        id: build.id.to_string(),
        output_stream_url: Some(Secret::new(api.platform.link(Link::Output(build.id)))),
        release: release.map(|release| id_ref(release.id.uuid())),
        slug: build.slug.map(|slug| id_ref(slug.uuid())),
        // Where a source came from is not kept: such URLs are keys to it. The schema knows no null here.
        source_blob: SourceBlob { url: Some(Secret::default()), version: build.source_version.clone(), ..SourceBlob::default() },
        stack: build.stack.to_string(),
        status: build.status.word().to_owned(),
        updated_at: time(build.updated_at),
        user,
    }
}
