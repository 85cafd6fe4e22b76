//! What a control plane answers that does not lead: what the database alone can tell. Everything else it refuses, and says who
//! leads.

use std::sync::Arc;

use anyhow::Context;
use api::Api;
use axum::body::Body;
use http::{Method, Response, StatusCode, header};
use logs::{Logplex, Sessions};
use ports::Chance;
use store::{Candidate, Db, Leader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Config,
    house::{Ended, House},
    keys, leading,
    listen::{self, Behind, Front},
    notify, tls, wire,
};

/// What ends the waiting.
pub(crate) enum Waited {
    Leads(Box<Leader>),
    Ended(Ended),
}

/// Waits for its turn to lead, and serves meanwhile at the API's port.
pub(crate) async fn until_leading(config: &Config, store: &Db, mut candidate: Candidate, port: &Arc<TcpListener>, house: &mut House) -> anyhow::Result<Waited> {
    // Most often nobody leads, and nothing is to be said.
    if let Some(leader) = candidate.look().await.ok().flatten() {
        tracing::info!(term = leader.term(), "this control plane leads");
        return Ok(Waited::Leads(Box::new(leader)));
    }
    // Nobody is to wait at a door behind which nobody stands.
    house.close_ports()?;
    let chance = Arc::new(Chance::from_os());
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let platform = wire::without_engine(config, store.clone(), &chance).await?;
    let api = api::router(Api {
        platform: platform.clone(),
        logplex: Arc::new(Logplex::default()),
        sessions: Arc::new(Sessions::new(chance.clone())),
        router_pass: Arc::new(keys::router_pass(&config.home, &chance)?),
        stopping: stop.clone(),
    });
    let tls = TlsAcceptor::from(tls::server_config(&config.home, &config.listen.api_host)?);
    let front = Front { api, behind: Behind::StandingBy(store.clone()), platform, tls };
    tasks.spawn(listen::serve(front, port.clone(), tasks.clone(), stop.clone()));
    house.before.is_over().await;
    notify::ready("standing by");
    tracing::info!(leader = store.leader().unwrap_or_default(), "standing by: another control plane leads");
    let led = tokio::select! {
        led = leading::until_leading(&mut candidate) => led.context("this control plane cannot stand by").map(|leader| Waited::Leads(Box::new(leader))),
        ended = house.until_ended(config) => Ok(Waited::Ended(ended)),
    };
    stop.cancel();
    tasks.close();
    // Whoever is being answered is answered; nobody's idle connection is worth waiting for.
    let _ = tokio::time::timeout(store::BEAT, tasks.wait()).await;
    led
}

/// Where what is to be told is the database's alone: not what runs, what was said, or what lies on the disk.
const READABLE: [&str; 10] = ["account", "app-transfers", "apps", "buildpacks", "dyno-sizes", "oauth", "regions", "schema", "users", "addons"];

/// Why this is not answered here; `None` if it is.
pub(crate) fn refusal(method: &Method, path: &str, leader: Option<&str>) -> Option<Response<Body>> {
    let segment = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if matches!(*method, Method::GET | Method::HEAD) && READABLE.contains(&segment) && !path.contains(".git/") {
        return None;
    }
    let leads = leader.map_or_else(|| "Another control plane leads".to_owned(), |leader| format!("The control plane at {leader} leads"));
    let sentence = format!("{leads}, and this one stands by: it only shows what the database tells. Ask there, or again in some seconds if it is gone.");
    let (kind, text) = if path.contains(".git/") {
        ("text/plain; charset=utf-8", format!("{sentence}\n"))
    } else {
        ("application/json", serde_json::json!({ "id": "standby", "message": sentence }).to_string())
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    headers.insert(header::RETRY_AFTER, http::HeaderValue::from_static("5"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_leader_can_tell_or_do_is_refused() {
        let refused = |method: Method, path| refusal(&method, path, Some("http://localhost:5001")).map(|response| response.status().as_u16());
        for path in ["/apps", "/apps/shop/config-vars", "/account", "/oauth/authorizations"] {
            assert_eq!((refused(Method::GET, path), refused(Method::POST, path)), (None, Some(503)), "{path}");
        }
        for path in
            ["/", "/logs/secret", "/mypaas/router/routes", "/mypaas/disk", "/builds/x/output/y", "/shop.git/info/refs", "/apps.git/info/refs", "/stacks"]
        {
            assert_eq!(refused(Method::GET, path), Some(503), "{path}");
        }
    }
}
