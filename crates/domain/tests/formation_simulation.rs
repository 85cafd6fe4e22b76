//! Weeks of formations in a world that misbehaves, with the platform dying between any two steps.
//!
//! `SEEDS=2000 cargo test -p domain --test formation_simulation` runs more seeds; `SEED=17` replays one.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::collections::BTreeMap;

use domain::{
    ProcessType, ReleaseVersion,
    dyno::{Debt, Dyno, DynoName, Leaving, Policy, Seen, State},
    formation::{Desired, round},
    notice::{Memory, Notice},
};
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Containers that boot slowly, sometimes never bind, sometimes crash, sometimes ignore SIGTERM, sometimes vanish.
#[derive(Default)]
struct World {
    containers: BTreeMap<(DynoName, u64), Container>,
    starts: u64,
    /// Which (dyno, generation) was ever started: never twice.
    started: std::collections::BTreeSet<(DynoName, u64)>,
    engine_down: bool,
}

struct Container {
    /// Takes too much memory from then on.
    swells_at: Option<Timestamp>,
    started_at: Timestamp,
    bound_at: Timestamp,
    exits_at: Option<Timestamp>,
    status: i32,
    ignores_sigterm: bool,
}

impl Container {
    fn dead(&self, now: Timestamp) -> bool {
        self.exits_at.is_some_and(|at| at <= now)
    }
}

impl World {
    fn seen(&self, name: &DynoName, generation: u64, now: Timestamp) -> Seen {
        let memory = Memory { used_mib: 1100, quota_mib: 512 };
        match self.containers.get(&(name.clone(), generation)) {
            None => Seen::Nothing,
            Some(container) if container.dead(now) => Seen::Exited { status: container.status },
            Some(container) if container.swells_at.is_some_and(|at| at <= now) => Seen::Exhausted { memory },
            Some(container) if container.bound_at <= now => Seen::Bound,
            Some(container) => Seen::Booting { since: container.started_at },
        }
    }

    fn alive<'a>(&'a self, name: &'a DynoName, now: Timestamp) -> impl Iterator<Item = u64> + 'a {
        self.containers.iter().filter(move |((of, _), container)| of == name && !container.dead(now)).map(|((_, generation), _)| *generation)
    }

    /// `beside`: the one older generation that may live on.
    fn pay(&mut self, seed: u64, debt: Debt, (name, generation): (&DynoName, u64), beside: Option<u64>, now: Timestamp, rng: &mut StdRng) {
        let secs = SignedDuration::from_secs;
        let key = (name.clone(), generation);
        match debt {
            Debt::Start => {
                for other in self.alive(name, now) {
                    assert!(Some(other) == beside, "seed {seed}: {name} would have two containers, {other} and {generation}");
                    assert!(other < generation, "seed {seed}: {name} was started twice");
                }
                assert!(self.started.insert(key.clone()), "seed {seed}: generation {generation} of {name} was started twice");
                self.starts += 1;
                // Like the engine: what is left of others makes room.
                self.containers.retain(|(of, other), _| of != name || Some(*other) == beside);
                let container = Container {
                    swells_at: rng.random_bool(0.05).then(|| now + secs(rng.random_range(1..20_000))),
                    started_at: now,
                    bound_at: now + secs(rng.random_range(1..70)),
                    exits_at: rng.random_bool(0.3).then(|| now + secs(rng.random_range(1..200_000))),
                    status: 1,
                    ignores_sigterm: rng.random_bool(0.1),
                };
                self.containers.insert(key, container);
            }
            Debt::Terminate => {
                if let Some(container) = self.containers.get_mut(&key)
                    && !container.ignores_sigterm
                    && container.exits_at.is_none_or(|at| at > now + secs(20))
                {
                    (container.exits_at, container.status) = (Some(now + secs(rng.random_range(0..20))), 143);
                }
            }
            Debt::Kill => {
                if let Some(container) = self.containers.get_mut(&key) {
                    (container.exits_at, container.status) = (Some(now), 137);
                }
            }
            Debt::Sweep => {
                assert!(self.containers.get(&key).is_none_or(|container| container.dead(now)), "seed {seed}: {name} g{generation} was swept alive");
                self.containers.remove(&key);
            }
        }
    }

    fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        self.containers.values().flat_map(|container| [Some(container.bound_at), container.exits_at]).flatten().filter(|at| *at > after).min()
    }
}

/// What the database keeps.
struct Saved {
    desired: Desired,
    dynos: BTreeMap<DynoName, Dyno>,
}

fn change_something(saved: &mut Saved, rng: &mut StdRng) {
    match rng.random_range(0..5) {
        0 => saved.desired.release = saved.desired.release.map(|ReleaseVersion(version)| ReleaseVersion(version + 1)),
        1 => saved.desired.preboot = !saved.desired.preboot,
        2 => saved.desired.web_asleep = !saved.desired.web_asleep,
        kind => {
            let process_type: ProcessType = if kind == 3 { "web" } else { "worker" }.parse().unwrap();
            saved.desired.quantities.insert(process_type, rng.random_range(0..5));
        }
    }
}

fn one_round(seed: u64, world: &mut World, saved: &mut Saved, now: Timestamp, dying: f64, rng: &mut StdRng) -> u64 {
    if world.engine_down {
        return 0;
    }
    let policy = Policy::default();
    let mut spread = StdRng::seed_from_u64(rng.random());
    let draw = || SignedDuration::from_mins(spread.random_range(0..216));
    let served = |name: &DynoName, dyno: &Dyno| {
        let by = |generation| world.seen(name, generation, now) == Seen::Bound;
        let up = matches!(dyno.state, State::Up { .. }) && by(dyno.generation);
        up || dyno.predecessor.is_some_and(|before| before.leaving == Leaving::Serving && by(before.generation))
    };
    let serving: Vec<DynoName> = saved.dynos.iter().filter(|(name, dyno)| served(name, dyno)).map(|(name, _)| name.clone()).collect();
    let on_their_way = saved.dynos.iter().filter(|(name, dyno)| name.process_type.is_web() && dyno.is_on_its_way()).count();
    let decided = round(&saved.desired, &saved.dynos, |name, generation| world.seen(name, generation, now), |_| false, now, draw, &policy);
    if saved.desired.preboot && !saved.desired.web_asleep {
        for name in
            serving.iter().filter(|name| name.process_type.is_web() && name.index <= saved.desired.quantities.get(&name.process_type).copied().unwrap_or(0))
        {
            let dyno = &decided.dynos[name];
            assert!(served(name, dyno), "seed {seed}: {name} gave way before its successor was up: {dyno:?}");
        }
    }
    let cycled = decided.notices.iter().filter(|(name, notice)| name.process_type.is_web() && matches!(notice, Notice::Cycling { .. })).count();
    assert!(cycled <= usize::from(on_their_way == 0), "seed {seed}: {cycled} web dynos cycled while {on_their_way} were on their way");
    saved.dynos = decided.dynos.clone();
    for dyno in saved.dynos.values() {
        if let State::Up { since, cycle_at } = dyno.state {
            assert!(since < cycle_at && cycle_at <= since + SignedDuration::from_hours(28), "seed {seed}: to be cycled at {cycle_at}");
        }
    }
    for (name, generation, debt) in decided.debts {
        if rng.random_bool(dying) {
            return 1; // saved, and some debts paid; then the platform died
        }
        let beside = saved.dynos.get(&name).and_then(|dyno| dyno.predecessor).map(|before| before.generation);
        world.pay(seed, debt, (&name, generation), beside, now, rng);
    }
    0
}

fn simulate(seed: u64, days: i64) -> (u64, u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let end = start + SignedDuration::from_hours(24 * days);
    let quantities = [("web".parse().unwrap(), 3), ("worker".parse().unwrap(), 2)].into();
    let mut saved = Saved { desired: Desired { release: Some(ReleaseVersion(1)), quantities, ..Desired::default() }, dynos: BTreeMap::new() };
    let (mut world, mut now, mut deaths) = (World::default(), start, 0);
    while now < end {
        if rng.random_bool(0.002) {
            change_something(&mut saved, &mut rng);
        }
        if rng.random_bool(0.002) {
            world.engine_down = !world.engine_down;
        }
        // Somebody removes a container behind our back: starting that generation anew is right.
        if rng.random_bool(0.001)
            && let Some((key, _)) = world.containers.pop_first()
        {
            world.started.remove(&key);
        }
        deaths += one_round(seed, &mut world, &mut saved, now, 0.02, &mut rng);
        let wakes = saved.dynos.values().filter_map(|dyno| dyno.look_again_at(&Policy::default())).filter(|at| *at > now).min();
        let nap = now + SignedDuration::from_secs(rng.random_range(1..1800));
        now = [wakes, world.next_change(now), Some(nap)].into_iter().flatten().min().unwrap();
    }

    // The faults stop. Within the worst back-off and a few boots, what runs is what was asked for.
    world.engine_down = false;
    saved.desired.web_asleep = false;
    let settled_by = now + SignedDuration::from_hours(2);
    while now < settled_by {
        one_round(seed, &mut world, &mut saved, now, 0.0, &mut rng);
        world.containers.values_mut().filter(|container| !container.dead(now)).for_each(|container| {
            container.exits_at = container.exits_at.filter(|_| container.status == 143);
            container.bound_at = container.bound_at.min(now + SignedDuration::from_secs(5));
            container.swells_at = None;
        });
        now += SignedDuration::from_secs(5);
    }
    let up: Vec<String> =
        saved.dynos.iter().filter(|(_, dyno)| matches!(dyno.state, State::Up { .. })).map(|(name, dyno)| format!("{name} {}", dyno.release)).collect();
    let release = saved.desired.release.unwrap();
    let asked: Vec<String> = saved.desired.quantities.iter().flat_map(|(of, &n)| (1..=n).map(move |i| format!("{of}.{i} {release}"))).collect();
    assert_eq!(up, asked, "seed {seed}: {:?}", saved.dynos);
    let alive = world.containers.values().filter(|container| !container.dead(now)).count();
    assert_eq!(alive, asked.len(), "seed {seed}: containers that nobody asked for");

    // Everything is scaled away, and nothing is left behind.
    saved.desired.quantities.clear();
    for _ in 0..40 {
        one_round(seed, &mut world, &mut saved, now, 0.0, &mut rng);
        now += SignedDuration::from_secs(5);
    }
    assert!(saved.dynos.is_empty() && world.containers.is_empty(), "seed {seed}: left behind: {:?}", saved.dynos);
    (world.starts, deaths)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "seeds are chosen from outside")]
fn one_dyno_never_has_two_containers_and_the_world_reaches_what_was_asked() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = number("SEED").map_or(0..number("SEEDS").unwrap_or(24), |seed| seed..seed + 1);
    let count = seeds.end - seeds.start;
    let (starts, deaths) = seeds.map(|seed| simulate(seed, 14)).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    eprintln!("{count} seeds of 14 days: {starts} starts, the platform died {deaths} times in the middle of a round");
    assert!(starts > 20 * count && (deaths > count || count < 5), "the simulation did too little to show anything");
}
