//! `/apps/{app}/releases`.

use api_types::{Release, ReleaseCreate, Secret, UserRef};
use axum::{Json, extract::State, response::Response};
use domain::{App, release::ReleaseStatus};
use engine::{Link, Permission, Refusal};
use http::StatusCode;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{People, app_ref, id_ref, time, user_ref},
};

const KEYS: &Keys<Release> = &[("id", |it| Key::Text(it.id.clone())), ("version", |it| Key::Number(it.version))];

/// `GET /apps/{app}/releases`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::View).await?;
    let (mut people, mut releases) = (People::default(), Vec::new());
    let with_output = tx.releases_with_output(app.id).await?;
    for release in tx.releases(app.id).await? {
        let user = people.one(&mut tx, release.user).await?;
        let output = with_output.contains(&release.id).then(|| api.platform.link(Link::ReleaseOutput(release.id)));
        releases.push(shown(&app, &release, user, output));
    }
    Ok(range.page(releases, KEYS))
}

/// `GET /apps/{app}/releases/{release}`: by `3`, `v3` or its id.
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, release)): Named<(String, String)>) -> Result<Json<Release>, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::View).await?;
    let release = api.platform.find_release(&mut tx, &app, &release).await?;
    let user = People::default().one(&mut tx, release.user).await?;
    let output = tx.release_output(release.id).await?.map(|_| api.platform.link(Link::ReleaseOutput(release.id)));
    Ok(Json(shown(&app, &release, user, output)))
}

/// `POST /apps/{app}/releases`: back to an earlier release, or a slug once more.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<ReleaseCreate>,
) -> Result<(StatusCode, Json<Release>), ApiError> {
    let (app, release) = match (asked.release, asked.slug) {
        (Some(release), None) => api.platform.rollback(&caller.actor, &app, &release).await?,
        (None, Some(slug)) => {
            let slug = slug.parse().map_err(|_| Refusal::NotFound("slug"));
            // Whether the app is theirs comes before whether the slug is there.
            let app = api.platform.authorize(&caller.actor, &app, Permission::Deploy).await?;
            api.platform.release_slug(&caller.actor, &app.id.to_string(), slug?, asked.description.as_deref()).await?
        }
        (None, None) | (Some(_), Some(_)) => {
            api.platform.authorize(&caller.actor, &app, Permission::Deploy).await?;
            return Err(Refusal::Invalid("Give either the `release` to roll back to, or the `slug` to release.".to_owned()).into());
        }
    };
    let waits = release.status == ReleaseStatus::Pending;
    let output = waits.then(|| api.platform.link(Link::ReleaseOutput(release.id)));
    Ok((StatusCode::CREATED, Json(shown(&app, &release, user_ref(&caller.actor.account), output))))
}

/// `output`: where to read what its command says, if it has one.
fn shown(app: &App, release: &domain::Release, user: UserRef, output: Option<String>) -> Release {
    Release {
        addon_plan_names: Vec::new(),
        app: app_ref(app),
        created_at: time(release.created_at),
        current: release.current,
        description: release.description.clone(),
        eligible_for_rollback: release.eligible_for_rollback(),
        id: release.id.to_string(),
        oci_image: None,
        output_stream_url: output.map(Secret::new),
        slug: release.slug.map(|slug| id_ref(slug.uuid())),
        status: release.status.word().to_owned(),
        updated_at: time(release.created_at),
        user,
        version: release.version.0.into(),
    }
}
