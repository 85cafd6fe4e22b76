//! How often somebody may ask: a bucket of tokens that fills again by and by.

use jiff::{SignedDuration, Timestamp};

/// What a bucket holds when it is full, and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Tokens.
    pub most: u32,
    /// In which an empty bucket becomes full.
    pub refill: SignedDuration,
}

/// The tokens somebody has left, as of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// How long ago it would have to have been empty to hold what it holds now.
    filling: SignedDuration,
    at: Timestamp,
}

impl Bucket {
    /// As everybody begins.
    pub const fn full(allowance: Allowance, now: Timestamp) -> Self {
        Self { filling: allowance.refill, at: now }
    }

    /// Whole tokens at `now`. A clock that was set back fills nothing and takes nothing.
    pub fn left(self, allowance: Allowance, now: Timestamp) -> u32 {
        let filled = self.filled(allowance, now).as_millis() * i128::from(allowance.most) / allowance.refill.as_millis().max(1);
        u32::try_from(filled).unwrap_or(0).min(allowance.most)
    }

    /// Takes a token out; whether there was one.
    pub fn take(&mut self, allowance: Allowance, now: Timestamp) -> bool {
        let filled = self.filled(allowance, now);
        let enough = self.left(allowance, now) > 0;
        let filling = if enough { filled.saturating_sub(price(allowance)).max(SignedDuration::ZERO) } else { filled };
        *self = Self { filling, at: self.at.max(now) };
        enough
    }

    /// Puts one back that was taken.
    pub fn give_back(&mut self, allowance: Allowance, now: Timestamp) {
        *self = Self { filling: self.filled(allowance, now).saturating_add(price(allowance)).min(allowance.refill), at: self.at.max(now) };
    }

    fn filled(self, allowance: Allowance, now: Timestamp) -> SignedDuration {
        self.filling.saturating_add(now.duration_since(self.at).max(SignedDuration::ZERO)).min(allowance.refill)
    }
}

/// The time one token takes to fill; rounded up, so that whoever takes all of them has not one more.
fn price(allowance: Allowance) -> SignedDuration {
    let most = i128::from(allowance.most.max(1));
    SignedDuration::from_millis(i64::try_from((allowance.refill.as_millis() + most - 1) / most).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heroku's: 4,500 an hour, so 75 a minute.
    const HOURLY: Allowance = Allowance { most: 4_500, refill: SignedDuration::from_hours(1) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    #[test]
    fn it_is_emptied_and_fills_by_75_a_minute() {
        let mut bucket = Bucket::full(HOURLY, at(0));
        assert_eq!((0..5_000).filter(|_| bucket.take(HOURLY, at(0))).count(), 4_500);
        assert_eq!((bucket.left(HOURLY, at(0)), bucket.left(HOURLY, at(60)), bucket.left(HOURLY, at(3_600))), (0, 75, 4_500));
        assert_eq!((0..5_000).filter(|_| bucket.take(HOURLY, at(60))).count(), 75);
        assert_eq!(bucket.left(HOURLY, at(1_000_000)), 4_500);
    }

    #[test]
    fn a_clock_set_back_gives_nothing_away() {
        let mut bucket = Bucket::full(HOURLY, at(0));
        while bucket.take(HOURLY, at(0)) {}
        assert!(!bucket.take(HOURLY, at(-3_600)));
        assert_eq!((bucket.left(HOURLY, at(-3_600)), bucket.left(HOURLY, at(0))), (0, 0));
    }
}
