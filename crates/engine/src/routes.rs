//! From dynos to routes: which host leads to which app, and where its web dynos listen.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use domain::{
    AppId, Feature, LogLine,
    dyno::{After, Leaving, State},
    route::{Backend, Condition, Features, Route, RouteTable},
};
use ports::runtime::{self, ContainerKey};
use store::World;

use crate::{
    platform::{Platform, lock},
    sight::Containers,
};

/// Publishes the table if it differs from the one in use.
pub(crate) fn publish(platform: &Platform, worlds: &[World], containers: &Containers<'_>) {
    let mut addresses = lock(&platform.addresses);
    for ((key, generation), container) in containers {
        if let runtime::Condition::Running { address: Some(address), .. } = container.condition {
            addresses.insert(((*key).clone(), *generation), address);
        }
    }
    let there: HashSet<(&ContainerKey, u64)> = containers.keys().copied().collect();
    addresses.retain(|(key, generation), _| there.contains(&(key, *generation)));

    let pages = lock(&platform.pages);
    let mut table = RouteTable::default();
    let mut own_names = Vec::with_capacity(worlds.len());
    for world in worlds {
        let backend = |record: &store::DynoRecord| {
            let key = ContainerKey { app: world.app.id, dyno: record.name.clone() };
            let dyno = &record.dyno;
            let own = match dyno.state {
                State::Up { .. } => Some(Condition::Up),
                State::Starting { .. } | State::Stopping { then: After::Restart, .. } => Some(Condition::Starting),
                State::Crashed { .. } => Some(Condition::Crashed),
                State::Idle { .. } | State::Stopping { then: After::Sleep, .. } => Some(Condition::Asleep),
                State::Stopping { then: After::Remove, .. } | State::Down { .. } => None,
            };
            // Not up, or not any more: with preboot the generation before answers instead.
            let before = dyno.predecessor.filter(|before| before.leaving == Leaving::Serving && own != Some(Condition::Up));
            let (generation, condition) = before.map_or((dyno.generation, own), |before| (before.generation, own.map(|_| Condition::Up)));
            let address = addresses.get(&(key, generation)).copied();
            Some(Backend { dyno: record.name.clone(), address, condition: condition? })
        };
        let web = world.dynos.iter().filter(|record| record.name.process_type.is_web()).filter_map(backend).collect();
        let route = Route {
            app: world.app.id,
            name: world.app.name.clone(),
            maintenance: world.app.maintenance,
            blank: world.slug.is_none(),
            suspension: None,
            features: Features {
                session_affinity: world.features.contains(&Feature::SessionAffinity),
                end_to_end_continue: world.features.contains(&Feature::EndToEndContinue),
                keep_alive: world.features.contains(&Feature::KeepAlive),
                least_in_flight: world.features.contains(&Feature::LeastInFlight),
            },
            pages: pages.get(&world.app.id).map(|(_, pages)| pages.clone()).unwrap_or_default(),
            web,
        };
        let route = Arc::new(route);
        let own = format!("{}.{}", world.app.name, platform.settings.app_domain);
        table.hosts.extend(world.domains.iter().map(|domain| (domain.to_string(), route.clone())));
        own_names.push((own, route));
    }
    // Last: should the app domain have changed to what somebody had brought, it is the platform's.
    table.hosts.extend(own_names);
    drop(pages);
    drop(addresses);
    platform.routes.send_if_modified(|current| {
        // The first one is news, however empty: until then nothing was known.
        let changed = !platform.routes_known.swap(true, Relaxed) || **current != table;
        if changed {
            *current = Arc::new(table);
        }
        changed
    });
}

impl Platform {
    /// Whether the table that is published now is one: before the first round after a start it is empty and means nothing.
    pub fn routes_are_known(&self) -> bool {
        self.routes_known.load(Relaxed)
    }

    /// What routers elsewhere tell: lines of requests, for the apps' logs, and apps whose sleeping dynos are waited for.
    pub fn routed(&self, lines: Vec<(AppId, LogLine)>, mut asked: HashSet<AppId>) {
        asked.extend(lines.iter().map(|(app, _)| *app));
        // An app that has gone meanwhile has no log any more.
        let known: HashSet<AppId> = self.routes.borrow().hosts.values().map(|route| route.app).collect();
        for (app, line) in lines.into_iter().filter(|(app, _)| known.contains(app)) {
            self.logs.write(app, line);
        }
        for app in asked.intersection(&known) {
            self.asked_for(*app);
        }
    }
}
