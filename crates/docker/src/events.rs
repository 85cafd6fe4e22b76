//! The engine's own news: something started or died, perhaps by another hand than ours.

use std::{sync::Arc, time::Duration};

use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;

use crate::{connect::Engine, labels::Kind};

const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What is worth hearing of; programs run in a build are not.
const EVENTS: &[&str] = &["create", "start", "oom", "die", "destroy"];

/// Passes on what happens to this installation's containers, for ever.
pub(crate) async fn follow(engine: Arc<Engine>) {
    let mut since = nanos(engine.clock.now().as_nanosecond());
    loop {
        let mut filters = engine.instance.filter_all();
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        filters.insert("event".to_owned(), EVENTS.iter().map(|event| (*event).to_owned()).collect());
        let mut events = engine.api.events(Some(EventsOptions { since: Some(since.clone()), filters: Some(filters), ..Default::default() }));
        while let Some(Ok(event)) = events.next().await {
            if let Some(time) = event.time_nano {
                since = nanos(i128::from(time) + 1);
            }
            let actor = event.actor.unwrap_or_default();
            let id = actor.id.unwrap_or_default();
            match event.action.as_deref() {
                // Whoever started it may know more of this run already; what ran before it has died, and was heard to.
                Some("start") => engine.known.began(&id),
                Some("die") => engine.known.turned(&id),
                Some("destroy") => engine.known.forget(&id),
                Some("oom") => engine.known.learn_out_of_memory(&id),
                _ => {}
            }
            if actor.attributes.is_some_and(|labels| Kind::Dyno.marks(&labels) || Kind::Spare.marks(&labels)) {
                engine.changes.notify_one();
            }
        }
        // Whatever happened while nobody listened is worth a look; an engine that starts anew may bring a new firewall.
        if let Err(error) = engine.look_at_wall().await {
            tracing::error!(%error, "the packet rules could not be put in place");
        }
        engine.changes.notify_one();
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Seconds and nanoseconds, as the engine takes them.
fn nanos(time: i128) -> String {
    format!("{}.{:09}", time / 1_000_000_000, time % 1_000_000_000)
}
