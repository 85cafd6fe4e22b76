//! What is kept for later: how long a release can be gone back to, and how long a build cache is worth its room.

use jiff::{SignedDuration, Timestamp};

use crate::{release::ReleaseStatus, release::ReleaseVersion, slug::SlugId};

/// How much of the past is kept. The defaults for releases are Heroku's ("Release retention policy", October 2025).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// An app's last so many releases can be gone back to, however old they are.
    pub releases: u32,
    /// So can every release that is younger.
    pub release_age: SignedDuration,
    /// The build cache of an app that was not built for so long goes.
    pub cache_age: SignedDuration,
}

impl Default for Keep {
    fn default() -> Self {
        Self { releases: 20, release_age: SignedDuration::from_hours(30 * 24), cache_age: SignedDuration::from_hours(60 * 24) }
    }
}

/// A slug that no release names (yet): somebody may be about to release it.
const UNRELEASED: SignedDuration = SignedDuration::from_hours(24);

/// That a release names a slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    pub slug: SlugId,
    pub version: ReleaseVersion,
    /// The newest version of the same app.
    pub newest: ReleaseVersion,
    pub status: ReleaseStatus,
    pub current: bool,
    /// Whether a dyno or a one-off dyno of this release is there.
    pub runs: bool,
    pub created_at: Timestamp,
}

impl Keep {
    /// Whether the release's slug must stay. A release that failed counts like any other: its release phase may be tried again.
    pub fn needs(&self, mention: &Mention, now: Timestamp) -> bool {
        let newer = mention.newest.0.saturating_sub(mention.version.0);
        mention.current
            || mention.runs
            || mention.status == ReleaseStatus::Pending
            || newer < self.releases
            || now.duration_since(mention.created_at) < self.release_age
    }

    /// Whether a slug that no release names must stay.
    pub fn needs_unreleased(created_at: Timestamp, now: Timestamp) -> bool {
        now.duration_since(created_at) < UNRELEASED
    }

    /// Whether a build cache that was last used then must stay.
    pub fn needs_cache(&self, used_at: Timestamp, now: Timestamp) -> bool {
        now.duration_since(used_at) < self.cache_age
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_goes_when_its_release_is_old_and_far_back_and_at_rest() {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let days = |days: i64| now - SignedDuration::from_hours(24 * days);
        let old = Mention {
            slug: SlugId::new(now, [1; 10]),
            version: ReleaseVersion(10),
            newest: ReleaseVersion(30),
            status: ReleaseStatus::Succeeded,
            current: false,
            runs: false,
            created_at: days(31),
        };
        let keep = Keep::default();
        assert!(!keep.needs(&old, now));
        for (why, mention) in [
            ("one of the last 20", Mention { version: ReleaseVersion(11), ..old }),
            ("younger than 30 days", Mention { created_at: days(29), ..old }),
            ("current", Mention { current: true, ..old }),
            ("running", Mention { runs: true, ..old }),
            ("waiting for its release phase", Mention { status: ReleaseStatus::Pending, ..old }),
        ] {
            assert!(keep.needs(&mention, now), "{why}");
        }
        let none = Keep { releases: 0, release_age: SignedDuration::ZERO, ..keep };
        assert!(!none.needs(&Mention { version: old.newest, created_at: now, ..old }, now));
        assert!(none.needs(&Mention { current: true, ..old }, now));
    }
}
