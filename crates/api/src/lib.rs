//! Heroku's Platform API v3, and the rendezvous through which people talk to one-off dynos.
//!
//! Every handler reads the same way: check who asks and whether they may, write, wake, answer. None waits for a container.
//! A file is a resource; read `routes` for what there is.

use std::sync::Arc;

use axum::Router;
use engine::{Platform, RouterPass};
use logs::{Logplex, Sessions};
use tokio_util::sync::CancellationToken;

mod routes;

mod auth;
mod body;
mod conventions;
mod error;
mod not_built;
mod range;
mod request_id;
mod schema;
mod shape;

mod account;
mod authorizations;
mod browser_login;
mod keys;
mod login_page;
mod oauth_clients;
mod two_factor;

mod apps;
mod buildpack_installations;
mod config_vars;
mod release_output;
mod releases;

mod dyno_env;
mod dynos;
mod formation;
pub mod rendezvous;
mod typed;

mod log_drains;
mod log_sessions;
mod log_stream;

mod builds;
mod slugs;
mod sources;

mod app_transfers;
mod audit_events;
mod collaborators;
mod domains;
mod dyno_sizes;
mod features;
mod nothing_yet;
mod regions;
mod stacks;
mod webhooks;

mod keeping;
mod overview;
mod routers;

#[cfg(test)]
mod tests;

pub use request_id::Peer;

/// What the API works with.
#[derive(Clone)]
pub struct Api {
    pub platform: Arc<Platform>,
    pub logplex: Arc<Logplex>,
    pub sessions: Arc<Sessions>,
    pub router_pass: Arc<RouterPass>,
    /// The platform stops: what never ends by itself ends.
    pub stopping: CancellationToken,
}

/// The Platform API, ready to be served.
pub fn router(api: Api) -> Router {
    routes::router(api)
}
