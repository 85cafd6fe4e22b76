//! `/mypaas/router/…`: routers in processes of their own take the route table from here, and bring back what became of
//! requests. They come in by a secret of theirs, which opens nothing else.

use std::{
    collections::{BTreeMap, HashSet},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use api_types::{RouterDyno, RouterDynoState, RouterReport, RouterRoute, RouterSuspension, RouterUpdate};
use axum::{
    body,
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::{
    AppId, LogLine, Source,
    route::{Backend, Condition, PageAddress, Route, RouteTable, Suspension},
};
use engine::Refusal;
use futures_util::{Stream, stream};
use http::{StatusCode, header, request::Parts};
use jiff::Timestamp;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Api,
    auth::Presented,
    body::Body,
    error::{ApiError, not_found},
};

/// So often a router hears that we live. It takes three times as much silence for our death.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// A router that has shown the routers' secret. A handler that takes one is reached by nobody else.
pub(crate) struct RouterCaller;

impl FromRequestParts<Api> for RouterCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let presented = Presented::of(&parts.headers).ok_or(Refusal::Unauthorized)?;
        api.router_pass.authorize_router(presented.token())?;
        Ok(Self)
    }
}

/// `GET /mypaas/router/routes`: the whole table, one JSON object to a line, at once and again whenever it has changed.
pub(crate) async fn routes(State(api): State<Api>, _: RouterCaller) -> Response {
    let mut table = api.platform.routes();
    // Before that, a router that comes back to us after a restart of ours knows better.
    if api.platform.routes_are_known() {
        table.mark_changed();
    }
    let lines = updates(table, api.stopping);
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body::Body::from_stream(lines)).into_response()
}

/// A slow reader is never behind by more than one table: what changes while one is on its way comes as one.
fn updates(table: watch::Receiver<Arc<RouteTable>>, stopping: CancellationToken) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold((table, stopping), |(mut table, stopping)| async move {
        let changed = stopping.clone().run_until_cancelled_owned(async { timeout(SIGN_OF_LIFE, table.changed()).await }).await?;
        let update = match changed {
            Ok(Ok(())) => {
                let now = table.borrow_and_update().clone();
                line_of(move || RouterUpdate { routes: Some(whole(&now)) }).await
            }
            Ok(Err(_)) => return None,
            Err(_) => line_of(|| RouterUpdate { routes: None }).await,
        };
        Some((Ok(update?), (table, stopping)))
    })
}

/// Off the runtime: a table of many apps takes a while to write.
async fn line_of(update: impl FnOnce() -> RouterUpdate + Send + 'static) -> Option<Bytes> {
    let written = tokio::task::spawn_blocking(move || serde_json::to_vec(&update())).await;
    let mut line = written.ok()?.ok()?;
    line.push(b'\n');
    Some(line.into())
}

/// All routes, by the apps' names.
fn whole(table: &RouteTable) -> Vec<RouterRoute> {
    let mut apps: BTreeMap<(&str, AppId), (&Route, Vec<String>)> = BTreeMap::new();
    for (host, route) in &table.hosts {
        apps.entry((route.name.as_str(), route.app)).or_insert_with(|| (route, Vec::new())).1.push(host.clone());
    }
    apps.into_values()
        .map(|(route, mut hosts)| {
            hosts.sort();
            RouterRoute {
                app: route.app.to_string(),
                name: route.name.to_string(),
                hosts,
                maintenance: route.maintenance,
                blank: route.blank,
                features: route.features.list().into_iter().map(|feature| feature.name().to_owned()).collect(),
                suspended: route.suspension.map(|suspension| match suspension {
                    Suspension::QuotaExhausted => RouterSuspension::QuotaExhausted,
                    Suspension::PlannedDegradation => RouterSuspension::PlannedDegradation,
                }),
                error_page: address(route.pages.error.as_ref()),
                maintenance_page: address(route.pages.maintenance.as_ref()),
                dynos: route.web.iter().map(dyno).collect(),
            }
        })
        .collect()
}

fn address(page: Option<&PageAddress>) -> Option<String> {
    page.map(|page| page.as_str().to_owned())
}

fn dyno(backend: &Backend) -> RouterDyno {
    let state = match backend.condition {
        Condition::Up => RouterDynoState::Up,
        Condition::Starting => RouterDynoState::Starting,
        Condition::Crashed => RouterDynoState::Crashed,
        Condition::Asleep => RouterDynoState::Asleep,
    };
    RouterDyno { name: backend.dyno.to_string(), address: backend.address.map(|address| address.to_string()), state }
}

/// `POST /mypaas/router/reports`: lines for the apps' logs, and apps to wake. All of a report is taken, or none of it.
pub(crate) async fn report(State(api): State<Api>, _: RouterCaller, Body(report): Body<RouterReport>) -> Result<StatusCode, ApiError> {
    // Nothing of an app that is not known yet would be kept; they hand it in again.
    if !api.platform.routes_are_known() {
        return Err(ApiError::starting());
    }
    let app = |id: &str| id.parse::<AppId>().map_err(|_| not_found("app"));
    let lines = report.lines.into_iter().map(|line| {
        let at: Timestamp = line.at.parse().map_err(|_| ApiError::bad_request(format!("{:?} is no time.", line.at)))?;
        let text = line.text.replace(['\r', '\n'], " ");
        Ok((app(&line.app)?, LogLine { at, source: Source::Heroku, process: "router".into(), text }))
    });
    let lines = lines.collect::<Result<Vec<_>, ApiError>>()?;
    let awaited = report.awaited.iter().map(|id| app(id)).collect::<Result<HashSet<_>, _>>()?;
    api.platform.routed(lines, awaited);
    if report.lost > 0 {
        tracing::warn!(lost = report.lost, "a router could not keep all lines while the control plane was away");
    }
    Ok(StatusCode::NO_CONTENT)
}
