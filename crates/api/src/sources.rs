//! `POST /sources` and `POST /apps/{app}/sources`: places for the sources of builds; and the places themselves.

use std::{io, time::Duration};

use api_types::{Secret, Source, SourceUrls};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use engine::{Permission, source::MOST};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use http::{StatusCode, header};

use crate::{Api, auth::Caller, body::Named, error::ApiError};

/// An upload may pause for so long.
const IDLE: Duration = Duration::from_secs(60);

/// `POST /sources`
pub(crate) async fn create(State(api): State<Api>, caller: Caller) -> Result<(StatusCode, Json<Source>), ApiError> {
    let (put_url, get_url) = api.platform.create_source(&caller.actor).await?;
    let source_blob = SourceUrls { get_url: Secret::new(get_url), put_url: Secret::new(put_url) };
    Ok((StatusCode::CREATED, Json(Source { source_blob })))
}

/// `POST /apps/{app}/sources`
pub(crate) async fn create_for_app(state: State<Api>, caller: Caller, Named(app): Named<String>) -> Result<(StatusCode, Json<Source>), ApiError> {
    state.platform.authorize(&caller.actor, &app, Permission::Deploy).await?;
    create(state, caller).await
}

/// `PUT /sources/{secret}`: no token, the URL is the secret.
pub(crate) async fn upload(State(api): State<Api>, Named(secret): Named<String>, request: Request) -> Result<StatusCode, ApiError> {
    api.platform.expect_source(&secret).await?;
    let body = upload_of(request, MOST)?;
    api.platform.store_source(&secret, body).await?;
    Ok(StatusCode::OK)
}

/// What is uploaded: its length is said before and is at most this, in bytes; and it comes without long pauses.
pub(crate) fn upload_of(request: Request, most: u64) -> Result<BoxStream<'static, io::Result<Bytes>>, ApiError> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.ok_or_else(ApiError::length_required)? > most {
        return Err(ApiError::too_large(most));
    }
    let body = request.into_body().into_data_stream().map(|chunk| chunk.map_err(io::Error::other));
    let patient = stream::unfold(body.boxed(), |mut body| async move {
        match tokio::time::timeout(IDLE, body.next()).await {
            Ok(chunk) => chunk.map(|chunk| (chunk, body)),
            Err(_) => Some((Err(io::ErrorKind::TimedOut.into()), body)),
        }
    });
    Ok(patient.boxed())
}

/// `GET /sources/{secret}`: no token, the URL is the secret.
pub(crate) async fn read(State(api): State<Api>, Named(secret): Named<String>) -> Result<Response, ApiError> {
    let source = api.platform.read_source(&secret).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], axum::body::Body::from_stream(source)).into_response())
}
