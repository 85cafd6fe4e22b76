//! A release: a slug and config, numbered, never changed.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::{account::AccountId, app::AppId, ids::Id, slug::SlugId, words::words};

/// What runs: a slug (none before the first deploy) with the config vars of its moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub id: ReleaseId,
    pub app: AppId,
    pub version: ReleaseVersion,
    pub slug: Option<SlugId>,
    /// `Deploy 1a2b3c4d`, `Set A config vars`, `Rollback to v3`.
    pub description: String,
    pub user: AccountId,
    pub status: ReleaseStatus,
    /// Whether dynos run it now. Exactly one release of an app is current.
    pub current: bool,
    pub created_at: Timestamp,
}
pub type ReleaseId = Id<Release>;

/// `v12`: counted per app from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReleaseVersion(pub u32);

/// A text that names no release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Releases are named like v12")]
pub struct InvalidReleaseVersion;

impl fmt::Display for ReleaseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl FromStr for ReleaseVersion {
    type Err = InvalidReleaseVersion;

    /// `12` and `v12` alike.
    fn from_str(text: &str) -> Result<Self, InvalidReleaseVersion> {
        let digits = text.strip_prefix('v').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidReleaseVersion);
        }
        digits.parse().map(Self).map_err(|_| InvalidReleaseVersion)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseStatus {
    Pending,
    Succeeded,
    Failed,
    /// It succeeded once; its slug is gone since (Heroku's word).
    Expired,
}

words!(ReleaseStatus { Pending = "pending", Succeeded = "succeeded", Failed = "failed", Expired = "expired" });

impl Release {
    /// Whether `rollback` may go back to it: it ran, and it has code (Heroku: `eligible_for_rollback`).
    pub fn eligible_for_rollback(&self) -> bool {
        self.status == ReleaseStatus::Succeeded && self.slug.is_some()
    }
}
