//! `/apps/{app}/builds` and `/apps/{app}/build-cache`.

use api_types::{Build, SourceBlob, UserRef};
use axum::{Json, extract::State, response::Response};
use domain::{App, Release};
use engine::{Permission, Refusal};
use serde_json::{Value, json};

use crate::{
    Api,
    auth::Caller,
    body::Named,
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
        builds.push(shown(&app, &build, &releases, user));
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
    let releases = tx.releases(app.id).await?;
    let user = People::default().one(&mut tx, build.user).await?;
    Ok(Json(shown(&app, &build, &releases, user)))
}

/// `DELETE /apps/{app}/build-cache`
pub(crate) async fn purge_cache(State(api): State<Api>, caller: Caller, Named(app): Named<String>) -> Result<Json<Value>, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::Deploy).await?;
    api.platform.builder().purge_cache(app.id).await.map_err(|error| Refusal::Platform(Box::new(error)))?;
    Ok(Json(json!({})))
}

fn shown(app: &App, build: &domain::Build, releases: &[Release], user: UserRef) -> Build {
    // Newest first: the oldest release of its slug is the one the build made.
    let release = releases.iter().rev().find(|release| release.slug.is_some() && release.slug == build.slug);
    Build {
        app: id_ref(app.id.uuid()),
        buildpacks: None,
        created_at: time(build.created_at),
        id: build.id.to_string(),
        output_stream_url: None,
        release: release.map(|release| id_ref(release.id.uuid())),
        slug: build.slug.map(|slug| id_ref(slug.uuid())),
        source_blob: SourceBlob { version: build.source_version.clone(), ..SourceBlob::default() },
        stack: build.stack.to_string(),
        status: build.status.word().to_owned(),
        updated_at: time(build.updated_at),
        user,
    }
}
