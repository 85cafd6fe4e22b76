//! `/releases/{release}/output/{secret}`

use std::convert::Infallible;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;

use crate::{Api, body::Named, error::ApiError};

/// `GET /releases/{release}/output/{secret}`: no token, the URL is the secret. Goes on as long as the release's command does.
pub(crate) async fn get(State(api): State<Api>, Named((release, secret)): Named<(String, String)>) -> Result<Response, ApiError> {
    let words = api.platform.follow_release(&release, &secret).await?.map(Ok::<_, Infallible>);
    // A proxy in front that gathers bytes would hold lines back.
    let headers = [("content-type", "text/plain; charset=utf-8"), ("x-accel-buffering", "no"), ("x-content-type-options", "nosniff")];
    Ok((headers, axum::body::Body::from_stream(words)).into_response())
}
