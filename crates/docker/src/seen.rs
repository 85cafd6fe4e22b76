//! What runs, as the engine shows it.

use std::{net::SocketAddr, sync::Arc};

use bollard::{
    models::{ContainerInspectResponse, ContainerStateStatusEnum as Status, ContainerSummaryStateEnum as Summary},
    query_parameters::{InspectContainerOptions, ListContainersOptions},
};
use jiff::Timestamp;
use ports::{
    RuntimeError,
    runtime::{Condition, MemoryUse, SeenContainer},
};

use crate::{
    bound,
    connect::Engine,
    error::{found, refused},
    known::Running,
    labels::{BASE, Kind, Tagged},
    logs::{self, Since},
    memory::measure,
};

/// Every dyno's container. What was not known yet is looked after from now on, its log read from `since`.
pub(crate) async fn list(engine: &Arc<Engine>, since: Since) -> Result<Vec<SeenContainer>, RuntimeError> {
    let options = ListContainersOptions { all: true, filters: Some(engine.instance.filter_all()), ..Default::default() };
    let mut seen = Vec::new();
    for summary in engine.api.list_containers(Some(options)).await.map_err(refused)? {
        let (Some(id), Some(labels)) = (summary.id, summary.labels) else { continue };
        let Some(tagged) = engine.identity(&labels) else {
            if Kind::Dyno.marks(&labels) {
                tracing::warn!(container = id, "a container with this installation's label cannot be read as a dyno");
            }
            continue;
        };
        let known = match summary.state {
            Some(Summary::CREATED) => Some(Condition::Created),
            Some(Summary::RUNNING) => engine.known.running(&id).map(|running| condition(engine, &id, &tagged, running)),
            _ => engine.known.exited(&id),
        };
        let condition = match known {
            Some(condition) => Some(condition),
            None => {
                found(engine.api.inspect_container(&id, None::<InspectContainerOptions>).await)?.and_then(|container| look_after(engine, &container, since))
            }
        };
        if let Some(condition) = condition {
            let base = labels.get(BASE).cloned();
            seen.push(SeenContainer { key: tagged.key, generation: tagged.generation, condition, one_off: tagged.one_off, base });
        }
    }
    Ok(seen)
}

/// What the running dynos use.
pub(crate) async fn memory(engine: &Engine) -> Result<Vec<MemoryUse>, RuntimeError> {
    let options = ListContainersOptions { filters: Some(engine.instance.filter_all()), ..Default::default() };
    let running = engine.api.list_containers(Some(options)).await.map_err(refused)?;
    let measured = running.into_iter().filter_map(|summary| {
        let tagged = engine.identity(&summary.labels?)?;
        let used = measure(engine.known.running(&summary.id?)?.pid).ok()?;
        Some(MemoryUse {
            key: tagged.key,
            generation: tagged.generation,
            rss: used.rss,
            cache: used.cache,
            swap: used.swap,
            pages_in: used.pages_in,
            pages_out: used.pages_out,
            runnable: used.runnable,
            killed: used.killed,
        })
    });
    Ok(measured.collect())
}

/// Notes what an inspection shows, follows the log and watches the port if nobody does yet.
pub(crate) fn look_after(engine: &Arc<Engine>, container: &ContainerInspectResponse, since: Since) -> Option<Condition> {
    let id = container.id.as_deref()?;
    let tagged = engine.identity(container.config.as_ref()?.labels.as_ref()?)?;
    let state = container.state.as_ref()?;
    let status = state.status.unwrap_or(Status::EMPTY);
    if matches!(status, Status::CREATED | Status::EMPTY) {
        return Some(Condition::Created);
    }
    if !tagged.attached {
        logs::follow(engine, id, &tagged.key, since);
    }
    if matches!(status, Status::EXITED | Status::DEAD | Status::REMOVING) {
        let code = state.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1);
        let exited = Condition::Exited { status: code, oom_killed: state.oom_killed == Some(true) };
        engine.known.learn_exited(id, exited);
        return Some(exited);
    }
    let mut running = running(container)?;
    running.since = tagged.since.unwrap_or(running.since);
    attend(engine, id, tagged.port, running);
    Some(condition(engine, id, &tagged, running))
}

/// The facts of a container that runs.
pub(crate) fn running(container: &ContainerInspectResponse) -> Option<Running> {
    let state = container.state.as_ref()?;
    Some(Running {
        since: state.started_at.as_deref().and_then(|text| text.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH),
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
        ip: address(container),
    })
}

/// Remembers a dyno that runs, and watches its port if nobody does yet.
pub(crate) fn attend(engine: &Arc<Engine>, id: &str, port: Option<u16>, running: Running) {
    engine.known.learn_running(id, running);
    if let Some(port) = port
        && !engine.known.is_bound(id)
    {
        bound::watch(engine, id, running, port);
    }
}

fn condition(engine: &Engine, id: &str, tagged: &Tagged, running: Running) -> Condition {
    Condition::Running {
        since: running.since,
        bound: tagged.port.is_none() || engine.known.is_bound(id),
        address: running.ip.zip(tagged.port).map(|(ip, port)| SocketAddr::new(ip, port)),
    }
}

fn address(container: &ContainerInspectResponse) -> Option<std::net::IpAddr> {
    let networks = container.network_settings.as_ref()?.networks.as_ref()?;
    networks.values().find_map(|endpoint| endpoint.ip_address.as_deref()?.parse().ok())
}
