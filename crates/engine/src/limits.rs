//! How often an account may ask, and how often a password may be tried. Counted in memory: a restart forgives.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::Mutex,
};

use domain::{
    AccountId,
    rate_limit::{Allowance, Bucket},
};
use jiff::{SignedDuration, Timestamp};

use crate::platform::{Platform, lock};

/// Wrong passwords for one address. Ten at once are somebody who forgot which it was; one more every six minutes after that
/// is no way to guess one.
const WRONG_PASSWORDS: Allowance = Allowance { most: 10, refill: SignedDuration::from_hours(1) };
/// Wrong passwords from one place, whatever the addresses.
const WRONG_FROM: Allowance = Allowance { most: 50, refill: SignedDuration::from_hours(1) };
/// More addresses and places than this are not told apart: what is full again is forgotten, and then everything.
const MOST_REMEMBERED: usize = 20_000;

/// Who has how much left. Whom it does not know has everything.
#[derive(Default)]
pub(crate) struct Limits {
    requests: Mutex<HashMap<AccountId, Bucket>>,
    /// By a hash of who is tried or from where: text that strangers send is not kept.
    wrong: Mutex<HashMap<u64, Bucket>>,
    hasher: RandomState,
}

/// Whose patience a login costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tried<'a> {
    pub(crate) email: &'a str,
    /// The client's address, if known.
    pub(crate) from: Option<&'a str>,
}

impl Platform {
    /// Counts a request of an account: how many it has left, or `None` if it had none.
    pub fn spend_request(&self, account: AccountId) -> Option<u32> {
        let (allowance, now) = (self.request_allowance(), self.clock.now());
        let mut requests = lock(&self.limits.requests);
        let bucket = requests.entry(account).or_insert_with(|| Bucket::full(allowance, now));
        bucket.take(allowance, now).then(|| bucket.left(allowance, now))
    }

    /// How many requests an account has left.
    pub fn requests_left(&self, account: AccountId) -> u32 {
        let (allowance, now) = (self.request_allowance(), self.clock.now());
        lock(&self.limits.requests).get(&account).map_or(allowance.most, |bucket| bucket.left(allowance, now))
    }

    fn request_allowance(&self) -> Allowance {
        Allowance { most: self.settings.quota.requests_per_hour.max(1), refill: SignedDuration::from_hours(1) }
    }
}

impl Limits {
    /// Whether another password may be tried. It counts as wrong until it was right: many tries at once are as many.
    pub(crate) fn may_try(&self, tried: Tried<'_>, now: Timestamp) -> bool {
        let mut wrong = lock(&self.wrong);
        if wrong.len() >= MOST_REMEMBERED {
            wrong.retain(|_, bucket| bucket.left(WRONG_FROM, now) < WRONG_FROM.most);
            if wrong.len() >= MOST_REMEMBERED {
                wrong.clear();
            }
        }
        let keys = || self.of(tried).into_iter().flatten();
        let left = keys().all(|(key, allowance)| wrong.get(&key).is_none_or(|bucket| bucket.left(allowance, now) > 0));
        for (key, allowance) in keys().filter(|_| left) {
            wrong.entry(key).or_insert_with(|| Bucket::full(allowance, now)).take(allowance, now);
        }
        left
    }

    /// It was right: what it cost is given back.
    pub(crate) fn was_right(&self, tried: Tried<'_>, now: Timestamp) {
        let mut wrong = lock(&self.wrong);
        for (key, allowance) in self.of(tried).into_iter().flatten() {
            if let Some(bucket) = wrong.get_mut(&key) {
                bucket.give_back(allowance, now);
            }
        }
    }

    fn of(&self, tried: Tried<'_>) -> [Option<(u64, Allowance)>; 2] {
        let email = (self.hasher.hash_one(("email", tried.email.trim().to_ascii_lowercase())), WRONG_PASSWORDS);
        [Some(email), tried.from.map(|from| (self.hasher.hash_one(("from", from)), WRONG_FROM))]
    }
}
