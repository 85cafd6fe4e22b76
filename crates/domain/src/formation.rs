//! The formation: how many dynos of which type and size, and one round of making the world match it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    dyno::{Debt, Dyno, DynoName, Policy, Seen, State, Wanted},
    dyno_size::DynoSize,
    notice::Notice,
    procfile::ProcessType,
    release::ReleaseVersion,
};

/// How many dynos of one type, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            let scale = have.get(&process_type).copied().unwrap_or(fresh);
            (process_type, scale)
        })
        .collect()
}

/// What one app's formation asks for. No release with a slug: nothing runs.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    pub release: Option<ReleaseVersion>,
    pub quantities: BTreeMap<ProcessType, u32>,
}

impl Desired {
    fn of(&self, name: &DynoName) -> Wanted {
        let quantity = self.quantities.get(&name.process_type).copied().unwrap_or(0);
        match self.release {
            Some(release) if name.index <= quantity => Wanted::Running(release),
            _ => Wanted::Gone,
        }
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
    pub debts: Vec<(DynoName, Debt)>,
    /// When to look again even if nothing happens.
    pub look_again_at: Option<Timestamp>,
}

/// One round: what each dyno has become, and what that owes the world. `drawn` gives a place in the cycling window. A dyno
/// that is `busy` (an earlier debt of it is still being paid) is left as it is.
pub fn round(
    desired: &Desired,
    dynos: &BTreeMap<DynoName, Dyno>,
    mut seen: impl FnMut(&DynoName, &Dyno) -> Seen,
    busy: impl Fn(&DynoName) -> bool,
    now: Timestamp,
    mut drawn: impl FnMut() -> SignedDuration,
    policy: &Policy,
) -> Round {
    let mut round = Round::default();
    let unborn = desired.names().filter(|name| !dynos.contains_key(name));
    let born = unborn.filter_map(|name| desired.release.map(|release| (name, Dyno::born(now, release))));
    for (name, dyno) in dynos.iter().map(|(name, dyno)| (name.clone(), *dyno)).chain(born) {
        if busy(&name) {
            round.dynos.insert(name, dyno);
            continue;
        }
        let before = seen(&name, &dyno);
        let (next, notice) = dyno.next(desired.of(&name), before, now, drawn(), policy);
        // A dyno reborn is a new generation, of which nothing can be seen yet.
        let after = if next.generation == dyno.generation { before } else { seen(&name, &next) };
        round.notices.extend(notice.map(|notice| (name.clone(), notice)));
        if let Some(debt) = next.owed(after) {
            round.debts.push((name.clone(), debt));
        } else if matches!(next.state, State::Down { .. }) && desired.of(&name) == Wanted::Gone {
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
        let desired = Desired { release: Some(ReleaseVersion(1)), quantities: [(name.process_type.clone(), 1)].into() };
        let dynos = [(name, Dyno::born(start, ReleaseVersion(1)))].into();
        let booting = |_: &DynoName, _: &Dyno| Seen::Booting { since: start + SignedDuration::from_secs(5) };
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
