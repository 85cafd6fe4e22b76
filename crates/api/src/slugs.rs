//! `/apps/{app}/slugs`, and their archives.

use api_types::{Secret, Slug, SlugBlob, SlugCreate};
use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use domain::{Procfile, SlugOrigin, SlugUpload};
use engine::{Link, Permission, Refusal, slugs::NewSlug};
use http::{StatusCode, header};

use crate::{
    Api,
    auth::Caller,
    body::{self, Named},
    error::ApiError,
    shape::{stack_ref, time},
    sources::upload_of,
};

/// `POST /apps/{app}/slugs`: a place for a slug that was made elsewhere.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    body::Body(asked): body::Body<SlugCreate>,
) -> Result<(StatusCode, Json<Slug>), ApiError> {
    // By its name or its id (Heroku).
    let named = |asked: String| match api.platform.settings.stacks.iter().find(|stack| stack_ref(stack).id == asked) {
        Some(stack) => stack.to_string(),
        None => asked,
    };
    let asked = NewSlug {
        process_types: asked.process_types.map(|types| types.into_iter().collect()),
        checksum: asked.checksum,
        commit: asked.commit,
        commit_description: asked.commit_description,
        language: asked.buildpack_provided_description,
        stack: asked.stack.map(named),
    };
    let upload = api.platform.create_slug(&caller.actor, &app, asked).await?;
    let url = api.platform.link(Link::SlugUpload(upload.id));
    Ok((StatusCode::CREATED, Json(awaited(upload, Secret::new(url)))))
}

/// `GET /apps/{app}/slugs/{slug}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, slug)): Named<(String, String)>) -> Result<Json<Slug>, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::View).await?;
    let id = slug.parse().map_err(|_| Refusal::NotFound("slug"))?;
    let Some(found) = tx.slug(id).await?.filter(|slug| slug.app == app.id) else {
        let upload = api.platform.awaited_slug(&mut tx, &app, id).await?.ok_or(Refusal::NotFound("slug"))?;
        // Whoever has the place can fill it: who may only look is not told where it is.
        let may = api.platform.authorize_in(&mut tx, &caller.actor, &app.id.to_string(), Permission::Deploy).await.is_ok();
        let url = if may { Secret::new(api.platform.link(Link::SlugUpload(id))) } else { Secret::default() };
        return Ok(Json(awaited(upload, url)));
    };
    let expired_at = tx.slug_expired_at(found.id).await?;
    let origin = tx.slug_origin(found.id).await?;
    Ok(Json(Slug { deleted_at: expired_at.map(time), ..shown(&api, &found, origin) }))
}

/// `PUT /slugs/{secret}`: the archive comes. No token, the URL is the secret.
pub(crate) async fn upload(State(api): State<Api>, Named(secret): Named<String>, request: Request) -> Result<StatusCode, ApiError> {
    let most = api.platform.expect_slug(&secret).await?;
    let body = upload_of(request, most)?;
    api.platform.store_slug(&secret, body).await?;
    Ok(StatusCode::OK)
}

/// `GET /slugs/{secret}`: the archive. No token, the URL is the secret.
pub(crate) async fn read(State(api): State<Api>, Named(secret): Named<String>) -> Result<Response, ApiError> {
    let (slug, archive) = api.platform.read_slug(&secret).await?;
    let headers = [(header::CONTENT_TYPE, "application/gzip".to_owned()), (header::CONTENT_LENGTH, slug.bytes.to_string())];
    Ok((headers, Body::from_stream(archive)).into_response())
}

fn shown(api: &Api, slug: &domain::Slug, origin: SlugOrigin) -> Slug {
    Slug {
        blob: SlugBlob { method: "get".to_owned(), url: Secret::new(api.platform.link(Link::Slug(slug.id))) },
        buildpack_provided_description: slug.language.clone(),
        // As its maker knows it: Terraform makes a slug anew when this is not the digest of its file.
        checksum: Some(format!("SHA256:{}", origin.uploaded.unwrap_or(slug.sha256))),
        commit: slug.commit.clone(),
        commit_description: origin.commit_description,
        created_at: time(slug.created_at),
        deleted_at: None,
        id: slug.id.to_string(),
        process_types: commands(&slug.process_types),
        size: Some(slug.bytes),
        stack: stack_ref(&slug.stack),
        updated_at: time(slug.created_at),
    }
}

/// One that is not uploaded yet. `url`: where to.
fn awaited(slug: SlugUpload, url: Secret) -> Slug {
    Slug {
        blob: SlugBlob { method: "put".to_owned(), url },
        buildpack_provided_description: slug.language,
        checksum: slug.checksum.map(|checksum| format!("SHA256:{checksum}")),
        commit: slug.commit,
        commit_description: slug.commit_description,
        created_at: time(slug.created_at),
        deleted_at: None,
        id: slug.id.to_string(),
        process_types: commands(&slug.process_types),
        size: None,
        stack: stack_ref(&slug.stack),
        updated_at: time(slug.created_at),
    }
}

fn commands(types: &Procfile) -> std::collections::BTreeMap<String, String> {
    types.0.iter().map(|(process_type, command)| (process_type.to_string(), command.clone())).collect()
}
