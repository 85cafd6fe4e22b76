//! Web dynos of a size that sleeps: put to sleep when nobody asks for them, woken by the next request (Heroku: Eco dynos).
//!
//! When an app was last asked for is not remembered over a restart of the platform: everybody then has another half hour.

use std::{collections::HashMap, sync::Mutex};

use domain::AppId;
use jiff::Timestamp;
use store::World;

use crate::platform::{Platform, lock};

/// When each app was last asked for, since the platform started.
pub(crate) struct Traffic {
    since: Timestamp,
    last: Mutex<HashMap<AppId, Asked>>,
}

#[derive(Clone, Copy)]
struct Asked {
    at: Timestamp,
    asleep: bool,
}

impl Traffic {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { since: now, last: Mutex::default() }
    }
}

impl Platform {
    /// Somebody asks for an app's web dynos; those asleep wake up.
    pub fn asked_for(&self, app: AppId) {
        let at = self.clock.now();
        let before = lock(&self.traffic.last).insert(app, Asked { at, asleep: false });
        if before.is_some_and(|before| before.asleep) {
            self.formation.up();
        }
    }

    /// Whether an app's web dynos should sleep. A new release wakes them as a request does.
    pub(crate) fn nobody_asks(&self, world: &World, released: Timestamp, now: Timestamp) -> bool {
        let web = world.formation.iter().find(|(process_type, _)| process_type.is_web());
        if !web.is_some_and(|(_, scale)| self.settings.sizes.limits(&scale.size).sleeps) {
            return false;
        }
        let mut last = lock(&self.traffic.last);
        let asked = last.entry(world.app.id).or_insert(Asked { at: self.traffic.since, asleep: false });
        asked.asleep = asked.at.max(released) + self.settings.policy.idle_after <= now;
        asked.asleep
    }

    /// Forgets apps that are gone.
    pub(crate) fn forget_traffic_but_of(&self, worlds: &[World]) {
        lock(&self.traffic.last).retain(|app, _| worlds.iter().any(|world| world.app.id == *app));
    }
}
