//! Watches what dynos use: R14 while one is over its memory quota, R15 at twice of it, and the samples of
//! `log-runtime-metrics`. Every 20 seconds, as on Heroku.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use domain::{AppId, DynoName, Feature, notice::Memory, one_off::OneOff};
use ports::runtime::{ContainerKey, MemoryUse};
use store::{StoreError, World};

use crate::{
    background::{Round, Task},
    platform::{Platform, lock},
    sight::quota_mib,
};

/// One per control plane.
pub struct MemoryWatch {
    platform: Arc<Platform>,
    /// One, five and fifteen minutes, per container.
    loads: HashMap<(ContainerKey, u64), [f64; 3]>,
}

const EVERY: Duration = Duration::from_secs(20);
const MIB: u64 = 1024 * 1024;

impl Task for MemoryWatch {
    const NAME: &'static str = "memory";
    const SWEEP: Duration = EVERY;

    async fn run(&mut self) -> Round {
        let used = match self.platform.runtime.memory().await {
            Ok(used) => used,
            Err(error) => return Round { failed: 1, waiting_for: vec![error.to_string()], ..Round::default() },
        };
        match self.look(&used).await {
            Ok(()) => Round { done: used.len(), ..Round::default() },
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "memory could not be looked at");
                Round { failed: 1, ..Round::default() }
            }
        }
    }
}

impl MemoryWatch {
    pub fn new(platform: Arc<Platform>) -> Self {
        Self { platform, loads: HashMap::new() }
    }

    async fn look(&mut self, used: &[MemoryUse]) -> Result<(), StoreError> {
        let mut tx = self.platform.store.read().await?;
        let worlds: HashMap<AppId, World> = tx.worlds().await?.into_iter().map(|world| (world.app.id, world)).collect();
        let one_offs = tx.all_one_offs().await?;
        drop(tx);
        let mut exhausted = HashMap::new();
        for used in used {
            let Some(world) = worlds.get(&used.key.app) else { continue };
            let one_off = one_offs.iter().find(|one_off| one_off.app == used.key.app && one_off.name == used.key.dyno);
            let memory = self.measure(world, one_off, used);
            if world.features.contains(&Feature::LogRuntimeMetrics) {
                self.sample(world, used, memory);
            }
            if memory.is_vastly_exceeded() || used.killed > 0 {
                let memory = Memory { used_mib: memory.used_mib.max(2 * memory.quota_mib), ..memory };
                match one_off {
                    Some(one_off) => self.end(one_off, memory).await,
                    None => drop(exhausted.insert((used.key.clone(), used.generation), memory)),
                }
            } else if memory.is_exceeded() {
                memory.exceeded_lines().into_iter().for_each(|line| self.platform.tell(used.key.app, &used.key.dyno.to_string(), line));
            }
        }
        let wake = !exhausted.is_empty();
        *lock(&self.platform.exhausted) = exhausted;
        if wake {
            self.platform.formation.up();
        }
        let there: HashSet<(&ContainerKey, u64)> = used.iter().map(|used| (&used.key, used.generation)).collect();
        self.loads.retain(|(key, generation), _| there.contains(&(key, *generation)));
        Ok(())
    }

    /// What counts against the quota: memory of its own and swap, not the cache (Heroku: R14).
    fn measure(&self, world: &World, one_off: Option<&OneOff>, used: &MemoryUse) -> Memory {
        let quota_mib = match one_off {
            Some(one_off) => self.platform.settings.sizes.limits(&one_off.size).memory_mib,
            None => quota_mib(&self.platform, world, &used.key.dyno),
        };
        Memory { used_mib: (used.rss + used.swap) / MIB, quota_mib }
    }

    /// The samples that `log-runtime-metrics` promises, in Heroku's words.
    fn sample(&mut self, world: &World, used: &MemoryUse, memory: Memory) {
        let loads = self.loads.entry((used.key.clone(), used.generation)).or_default();
        for (load, minutes) in loads.iter_mut().zip([1.0, 5.0, 15.0]) {
            let kept = (-EVERY.as_secs_f64() / (60.0 * minutes)).exp();
            *load = *load * kept + used.runnable as f64 * (1.0 - kept);
        }
        let [one, five, fifteen] = *loads;
        let id = world.dynos.iter().find(|record| record.name == used.key.dyno).map_or_else(|| world.app.id.uuid(), |record| record.id.uuid());
        let source = format!("source={} dyno=heroku.{}.{id}", used.key.dyno, world.app.id);
        self.tell(used, format!("{source} sample#load_avg_1m={one:.2} sample#load_avg_5m={five:.2} sample#load_avg_15m={fifteen:.2}"));
        let mib = |bytes: u64| bytes as f64 / MIB as f64;
        let line = format!(
            "{source} sample#memory_total={:.2}MB sample#memory_rss={:.2}MB sample#memory_cache={:.2}MB sample#memory_swap={:.2}MB \
             sample#memory_pgpgin={}pages sample#memory_pgpgout={}pages sample#memory_quota={:.2}MB",
            mib(used.rss + used.cache + used.swap),
            mib(used.rss),
            mib(used.cache),
            mib(used.swap),
            used.pages_in,
            used.pages_out,
            memory.quota_mib as f64,
        );
        self.tell(used, line);
    }

    fn tell(&self, used: &MemoryUse, line: String) {
        self.platform.tell(used.key.app, &used.key.dyno.to_string(), line);
    }

    /// R15 of a one-off dyno: its round finds it ended.
    async fn end(&self, one_off: &OneOff, memory: Memory) {
        let name: &DynoName = &one_off.name;
        memory.vastly_exceeded_lines().into_iter().for_each(|line| self.platform.tell(one_off.app, &name.to_string(), line));
        if let Err(error) = self.platform.runtime.kill(&ContainerKey { app: one_off.app, dyno: name.clone() }, 1).await {
            tracing::warn!(dyno = %name, error = &error as &dyn std::error::Error, "a one-off dyno over its memory could not be killed; it is tried again");
        }
    }
}
