//! What a round sees: what an app asks of its dynos, and what the engine shows of them, in the dynos' own terms.

use std::collections::HashMap;

use domain::{DynoName, Feature, dyno::Seen, formation::Desired, notice::Memory};
use jiff::Timestamp;
use ports::runtime::{Condition, ContainerKey, SeenContainer};
use store::World;

use crate::platform::{Platform, lock};

/// Containers by key and generation: with preboot a dyno may have two.
pub(crate) type Containers<'a> = HashMap<(&'a ContainerKey, u64), &'a SeenContainer>;

pub(crate) fn by_generation(seen: &[SeenContainer]) -> Containers<'_> {
    seen.iter().map(|container| ((&container.key, container.generation), container)).collect()
}

/// What one world asks of its dynos. Without a slug nothing can run.
pub(crate) fn desired(platform: &Platform, world: &World, now: Timestamp) -> Desired {
    let release = world.current.as_ref().filter(|_| world.slug.is_some());
    Desired {
        release: release.map(|release| release.version),
        quantities: world.formation.iter().map(|(process_type, scale)| (process_type.clone(), scale.quantity)).collect(),
        preboot: world.features.contains(&Feature::Preboot),
        web_asleep: release.is_some_and(|release| platform.nobody_asks(world, release.created_at, now)),
    }
}

/// The engine's view of one generation of a dyno.
pub(crate) fn see(platform: &Platform, world: &World, key: &ContainerKey, generation: u64, containers: &Containers<'_>) -> Seen {
    let Some(container) = containers.get(&(key, generation)) else { return Seen::Nothing };
    match container.condition {
        Condition::Created => Seen::Nothing,
        Condition::Running { since, bound, .. } => match lock(&platform.exhausted).get(&(key.clone(), generation)) {
            Some(&memory) => Seen::Exhausted { memory },
            None if !bound && key.dyno.process_type.is_web() => Seen::Booting { since },
            None => Seen::Bound,
        },
        Condition::Exited { oom_killed: true, .. } => {
            let quota_mib = quota_mib(platform, world, &key.dyno);
            Seen::OutOfMemory { memory: Memory { used_mib: 2 * quota_mib, quota_mib } }
        }
        Condition::Exited { status, .. } => Seen::Exited { status },
    }
}

/// How much memory a dyno of this app should do with.
pub(crate) fn quota_mib(platform: &Platform, world: &World, name: &DynoName) -> u64 {
    let size = world.formation.get(&name.process_type).map(|scale| scale.size.clone()).unwrap_or_default();
    platform.settings.sizes.limits(&size).memory_mib
}
