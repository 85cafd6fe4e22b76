//! From dynos to routes: which host leads to which app, and where its web dynos listen.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::{
    dyno::{After, State},
    route::{Backend, Condition, Features, Pages, Route, RouteTable},
};
use ports::runtime::{self, ContainerKey, SeenContainer};
use store::World;

use crate::platform::{Platform, lock};

/// Publishes the table if it differs from the one in use.
pub(crate) fn publish(platform: &Platform, worlds: &[World], containers: &HashMap<&ContainerKey, &SeenContainer>) {
    let mut addresses = lock(&platform.addresses);
    for (key, container) in containers {
        if let runtime::Condition::Running { address: Some(address), .. } = container.condition {
            addresses.insert((*key).clone(), address);
        }
    }
    let there: HashSet<&ContainerKey> = containers.keys().copied().collect();
    addresses.retain(|key, _| there.contains(key));

    let mut table = RouteTable::default();
    for world in worlds {
        let backend = |record: &store::DynoRecord| {
            let condition = match record.dyno.state {
                State::Up { .. } => Condition::Up,
                State::Starting { .. } | State::Stopping { then: After::Restart, .. } => Condition::Starting,
                State::Crashed { .. } => Condition::Crashed,
                State::Stopping { then: After::Remove, .. } | State::Down { .. } => return None,
            };
            let address = addresses.get(&ContainerKey { app: world.app.id, dyno: record.name.clone() }).copied();
            Some(Backend { dyno: record.name.clone(), address, condition })
        };
        let web = world.dynos.iter().filter(|record| record.name.process_type.is_web()).filter_map(backend).collect();
        let route = Route {
            app: world.app.id,
            name: world.app.name.clone(),
            maintenance: world.app.maintenance,
            blank: world.slug.is_none(),
            features: Features::default(),
            pages: Pages::default(),
            web,
        };
        table.hosts.insert(format!("{}.{}", world.app.name, platform.settings.app_domain), Arc::new(route));
    }
    drop(addresses);
    platform.routes.send_if_modified(|current| {
        let changed = **current != table;
        if changed {
            *current = Arc::new(table);
        }
        changed
    });
}
