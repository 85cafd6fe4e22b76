//! What must be true of a simulation when it is over.

use std::{collections::HashMap, time::Duration};

use domain::{
    ErrorCode as E,
    route::{Condition, Route},
};

use super::{Sim, clients::Seen, dynos::Mood};
use crate::RequestRouted;

/// Timers and pieces on their way make it a little longer.
const BLUR: Duration = Duration::from_millis(200);

pub(super) fn judge(sim: &Sim, said: &[RequestRouted], metrics: &str) {
    let mut lines: HashMap<&str, Vec<&RequestRouted>> = HashMap::new();
    said.iter().for_each(|event| lines.entry(&event.request_id).or_default().push(event));
    let clients = sim.state().clients.clone();
    for (id, seen) in &clients {
        match lines.remove(id.as_str()).unwrap_or_default()[..] {
            [event] => one(sim, id, seen, event),
            // Whoever left at once may not have asked.
            [] if seen.left => {}
            ref events => sim.wrong(&format!("{id} has {} lines", events.len())),
        }
    }
    if !lines.is_empty() {
        sim.wrong(&format!("lines of nobody's requests: {:?}", lines.keys()));
    }
    for gauge in ["open_requests", "open_tunnels"] {
        if !metrics.contains(&format!("mypaas_router_{gauge}{{app=\"shop\"}} 0")) {
            sim.wrong(&format!("{gauge} are left"));
        }
    }
}

fn one(sim: &Sim, id: &str, seen: &Seen, event: &RequestRouted) {
    let wrong =
        |why: &str| sim.wrong(&format!("{id}: {why}\n  {}\n  {:?} {:?} left={} stalls={}", event.line(), seen.status, seen.took, seen.left, seen.stalls));
    // What the client saw is what the log says.
    match (event.code, seen.status) {
        _ if seen.left => {}
        (None, Some(status)) if status == event.status && seen.body.as_ref() == Some(&seen.answer) => {}
        (None, _) => wrong("all went well, and the client has not all of it"),
        (Some(E::H28ClientConnectionIdle), None) => {}
        (Some(_), Some(status)) if status == event.status => {}
        (Some(_), _) => wrong("the client has another status than the log"),
    }
    let state = sim.state();
    let sightings: Vec<(u16, Mood)> = state.sightings.get(id).cloned().unwrap_or_default();
    let tables: Vec<Route> = tables_during(&state.tables, seen);
    drop(state);
    // A dyno that closed an idle connection has not acted on what came on it.
    let most = if sim.features.keep_alive && seen.upload.is_empty() && !seen.stalls { usize::MAX } else { 1 };
    if sightings.len() > most {
        wrong("more than one dyno saw it");
    }
    let saw = |moods: &[Mood]| sightings.iter().any(|(_, mood)| moods.contains(mood));
    let any = |holds: &dyn Fn(&Route) -> bool| tables.iter().any(holds);
    let has = |condition: Condition| move |route: &Route| route.web.iter().any(|backend| backend.condition == condition);
    let service = event.service.map(|service| Duration::try_from(service).unwrap_or_default());
    let ages = |time: u64| seen.took + BLUR >= Duration::from_secs(time);
    let rightly = match event.code {
        None => saw(&[Mood::Serves, Mood::Slow, Mood::BreaksOffInBody, Mood::StallsInBody]),
        Some(E::H10AppCrashed) => any(&|route| route.web.iter().all(|backend| backend.condition == Condition::Crashed)),
        Some(E::H11BacklogTooDeep) => any(&has(Condition::Up)) || any(&|route| !route.web.is_empty()),
        Some(E::H12RequestTimeout) => saw(&[Mood::Slow, Mood::Silent]) && service.is_some_and(|service| service >= Duration::from_secs(30)),
        Some(E::H13ClosedWithoutResponse) => saw(&[Mood::HangsUp]) || sim.features.keep_alive,
        Some(E::H14NoWebProcesses) => any(&|route| route.web.is_empty()),
        Some(E::H15IdleConnection) => saw(&[Mood::StallsInBody]) && service.is_some_and(|service| service >= Duration::from_secs(55)),
        Some(E::H17PoorlyFormattedResponse) => saw(&[Mood::Babbles]),
        Some(E::H18ServerRequestInterrupted) => saw(&[Mood::BreaksOffInHead, Mood::BreaksOffInBody]),
        Some(E::H19BackendConnectionTimeout) => ages(5) && sightings.is_empty(),
        Some(E::H20BootTimeout | E::H99PlatformError) => ages(75) && sightings.is_empty(),
        Some(E::H21BackendConnectionRefused) => sightings.is_empty(),
        Some(E::H27ClientRequestInterrupted) => seen.left,
        Some(E::H28ClientConnectionIdle) => seen.stalls && (seen.left || ages(55)),
        Some(E::H80Maintenance) => any(&|route| route.maintenance),
        Some(_) => false,
    };
    if !rightly {
        wrong(&format!("this is not why: {sightings:?}, {} tables", tables.len()));
    }
    // Nothing is waited for longer than all limits together: for a dyno, for an upload, for an answer.
    if service.is_none() && seen.took > Duration::from_secs(80) {
        wrong("it waited too long for a dyno");
    }
}

/// What the table said while a client was there.
fn tables_during(tables: &[(tokio::time::Instant, Route)], seen: &Seen) -> Vec<Route> {
    let ended = seen.came + seen.took;
    let before = tables.iter().rposition(|(since, _)| *since <= seen.came).unwrap_or(0);
    tables[before..].iter().take_while(|(since, _)| *since <= ended).map(|(_, route)| route.clone()).collect()
}
