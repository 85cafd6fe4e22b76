//! Makes dynos match what formations ask: looks, decides, saves, then pays what is owed.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    DynoName, Id,
    dyno::{Debt, Dyno, State},
    formation::round,
};
use jiff::{SignedDuration, Timestamp};
use ports::runtime::{Condition, ContainerKey, ContainerSpec, Image, RuntimeError, SeenContainer};
use store::{DynoRecord, StoreError, World};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    background::{Round, Task},
    environment, one_off, pages,
    platform::{Platform, lock},
    refusal::Refusal,
    releases::slug_of,
    routes,
    sight::{by_generation, desired, see},
};

/// Debts being paid at one time; the engine bounds its own starts below this.
const IN_FLIGHT: usize = 16;
/// A debt that could not be paid is tried again after so long.
const RETRY: Duration = Duration::from_secs(2);

/// The reconciler of formations. One per control plane.
pub struct Formations {
    platform: Arc<Platform>,
    /// Debts being paid: their dynos are left alone.
    busy: Arc<Mutex<HashSet<ContainerKey>>>,
    /// Which generation of a dyno got its SIGTERM: a second one makes many programs quit at once.
    terminated: Arc<Mutex<HashMap<(ContainerKey, u64), Timestamp>>>,
    places: Arc<Semaphore>,
    paying: JoinSet<()>,
}

impl Task for Formations {
    const NAME: &'static str = "formations";

    async fn run(&mut self) -> Round {
        // Whoever finishes paying after this line wakes one more round.
        let busy = lock(&self.busy).clone();
        let seen = match self.platform.runtime.list().await {
            Ok(seen) => {
                lock(&self.platform.engine_away).take();
                seen
            }
            Err(error) => {
                *lock(&self.platform.engine_away) = Some(waits_for_engine(&error));
                return waiting(&error);
            }
        };
        match self.round(&seen, &busy).await {
            Ok(round) => round,
            Err(error) => waiting(&error),
        }
    }
}

fn waiting(error: &(dyn std::error::Error + 'static)) -> Round {
    tracing::warn!(error, "a round over the formations could not be made");
    Round { failed: 1, waiting_for: vec![error.to_string()], again_in: Some(RETRY), ..Round::default() }
}

fn waits_for_engine(cause: &dyn std::fmt::Display) -> String {
    format!("waits for the container engine: {cause}")
}

impl Formations {
    pub fn new(platform: Arc<Platform>) -> Self {
        Self { platform, busy: Arc::default(), terminated: Arc::default(), places: Arc::new(Semaphore::new(IN_FLIGHT)), paying: JoinSet::new() }
    }

    /// Waits until every debt now being paid is paid; the next round sees what came of it.
    pub async fn settle(&mut self) {
        while self.paying.join_next().await.is_some() {}
    }

    async fn round(&mut self, seen: &[SeenContainer], busy: &HashSet<ContainerKey>) -> Result<Round, StoreError> {
        let platform = self.platform.clone();
        let now = platform.clock.now();
        let containers = by_generation(seen);

        // Read and save in one transaction: what people change meanwhile is not overwritten.
        let mut tx = platform.store.write().await?;
        let mut worlds = tx.worlds().await?;
        let mut notices = Vec::new();
        let mut debts = Vec::new();
        let mut look_again_at: Option<Timestamp> = None;
        for world in &mut worlds {
            let app = world.app.id;
            let key = |name: &DynoName| ContainerKey { app, dyno: name.clone() };
            let before: BTreeMap<DynoName, Dyno> = world.dynos.iter().map(|record| (record.name.clone(), record.dyno)).collect();
            let round = round(
                &desired(&platform, world, now),
                &before,
                |name, generation| see(&platform, world, &key(name), generation, &containers),
                |name| busy.contains(&key(name)),
                now,
                || self.draw_spread(),
                &platform.settings.policy,
            );
            let changed: Vec<DynoRecord> =
                records(&platform, world, &round.dynos, now).into_iter().filter(|record| before.get(&record.name) != Some(&record.dyno)).collect();
            tx.save_dynos(app, &changed).await?;
            for gone in &round.gone {
                tx.delete_dyno(app, gone).await?;
            }
            world.dynos = records(&platform, world, &round.dynos, now);
            notices.extend(round.notices.into_iter().map(|(name, notice)| (key(&name), notice)));
            debts.extend(round.debts.into_iter().map(|(name, generation, debt)| (key(&name), generation, debt)));
            look_again_at = [look_again_at, round.look_again_at].into_iter().flatten().min();
        }
        pages::look(&platform, &mut tx, &worlds).await;
        tx.commit().await?;

        for (key, notice) in notices {
            notice.lines().into_iter().for_each(|line| platform.tell(key.app, &key.dyno.to_string(), line));
        }
        // Before anything is stopped: requests must not go to a dyno that is going away.
        routes::publish(&platform, &worlds, &containers);
        let mut round = Round { again_in: look_again_at.map(|at| until(now, at)), ..Round::default() };
        for (key, generation, debt) in debts {
            self.pay(key, generation, debt);
            round.done += 1;
        }
        round.done += self.sweep_strangers(&worlds, seen, busy);
        one_off::round(&platform, seen).await?;
        Ok(round)
    }

    /// When this generation got its SIGTERM from this life of the platform.
    fn terminated_at(&self, key: &ContainerKey, generation: u64) -> Option<Timestamp> {
        lock(&self.terminated).get(&(key.clone(), generation)).copied()
    }

    fn draw_spread(&self) -> SignedDuration {
        let spread = self.platform.settings.policy.cycle_spread.as_secs().max(0);
        let drawn = self.platform.chance.below(usize::try_from(spread).unwrap_or(0) + 1);
        SignedDuration::from_secs(i64::try_from(drawn).unwrap_or(0))
    }

    /// Pays one debt in the background. Failing, it is simply still owed next round.
    fn pay(&mut self, key: ContainerKey, generation: u64, debt: Debt) {
        if debt == Debt::Terminate {
            if self.terminated_at(&key, generation).is_some() {
                return;
            }
            lock(&self.terminated).insert((key.clone(), generation), self.platform.clock.now());
        }
        if !lock(&self.busy).insert(key.clone()) {
            return;
        }
        let (platform, busy, places, terminated) = (self.platform.clone(), self.busy.clone(), self.places.clone(), self.terminated.clone());
        while self.paying.try_join_next().is_some() {}
        self.paying.spawn(async move {
            let _place = places.acquire_owned().await;
            let paid = match debt {
                Debt::Start => start(&platform, &key, generation).await,
                Debt::Terminate => platform.runtime.terminate(&key, generation).await.map_err(Refusal::from),
                Debt::Kill => platform.runtime.kill(&key, generation).await.map_err(Refusal::from),
                Debt::Sweep => platform.runtime.ensure_gone(&key, generation).await.map_err(Refusal::from),
            };
            // Not sent, or nobody left to send it to again.
            if debt == Debt::Sweep || (debt == Debt::Terminate && paid.is_err()) {
                lock(&terminated).remove(&(key.clone(), generation));
            }
            report(&platform, &key, debt, paid).await;
            lock(&busy).remove(&key);
            platform.formation.up();
        });
    }

    /// Containers of ours that no record knows: an app was destroyed. Answers how many are being seen to.
    fn sweep_strangers(&mut self, worlds: &[World], seen: &[SeenContainer], busy: &HashSet<ContainerKey>) -> usize {
        let mut swept = 0;
        let mut known = HashSet::new();
        for world in worlds {
            for DynoRecord { name, dyno, .. } in &world.dynos {
                let key = ContainerKey { app: world.app.id, dyno: name.clone() };
                known.extend(dyno.predecessor.map(|before| (key.clone(), before.generation)));
                known.insert((key, dyno.generation));
            }
        }
        let stranger = |container: &&SeenContainer| !container.one_off && !known.contains(&(container.key.clone(), container.generation));
        for container in seen.iter().filter(stranger).filter(|container| !busy.contains(&container.key)) {
            let debt = match container.condition {
                Condition::Running { .. } => match self.terminated_at(&container.key, container.generation) {
                    None => Debt::Terminate,
                    Some(at) if at + self.platform.settings.policy.stop_grace > self.platform.clock.now() => continue,
                    Some(_) => Debt::Sweep,
                },
                Condition::Created | Condition::Exited { .. } => Debt::Sweep,
            };
            self.pay(container.key.clone(), container.generation, debt);
            swept += 1;
        }
        let apps: HashSet<_> = worlds.iter().map(|world| world.app.id).collect();
        lock(&self.platform.troubles).retain(|key, _| apps.contains(&key.app));
        self.platform.keep_traffic_of(&apps);
        swept
    }
}

fn records(platform: &Platform, world: &World, dynos: &BTreeMap<DynoName, Dyno>, now: Timestamp) -> Vec<DynoRecord> {
    let before = |name: &DynoName| world.dynos.iter().find(|record| record.name == *name);
    let id = |name: &DynoName, dyno: &Dyno| match before(name) {
        Some(record) if record.dyno.generation == dyno.generation => record.id,
        // A dyno that restarts is another dyno of the same name (Heroku): whoever waits for it goes by the id.
        Some(record) => reborn(record.id, dyno.generation, now),
        None => platform.chance.id(now),
    };
    dynos.iter().map(|(name, dyno)| DynoRecord { id: id(name, dyno), name: name.clone(), dyno: *dyno }).collect()
}

/// The id of a dyno's next generation: from the one before, so that a story told twice draws the same numbers.
fn reborn<Of>(before: Id<Of>, generation: u64, now: Timestamp) -> Id<Of> {
    let mut drawn = [0; 10];
    drawn.copy_from_slice(&before.uuid().as_bytes()[6..]);
    for (byte, count) in drawn[2..].iter_mut().zip(generation.to_be_bytes()) {
        *byte ^= count;
    }
    Id::new(now, drawn)
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// Makes a dyno's container run what its record says.
async fn start(platform: &Platform, key: &ContainerKey, generation: u64) -> Result<(), Refusal> {
    let mut tx = platform.store.read().await?;
    let Some(app) = tx.app(key.app).await? else { return Ok(()) };
    let record = tx.dynos(app.id).await?.into_iter().find(|record| record.name == key.dyno);
    // The record moved on while this waited for its turn.
    let Some(dyno) = record.map(|record| record.dyno).filter(|dyno| dyno.generation == generation && matches!(dyno.state, State::Starting { .. })) else {
        return Ok(());
    };
    let Some(release) = tx.release_version(app.id, dyno.release).await? else { return Ok(()) };
    let Some(slug) = slug_of(&mut tx, release.slug).await? else { return Ok(()) };
    let Some(command) = slug.process_types.command(&key.dyno.process_type).map(str::to_owned) else { return Ok(()) };
    let config = tx.release_config_vars(release.id).await?;
    let size = tx.formation(app.id).await?.get(&key.dyno.process_type).map(|scale| scale.size.clone()).unwrap_or_default();
    drop(tx);

    let image = Image { stack: slug.stack.clone(), slug: Some(slug.sha256) };
    platform.runtime.ensure_image(&image).await?;
    let port = key.dyno.process_type.is_web().then(|| draw_port(platform));
    let env = environment::of_dyno(&app, &release, Some(&slug), &config, &key.dyno, port);
    platform.tell(app.id, &key.dyno.to_string(), format!("Starting process with command `{command}`"));
    let spec = ContainerSpec {
        key: key.clone(),
        generation,
        app_name: app.name,
        release: release.version.0,
        image,
        command,
        env,
        limits: platform.settings.sizes.limits(&size),
        port,
        beside: dyno.predecessor.map(|before| before.generation),
    };
    Ok(platform.runtime.ensure_running(&spec).await?)
}

/// A dyno's own port: any above the privileged ones, different each time, so that nobody comes to rely on one.
fn draw_port(platform: &Platform) -> u16 {
    3000 + u16::try_from(platform.chance.below(57_000)).unwrap_or(0)
}

/// A debt that cannot be paid is told once, to the platform's log and to whoever looks at `ps`.
async fn report(platform: &Platform, key: &ContainerKey, debt: Debt, paid: Result<(), Refusal>) {
    let Err(error) = paid else {
        lock(&platform.troubles).remove(key);
        return;
    };
    let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    let sentence = waits_for_engine(&cause);
    let told = lock(&platform.troubles).insert(key.clone(), sentence.clone());
    if told.as_ref() != Some(&sentence) {
        tracing::warn!(dyno = %key.dyno, app = %key.app, ?debt, error = cause, "a debt could not be paid; it stays owed");
    }
    if !matches!(std::error::Error::source(&error).and_then(|source| source.downcast_ref()), Some(RuntimeError::Stale { .. })) {
        tokio::time::sleep(RETRY).await;
    }
}
