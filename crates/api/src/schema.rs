//! `GET /schema`: what bodies look like, as JSON schema. Clients are generated from it.
//!
//! The file holds the interface only, of the whole of Heroku's Platform API v3: names, types and rules of fields, and the links.
//! A link that is not built yet answers 501. Our tests hold every answer against it.

use axum::response::IntoResponse;
use http::header;

pub(crate) const SCHEMA: &str = include_str!("../schema/platform-api.json");

/// `GET /schema`: needs no token.
pub(crate) async fn answer() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], SCHEMA)
}
