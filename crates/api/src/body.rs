//! What clients send: JSON bodies and percent-encoded path segments.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use engine::Refusal;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::{Api, error::ApiError};

/// Longest body read, in bytes. Config vars of an app are at most 64 KB.
const MAX_BODY: usize = 1024 * 1024;

/// A JSON body. No body at all reads as `{}`: clients send none where all is optional.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Api) -> Result<Self, ApiError> {
        let collected = Limited::new(request.into_body(), MAX_BODY).collect().await;
        let bytes = collected.map_err(|error| match error.is::<LengthLimitError>() {
            true => ApiError::too_large(MAX_BODY as u64),
            false => ApiError::bad_request("The request body could not be read to its end."),
        })?;
        read(&bytes.to_bytes()).map(Self)
    }
}

/// Text that is no JSON is a bad request; JSON of another shape than asked for has invalid parameters.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Refusal::Invalid(format!("Invalid request body: {error}")).into(),
        Category::Syntax | Category::Eof | Category::Io => ApiError::bad_request(format!("The request body is not valid JSON: {error}.")),
    })
}

/// The named parts of the path, percent-decoded.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        // What does not decode to text names nothing we have.
        Path::from_request_parts(parts, api).await.map(|Path(named)| Self(named)).map_err(|_| ApiError::no_such_endpoint())
    }
}
