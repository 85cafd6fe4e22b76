//! The formation: how many dynos of which type and size, and one round of making the world match it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::{
    dyno::{Debt, Dyno, DynoName, Policy, Seen, Sight, State, Wanted, Way},
    dyno_size::DynoSize,
    notice::Notice,
    procfile::ProcessType,
    release::ReleaseVersion,
};

/// How many dynos of one type, and how large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    pub quantity: u32,
    pub size: DynoSize,
}

/// Why a formation cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScale {
    #[error("Quantity must be a number between 0 and 100, or a change like +1: {0}")]
    Quantity(String),
    #[error("Cannot scale to {0} dynos (maximum is 100 of a type)")]
    TooMany(i64),
    #[error("Cannot scale below zero: there are {have} dynos")]
    BelowZero { have: u32 },
}

/// Most dynos of one type (Heroku: 100 by default).
const MAX_QUANTITY: i64 = 100;

/// Reads `4`, `+1` or `-1` against what there is.
pub fn quantity(text: &str, have: u32) -> Result<u32, InvalidScale> {
    let malformed = || InvalidScale::Quantity(text.escape_debug().take(40).collect());
    let number: i64 = text.trim().parse().map_err(|_| malformed())?;
    let relative = text.trim().starts_with(['+', '-']);
    let target = if relative { i64::from(have).saturating_add(number) } else { number };
    if target > MAX_QUANTITY {
        return Err(InvalidScale::TooMany(target));
    }
    u32::try_from(target).map_err(|_| InvalidScale::BelowZero { have })
}

/// The scale of a newly deployed app: `web=1`, everything else at zero; what is set already stays (Heroku: first deploy).
pub fn after_deploy(types: impl Iterator<Item = ProcessType>, have: &BTreeMap<ProcessType, Scale>) -> BTreeMap<ProcessType, Scale> {
    types
        .filter(ProcessType::is_formation)
        .map(|process_type| {
            let fresh = Scale { quantity: u32::from(process_type.is_web()), size: DynoSize::default() };
            let scale = have.get(&process_type).cloned().unwrap_or(fresh);
            (process_type, scale)
        })
        .collect()
}

/// What one app's formation asks for. No release with a slug: nothing runs.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    pub release: Option<ReleaseVersion>,
    pub quantities: BTreeMap<ProcessType, u32>,
    /// Web dynos give way gently (Heroku: the feature `preboot`).
    pub preboot: bool,
    /// Web dynos sleep until somebody asks for them (Heroku: Eco dynos without web traffic).
    pub web_asleep: bool,
}

impl Desired {
    fn of(&self, name: &DynoName) -> Wanted {
        let quantity = self.quantities.get(&name.process_type).copied().unwrap_or(0);
        match self.release {
            Some(_) if name.index <= quantity && self.web_asleep && name.process_type.is_web() => Wanted::Asleep,
            Some(release) if name.index <= quantity => Wanted::Running(release),
            _ => Wanted::Gone,
        }
    }

    /// How a dyno of this type gives way.
    pub fn way(&self, process_type: &ProcessType) -> Way {
        if self.preboot && process_type.is_web() { Way::Gently } else { Way::AtOnce }
    }

    fn names(&self) -> impl Iterator<Item = DynoName> {
        let wanted = self.release.map(|_| &self.quantities).into_iter().flatten();
        wanted.flat_map(|(process_type, &quantity)| (1..=quantity).map(|index| DynoName { process_type: process_type.clone(), index }))
    }
}

/// A dyno whose time is up but which waits for the engine (its container started later than it was decided, its end is not
/// seen yet) is looked at again after so long, not at once and for ever.
const A_MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// What one round over one app found and decided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// Every dyno as it is now; to be saved before any debt is paid.
    pub dynos: BTreeMap<DynoName, Dyno>,
    /// Dynos that are gone for good; their records can go.
    pub gone: Vec<DynoName>,
    pub notices: Vec<(DynoName, Notice)>,
    /// What is owed, and to which generation.
    pub debts: Vec<(DynoName, u64, Debt)>,
    /// When to look again even if nothing happens.
    pub look_again_at: Option<Timestamp>,
}

/// One round: what each dyno has become, and what that owes the world. `seen` says what there is of a generation; `drawn`
/// gives a place in the cycling window. A dyno that is `busy` (an earlier debt of it is still being paid) is left as it is.
pub fn round(
    desired: &Desired,
    dynos: &BTreeMap<DynoName, Dyno>,
    mut seen: impl FnMut(&DynoName, u64) -> Seen,
    busy: impl Fn(&DynoName) -> bool,
    now: Timestamp,
    mut drawn: impl FnMut() -> SignedDuration,
    policy: &Policy,
) -> Round {
    let mut round = Round::default();
    let unborn = desired.names().filter(|name| !dynos.contains_key(name));
    let born = unborn.filter_map(|name| desired.release.map(|release| (name, Dyno::born(now, release))));
    // Heroku restarts dynos in the course of a day, not all of an app at once.
    let mut on_their_way: BTreeSet<ProcessType> = dynos.iter().filter(|(_, dyno)| dyno.is_on_its_way()).map(|(name, _)| name.process_type.clone()).collect();
    for (name, dyno) in dynos.iter().map(|(name, dyno)| (name.clone(), *dyno)).chain(born) {
        if busy(&name) {
            round.dynos.insert(name, dyno);
            continue;
        }
        let wanted = desired.of(&name);
        let now_seen = seen(&name, dyno.generation);
        let sight = Sight {
            wanted,
            way: desired.way(&name.process_type),
            seen: now_seen,
            before: dyno.predecessor.map_or(Seen::Nothing, |before| seen(&name, before.generation)),
            may_cycle: !on_their_way.contains(&name.process_type),
            spread: drawn(),
        };
        let (next, notices) = dyno.next(sight, now, policy);
        if next.is_on_its_way() {
            on_their_way.insert(name.process_type.clone());
        }
        // A dyno reborn is a new generation, of which nothing can be seen yet.
        let after = if next.generation == dyno.generation { now_seen } else { seen(&name, next.generation) };
        round.notices.extend(notices.into_iter().map(|notice| (name.clone(), notice)));
        if let Some((generation, debt)) = next.owed(after, now) {
            round.debts.push((name.clone(), generation, debt));
        } else if matches!(next.state, State::Down { .. }) && next.predecessor.is_none() && wanted == Wanted::Gone {
            round.gone.push(name);
            continue;
        }
        let again = next.look_again_at(policy).map(|at| at.max(now + A_MOMENT));
        round.look_again_at = [round.look_again_at, again].into_iter().flatten().min();
        round.dynos.insert(name, next);
    }
    round
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_absolute_or_relative() {
        assert_eq!(quantity("4", 1), Ok(4));
        assert_eq!(quantity("+2", 1), Ok(3));
        assert_eq!(quantity("-1", 1), Ok(0));
        assert_eq!(quantity("-2", 1), Err(InvalidScale::BelowZero { have: 1 }));
        assert_eq!(quantity("101", 1), Err(InvalidScale::TooMany(101)));
        assert_eq!(quantity("99999999999999999999", 1), Err(InvalidScale::Quantity("99999999999999999999".into())));
        assert_eq!(quantity("many", 1), Err(InvalidScale::Quantity("many".into())));
    }

    #[test]
    fn a_dyno_whose_time_is_up_is_not_looked_at_without_a_pause() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let now = start + SignedDuration::from_secs(62);
        let name: DynoName = "web.1".parse().unwrap();
        let desired = Desired { release: Some(ReleaseVersion(1)), quantities: [(name.process_type.clone(), 1)].into(), ..Desired::default() };
        let dynos = [(name, Dyno::born(start, ReleaseVersion(1)))].into();
        let booting = |_: &DynoName, _: u64| Seen::Booting { since: start + SignedDuration::from_secs(5) };
        let round = round(&desired, &dynos, booting, |_| false, now, || SignedDuration::ZERO, &Policy::default());
        assert_eq!(round.look_again_at, Some(now + A_MOMENT));
    }

    #[test]
    fn first_deploy_starts_one_web_dyno_and_keeps_what_was_scaled() {
        let types = || ["web", "worker", "release"].into_iter().map(|word| word.parse::<ProcessType>().unwrap());
        let first = after_deploy(types(), &BTreeMap::new());
        let counts = |scale: &BTreeMap<ProcessType, Scale>| scale.iter().map(|(t, s)| format!("{t}={}", s.quantity)).collect::<Vec<_>>();
        assert_eq!(counts(&first), ["web=1", "worker=0"]);
        let scaled = first.into_iter().map(|(t, s)| (t, Scale { quantity: 3, ..s })).collect();
        assert_eq!(counts(&after_deploy(types(), &scaled)), ["web=3", "worker=3"]);
    }
}
