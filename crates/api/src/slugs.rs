//! `/apps/{app}/slugs/{slug}`.

use api_types::{Secret, Slug, SlugBlob};
use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use engine::{Link, Permission, Refusal};
use http::header;

use crate::{
    Api,
    auth::Caller,
    body::Named,
    error::ApiError,
    shape::{stack_ref, time},
};

/// `GET /apps/{app}/slugs/{slug}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, slug)): Named<(String, String)>) -> Result<Json<Slug>, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::View).await?;
    let found = match slug.parse() {
        Ok(id) => tx.slug(id).await?.filter(|slug| slug.app == app.id),
        Err(_) => None,
    };
    let found = found.ok_or(Refusal::NotFound("slug"))?;
    let expired_at = tx.slug_expired_at(found.id).await?;
    Ok(Json(Slug { deleted_at: expired_at.map(time), ..shown(&api, &found) }))
}

/// `GET /slugs/{secret}`: the archive. No token, the URL is the secret.
pub(crate) async fn read(State(api): State<Api>, Named(secret): Named<String>) -> Result<Response, ApiError> {
    let (slug, archive) = api.platform.read_slug(&secret).await?;
    let headers = [(header::CONTENT_TYPE, "application/gzip".to_owned()), (header::CONTENT_LENGTH, slug.bytes.to_string())];
    Ok((headers, Body::from_stream(archive)).into_response())
}

fn shown(api: &Api, slug: &domain::Slug) -> Slug {
    Slug {
        blob: SlugBlob { method: "get".to_owned(), url: Secret::new(api.platform.link(Link::Slug(slug.id))) },
        buildpack_provided_description: slug.language.clone(),
        checksum: Some(format!("SHA256:{}", slug.sha256)),
        commit: slug.commit.clone(),
        commit_description: None,
        created_at: time(slug.created_at),
        deleted_at: None,
        id: slug.id.to_string(),
        process_types: slug.process_types.0.iter().map(|(process_type, command)| (process_type.to_string(), command.clone())).collect(),
        size: Some(slug.bytes),
        stack: stack_ref(&slug.stack),
        updated_at: time(slug.created_at),
    }
}
