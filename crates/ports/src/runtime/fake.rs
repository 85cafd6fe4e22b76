//! A runtime made of a map: containers start at once, bind when told to (or at once), and die when told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{
    Attached, Base, Condition, ContainerKey, ContainerSpec, Image, Kept, Machine, MemoryUse, OneOffSpec, Runtime, RuntimeError, SeenContainer, Stored,
};
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
    attached_end_with: Option<i32>,
    stored: Vec<Stored>,
    /// How often every stack's image was replaced.
    rebased: u32,
}

#[derive(Clone)]
struct Fake {
    spec: ContainerSpec,
    condition: Condition,
    ignores_sigterm: bool,
    base: String,
    /// Bytes of it, and how many processes it lost for want of more.
    memory: (u64, u64),
    /// The size that its terminal was given since it was started.
    terminal: Option<(u16, u16)>,
}

impl FakeRuntime {
    /// An engine in good order, in which every container binds its port at once.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let world = World {
            containers: BTreeMap::new(),
            broken: false,
            binds_at_once: true,
            starts: 0,
            kept: None,
            attached_end_with: None,
            stored: Vec::new(),
            rebased: 0,
        };
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

    /// The container ends for want of memory.
    pub fn run_out_of_memory(&self, key: &ContainerKey) {
        self.with(key, |fake| fake.condition = Condition::Exited { status: 137, oom_killed: true });
        self.changes.notify_one();
    }

    /// Attached one-off containers that start from now on end at once, with this status.
    pub fn attached_end_with(&self, status: i32) {
        self.world().attached_end_with = Some(status);
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

    /// Puts something on its disk.
    pub fn store(&self, stored: Stored) {
        self.world().stored.push(stored);
    }

    /// Replaces every stack's image by a newer one.
    pub fn rebase(&self) {
        self.world().rebased += 1;
    }

    /// What a container was started on.
    pub fn base(&self, key: &ContainerKey) -> Option<String> {
        self.with(key, |fake| fake.base.clone())
    }

    /// The size that the terminal of a one-off dyno was given since it was started: columns, rows.
    pub fn terminal(&self, key: &ContainerKey) -> Option<(u16, u16)> {
        self.with(key, |fake| fake.terminal).flatten()
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
        let base = digest(&spec.image.stack, world.rebased);
        world.containers.insert(own, Fake { spec: spec.clone(), condition, ignores_sigterm: false, base, memory: (0, 0), terminal: None });
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
            base: Some(fake.base.clone()),
        };
        Ok(self.answer()?.containers.iter().map(seen).collect())
    }

    async fn run_attached(&self, spec: &OneOffSpec) -> Result<Attached, RuntimeError> {
        self.ensure_running(&spec.container).await?;
        let status = self.world().attached_end_with;
        if let Some(status) = status {
            self.crash(&spec.container.key, status);
        }
        Ok(Attached { output: Box::new(tokio::io::empty()), input: Box::new(tokio::io::sink()) })
    }

    async fn resize(&self, key: &ContainerKey, size: (u16, u16)) -> Result<(), RuntimeError> {
        drop(self.answer()?);
        self.with(key, |fake| fake.terminal = Some(size));
        Ok(())
    }

    async fn wait(&self, key: &ContainerKey) -> Result<Option<i32>, RuntimeError> {
        drop(self.answer()?);
        Ok(match self.with(key, |fake| fake.condition) {
            Some(Condition::Exited { status, .. }) => Some(status),
            _ => None,
        })
    }

    async fn retain(&self, kept: &Kept) -> Result<(), RuntimeError> {
        let mut world = self.answer()?;
        world.kept = Some(kept.clone());
        world.stored.retain(|stored| stored.unneeded(kept).is_none());
        Ok(())
    }

    async fn stored(&self) -> Result<Vec<Stored>, RuntimeError> {
        Ok(self.answer()?.stored.clone())
    }

    async fn bases(&self) -> Result<Vec<Base>, RuntimeError> {
        let world = self.answer()?;
        let base = |name: &str| {
            let stack = name.parse().expect("a stack's name is written here");
            let digest = digest(&stack, world.rebased);
            Base { stack, image: format!("mypaas/{name}:run"), image_id: format!("sha256:{digest}"), digest, made_at: Some(self.clock.now()), variant: "plain" }
        };
        Ok(["heroku-22", "heroku-24"].map(base).into())
    }

    async fn machine(&self) -> Result<Machine, RuntimeError> {
        drop(self.answer()?);
        Ok(Machine { name: "fake".to_owned(), engine: "Fake 1.0".to_owned(), processors: 4, memory: 8 << 30 })
    }

    fn changes(&self) -> Arc<tokio::sync::Notify> {
        self.changes.clone()
    }
}

fn digest(stack: &domain::StackName, rebased: u32) -> String {
    format!("{stack}-{rebased}")
}
