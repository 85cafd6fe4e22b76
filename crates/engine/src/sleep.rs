//! Web dynos of a size that sleeps: put to sleep when nobody asks for them, woken by the next request (Heroku: Eco dynos).
//!
//! When an app was last asked for is not remembered over a restart of the platform: who is awake then has another half
//! hour, and who sleeps sleeps on.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use domain::{
    AppId,
    dyno::{After, State},
};
use jiff::Timestamp;
use store::World;

use crate::platform::{Platform, lock};

/// When each app was last asked for, since the platform started.
pub(crate) struct Traffic {
    since: Timestamp,
    last: Mutex<HashMap<AppId, Timestamp>>,
}

impl Traffic {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { since: now, last: Mutex::default() }
    }
}

impl Platform {
    /// Somebody asks for an app's web dynos; those asleep wake up.
    pub fn asked_for(&self, app: AppId) {
        let now = self.clock.now();
        let before = lock(&self.traffic.last).insert(app, now);
        if before.is_none_or(|before| before + self.settings.policy.idle_after <= now) {
            self.formation.up();
        }
    }

    /// Whether an app's web dynos should sleep. A new release wakes them as a request does.
    pub(crate) fn nobody_asks(&self, world: &World, released: Timestamp, now: Timestamp) -> bool {
        let web = world.formation.iter().find(|(process_type, _)| process_type.is_web());
        if !web.is_some_and(|(_, scale)| self.settings.sizes.limits(&scale.size).sleeps) {
            return false;
        }
        let asleep = world.dynos.iter().any(|record| matches!(record.dyno.state, State::Idle { .. } | State::Stopping { then: After::Sleep, .. }));
        let asked = lock(&self.traffic.last).get(&world.app.id).copied().or((!asleep).then_some(self.traffic.since));
        asked.map_or(released, |asked| asked.max(released)) + self.settings.policy.idle_after <= now
    }

    /// Forgets all other apps: they are gone.
    pub(crate) fn keep_traffic_of(&self, apps: &HashSet<AppId>) {
        lock(&self.traffic.last).retain(|app, _| apps.contains(app));
    }
}
