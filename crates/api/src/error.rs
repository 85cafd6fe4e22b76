//! Answers that are not a success, in Heroku's form: `{"id", "message", "resource"?}`.

use std::error::Error;

use api_types::ErrorBody;
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use engine::Refusal;
use http::StatusCode;
use store::StoreError;

/// Why a request was not carried out, and how a client is told.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    id: &'static str,
    message: String,
    resource: Option<&'static str>,
    /// For the platform's log, not for the client.
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Heroku's words for a path it does not know.
const NO_SUCH_ENDPOINT: &str = "The requested API endpoint was not found. Are you using the right HTTP verb (i.e. `GET` vs. `POST`), and did you specify your intended version with the `Accept` header?";

impl ApiError {
    const fn new(status: StatusCode, id: &'static str, message: String) -> Self {
        Self { status, id, message, resource: None, source: None }
    }

    /// 400: what was sent cannot be read at all.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message.into())
    }

    /// 413: more was sent than is read.
    pub(crate) fn too_large(limit: u64) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "bad_request", format!("The request body is too large (maximum is {limit} bytes)."))
    }

    /// 411: how much comes must be said first.
    pub(crate) fn length_required() -> Self {
        Self::new(StatusCode::LENGTH_REQUIRED, "bad_request", "The upload must have a Content-Length.".to_owned())
    }

    /// The status that says this.
    pub(crate) fn status_of(refusal: &Refusal) -> StatusCode {
        match refusal {
            Refusal::NotFound(_) => StatusCode::NOT_FOUND,
            Refusal::Unauthorized => StatusCode::UNAUTHORIZED,
            Refusal::SecondFactor(_) | Refusal::NotAllowed(_) | Refusal::Forbidden => StatusCode::FORBIDDEN,
            Refusal::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Expired(_) | Refusal::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Conflict(_) => StatusCode::CONFLICT,
            Refusal::NoRoom(_) => StatusCode::INSUFFICIENT_STORAGE,
            Refusal::NotYet(_) => StatusCode::NOT_IMPLEMENTED,
            Refusal::Platform(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// 503: what was asked cannot be judged yet.
    pub(crate) fn starting() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "starting", "The platform has just started and has not looked at its dynos yet.".to_owned())
    }

    /// 404: no such path.
    pub(crate) fn no_such_endpoint() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", NO_SUCH_ENDPOINT.to_owned())
    }
}

/// 404 of a resource that the engine does not know.
pub(crate) fn not_found(resource: &'static str) -> ApiError {
    Refusal::NotFound(resource).into()
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, message) = (Self::status_of(&refusal), refusal.to_string());
        match refusal {
            Refusal::NotFound(resource) => Self { resource: Some(resource), ..Self::new(status, "not_found", message) },
            Refusal::Unauthorized => Self::new(status, "unauthorized", message),
            Refusal::SecondFactor(_) => Self::new(status, "two_factor", message),
            Refusal::TooMany(_) => Self::new(status, "rate_limit", message),
            Refusal::NotAllowed(_) | Refusal::Forbidden => Self::new(status, "forbidden", message),
            Refusal::Expired(_) => Self::new(status, "release_expired", message),
            Refusal::Invalid(_) => Self::new(status, "invalid_params", message),
            Refusal::Conflict(_) => Self::new(status, "conflict", message),
            Refusal::NoRoom(_) => Self::new(status, "insufficient_storage", message),
            Refusal::NotYet(_) => Self::new(status, "not_implemented", message),
            Refusal::Platform(source) => Self { source: Some(source), ..Self::new(status, "internal_server_error", message) },
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(source) = &self.source {
            // The span around the request carries its id.
            tracing::error!(error = source.as_ref() as &dyn Error, "a request failed by the platform's fault");
        }
        let body = ErrorBody { id: self.id.to_owned(), message: self.message, resource: self.resource.map(str::to_owned), url: None };
        (self.status, Json(body)).into_response()
    }
}
