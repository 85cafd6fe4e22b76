//! Minutes of an app's life in virtual time: dynos that come and go, refuse, hang, stall, babble; clients that come in bursts,
//! stall and leave. Whatever happens: every request is explained once and rightly, no dyno gets what it must not get, and nothing
//! is left behind.
//!
//! `SEEDS=2000 cargo test -p router simulation` runs more seeds; `SEED=17` replays one.

mod balance;
mod clients;
mod dynos;
mod judge;
mod pieces;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::route::{Condition, Features, Route};
use ports::Chance;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use self::{clients::Seen, dynos::Mood};
use super::harness::{SETTINGS, Said, address, backend, clock, shop, table};
use crate::{Router, worker::Worker};

/// Seeds to run, from outside.
#[expect(clippy::disallowed_methods, reason = "seeds are chosen from outside")]
fn seeds(usually: u64) -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    number("SEED").map_or(0..number("SEEDS").unwrap_or(usually), |seed| seed..seed + 1)
}

/// Runs this in virtual time, on one thread.
pub(super) fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(work)
}

/// What everybody in the world can see and change.
struct Sim {
    chance: Chance,
    began: Instant,
    features: Features,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By index: what a dyno does, and what the table says of it, if it says anything.
    dynos: HashMap<u16, dynos::Dyno>,
    /// What the table said in the course of time.
    tables: Vec<(Instant, Route)>,
    clients: HashMap<String, Seen>,
    /// Dynos that saw a request, by its id.
    sightings: HashMap<String, Vec<(u16, Mood)>>,
    /// What must not happen.
    wrongs: Vec<String>,
}

impl Sim {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Something that must not happen, happened.
    fn wrong(&self, what: &str) {
        let at = self.began.elapsed();
        self.state().wrongs.push(format!("after {at:?}: {what}"));
    }

    /// One of `in_so_many`.
    fn rarely(&self, in_so_many: usize) -> bool {
        self.chance.below(in_so_many) == 0
    }

    fn between(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.chance.below(usize::try_from(to - from).unwrap()) as u64)
    }
}

/// How long things keep changing.
const COURSE: Duration = Duration::from_secs(240);

/// One world. Says what was seen, by code.
fn simulate(seed: u64) -> HashMap<&'static str, usize> {
    in_virtual_time(async {
        let chance = Chance::seeded(seed);
        let features = Features { keep_alive: chance.below(2) == 0, least_in_flight: chance.below(2) == 0, ..Features::default() };
        let sim = Arc::new(Sim { chance, began: Instant::now(), features, state: Mutex::default() });
        let (routes, receiver) = watch::channel(table(shop(vec![])));
        let said = Arc::new(Said::default());
        let dial = Arc::new(dynos::Machine(sim.clone()));
        let router = Router::with_dial(receiver, said.clone(), clock(), Arc::new(Chance::seeded(seed)), SETTINGS, dial);
        let worker = Worker::new(router.clone());

        let count = 1 + u16::try_from(sim.chance.below(4)).unwrap();
        sim.state().dynos.extend((1..=count).map(|index| (index, dynos::Dyno::new(&sim.chance))));
        publish(&sim, &routes, false);
        let fates = tokio::spawn(change(sim.clone(), routes, count));
        let clients = clients::all(&sim, &router, &worker);
        for client in clients {
            client.await.expect("a client does not panic");
        }
        fates.await.expect("nor does fate");
        for _ in 0..200 {
            sleep(Duration::from_secs(1)).await;
        }
        judge::judge(&sim, &said.all(), &router.metrics());
        let wrongs = sim.state().wrongs.join("\n");
        assert!(wrongs.is_empty(), "seed {seed}:\n{wrongs}");
        let mut codes = HashMap::new();
        said.all().iter().for_each(|event| *codes.entry(event.code.map_or("none", domain::ErrorCode::code)).or_default() += 1);
        codes
    })
}

/// Dynos change their minds, and the table follows what becomes of them.
async fn change(sim: Arc<Sim>, routes: watch::Sender<Arc<domain::route::RouteTable>>, count: u16) {
    while sim.began.elapsed() < COURSE {
        sleep(sim.between(100, 12_000)).await;
        let index = 1 + u16::try_from(sim.chance.below(count.into())).unwrap();
        let condition = match sim.chance.below(10) {
            0 => None,
            1 => Some(Condition::Crashed),
            2 => Some(Condition::Starting),
            3 => Some(Condition::Asleep),
            _ => Some(Condition::Up),
        };
        let mood = Mood::draw(&sim.chance);
        if let Some(dyno) = sim.state().dynos.get_mut(&index) {
            dyno.become_this(mood, condition);
        }
        publish(&sim, &routes, sim.rarely(20));
        if sim.rarely(120) {
            // A release that does not come up.
            sim.state().dynos.values_mut().for_each(|dyno| dyno.become_this(Mood::Serves, Some(Condition::Starting)));
            publish(&sim, &routes, false);
            sleep(Duration::from_secs(90)).await;
        }
    }
    // In the end, all is well.
    sim.state().dynos.values_mut().for_each(|dyno| (dyno.mood, dyno.condition) = (Mood::Serves, Some(Condition::Up)));
    publish(&sim, &routes, false);
    // The table stays as long as anybody looks at it.
    sleep(Duration::from_secs(1000)).await;
}

fn publish(sim: &Sim, routes: &watch::Sender<Arc<domain::route::RouteTable>>, maintenance: bool) {
    let mut state = sim.state();
    let mut web: Vec<_> = state.dynos.iter().filter_map(|(index, dyno)| Some(backend(*index, dyno.condition?))).collect();
    web.sort_by_key(|backend| backend.address);
    let route = Route { features: sim.features, maintenance, ..shop(web) };
    state.tables.push((Instant::now(), route.clone()));
    routes.send_replace(table(route));
}

#[test]
fn every_request_is_explained_rightly_whatever_happens() {
    let seeds = seeds(32);
    let count = seeds.end - seeds.start;
    let mut codes: HashMap<&str, usize> = HashMap::new();
    for seed in seeds {
        simulate(seed).into_iter().for_each(|(code, times)| *codes.entry(code).or_default() += times);
    }
    let mut codes: Vec<_> = codes.into_iter().collect();
    codes.sort_unstable();
    eprintln!("{count} seeds: {codes:?}");
    let expected = ["H10", "H11", "H12", "H13", "H14", "H15", "H17", "H18", "H19", "H20", "H21", "H27", "H28", "H80", "none"];
    let missing: Vec<_> = expected.iter().filter(|code| !codes.iter().any(|(seen, _)| seen == *code)).collect();
    assert!(missing.is_empty() || count < 32, "these never happened: {missing:?}");
}

/// Where a dyno of this index is.
fn index_of(address_of: std::net::SocketAddr) -> u16 {
    address_of.port() - address(0).port()
}
