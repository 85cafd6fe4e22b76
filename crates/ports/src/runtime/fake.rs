//! A runtime made of a map: containers start at once, bind when told to (or at once), and die when told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Attached, Condition, ContainerKey, ContainerSpec, Image, Kept, MemoryUse, OneOffSpec, Runtime, RuntimeError, SeenContainer};
use crate::Clock;

/// See the module's text.
pub struct FakeRuntime {
    clock: Arc<dyn Clock>,
    world: Mutex<World>,
    changes: Arc<tokio::sync::Notify>,
}

struct World {
    /// By key and generation.
    containers: BTreeMap<(ContainerKey, u64), Fake>,
    broken: bool,
    binds_at_once: bool,
    starts: u64,
    kept: Option<Kept>,
}

#[derive(Clone)]
struct Fake {
    spec: ContainerSpec,
    condition: Condition,
    ignores_sigterm: bool,
    /// Bytes of it, and how many processes it lost for want of more.
    memory: (u64, u64),
}

impl FakeRuntime {
    /// An engine in good order, in which every container binds its port at once.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let world = World { containers: BTreeMap::new(), broken: false, binds_at_once: true, starts: 0, kept: None };
        Self { clock, world: Mutex::new(world), changes: Arc::default() }
    }

    /// Whether containers that start from now on bind their port at once.
    pub fn bind_at_once(&self, yes: bool) {
        self.world().binds_at_once = yes;
    }

    /// The container ends with this status.
    pub fn crash(&self, key: &ContainerKey, status: i32) {
        self.with(key, |fake| fake.condition = Condition::Exited { status, oom_killed: false });
        self.changes.notify_one();
    }

    /// The container binds its port.
    pub fn bind(&self, key: &ContainerKey) {
        self.with(key, |fake| {
            if let Condition::Running { bound, .. } = &mut fake.condition {
                *bound = true;
            }
        });
        self.changes.notify_one();
    }

    /// The container no longer listens to SIGTERM.
    pub fn ignore_sigterm(&self, key: &ContainerKey) {
        self.with(key, |fake| fake.ignores_sigterm = true);
    }

    /// The container uses so many bytes from now on, and has lost so many processes for want of more.
    pub fn use_memory(&self, key: &ContainerKey, rss: u64, killed: u64) {
        self.with(key, |fake| fake.memory = (rss, killed));
    }

    /// Nothing answers any more, until [`Self::recover`].
    pub fn break_down(&self) {
        self.world().broken = true;
    }

    /// Answers again.
    pub fn recover(&self) {
        self.world().broken = false;
        self.changes.notify_one();
    }

    /// `web.1 g2 running` per container, in order.
    pub fn picture(&self) -> Vec<String> {
        let word = |condition: &Condition| match condition {
            Condition::Created => "created".to_owned(),
            Condition::Running { bound, .. } => if *bound { "bound" } else { "booting" }.to_owned(),
            Condition::Exited { status, .. } => format!("exited {status}"),
        };
        self.world()
            .containers
            .iter()
            .map(|((key, _), fake)| format!("{} g{} v{} {}", key.dyno, fake.spec.generation, fake.spec.release, word(&fake.condition)))
            .collect()
    }

    /// The environment of a container's process.
    pub fn env(&self, key: &ContainerKey) -> Option<Vec<(String, String)>> {
        self.with(key, |fake| fake.spec.env.clone())
    }

    /// How many containers were ever started.
    pub fn starts(&self) -> u64 {
        self.world().starts
    }

    /// What was last asked to be kept.
    pub fn kept(&self) -> Option<Kept> {
        self.world().kept.clone()
    }

    /// The newest generation of a key.
    fn with<T>(&self, key: &ContainerKey, act: impl FnOnce(&mut Fake) -> T) -> Option<T> {
        let mut world = self.world();
        world.containers.range_mut((key.clone(), 0)..=(key.clone(), u64::MAX)).next_back().map(|(_, fake)| act(fake))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self) -> Result<MutexGuard<'_, World>, RuntimeError> {
        let world = self.world();
        if world.broken { Err(RuntimeError::Unreachable("told to be".into())) } else { Ok(world) }
    }

    fn end(&self, key: &ContainerKey, generation: u64, status: i32) -> Result<(), RuntimeError> {
        if let Some(fake) = self.answer()?.containers.get_mut(&(key.clone(), generation))
            && matches!(fake.condition, Condition::Running { .. })
            && !(status == 143 && fake.ignores_sigterm)
        {
            fake.condition = Condition::Exited { status, oom_killed: false };
        }
        self.changes.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Runtime for FakeRuntime {
    async fn ensure_image(&self, _image: &Image) -> Result<(), RuntimeError> {
        self.answer().map(drop)
    }

    async fn ensure_running(&self, spec: &ContainerSpec) -> Result<(), RuntimeError> {
        let now = self.clock.now();
        let mut world = self.answer()?;
        let newer = (spec.key.clone(), spec.generation + 1)..=(spec.key.clone(), u64::MAX);
        if let Some(((_, current), _)) = world.containers.range(newer).next_back() {
            return Err(RuntimeError::Stale { dyno: spec.key.dyno.clone(), asked: spec.generation, current: *current });
        }
        let own = (spec.key.clone(), spec.generation);
        if world.containers.get(&own).is_some_and(|fake| fake.condition != Condition::Created) {
            return Ok(());
        }
        world.containers.retain(|(key, generation), _| *key != spec.key || Some(*generation) == spec.beside);
        // Each at an address of its own.
        let place = u8::try_from(world.starts % 250).unwrap_or(0);
        let condition =
            Condition::Running { since: now, bound: world.binds_at_once || spec.port.is_none(), address: Some(([10, 0, 0, place + 1], 5000).into()) };
        world.starts += 1;
        world.containers.insert(own, Fake { spec: spec.clone(), condition, ignores_sigterm: false, memory: (0, 0) });
        self.changes.notify_one();
        Ok(())
    }

    async fn terminate(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        self.end(key, generation, 143)
    }

    async fn kill(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        self.end(key, generation, 137)
    }

    async fn ensure_gone(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        self.answer()?.containers.remove(&(key.clone(), generation));
        self.changes.notify_one();
        Ok(())
    }

    async fn memory(&self) -> Result<Vec<MemoryUse>, RuntimeError> {
        let world = self.answer()?;
        let running = world.containers.iter().filter(|(_, fake)| matches!(fake.condition, Condition::Running { .. }));
        let measured = |((key, generation), fake): (&(ContainerKey, u64), &Fake)| {
            let (rss, killed) = fake.memory;
            MemoryUse { key: key.clone(), generation: *generation, rss, cache: 0, swap: 0, pages_in: 0, pages_out: 0, runnable: 1, killed }
        };
        Ok(running.map(measured).collect())
    }

    async fn list(&self) -> Result<Vec<SeenContainer>, RuntimeError> {
        let seen = |((key, generation), fake): (&(ContainerKey, u64), &Fake)| SeenContainer {
            key: key.clone(),
            generation: *generation,
            condition: fake.condition,
            one_off: !key.dyno.process_type.is_formation(),
        };
        Ok(self.answer()?.containers.iter().map(seen).collect())
    }

    async fn run_attached(&self, spec: &OneOffSpec) -> Result<Attached, RuntimeError> {
        self.ensure_running(&spec.container).await?;
        Ok(Attached { output: Box::new(tokio::io::empty()), input: Box::new(tokio::io::sink()) })
    }

    async fn wait(&self, key: &ContainerKey) -> Result<Option<i32>, RuntimeError> {
        drop(self.answer()?);
        Ok(match self.with(key, |fake| fake.condition) {
            Some(Condition::Exited { status, .. }) => Some(status),
            _ => None,
        })
    }

    async fn retain(&self, kept: &Kept) -> Result<(), RuntimeError> {
        self.answer()?.kept = Some(kept.clone());
        Ok(())
    }

    fn changes(&self) -> Arc<tokio::sync::Notify> {
        self.changes.clone()
    }
}
