//! `/mypaas/apps`, `/mypaas/accounts` and `/mypaas/nodes`: not Heroku's; for admins of this platform.

use serde::{Deserialize, Serialize};

use crate::UserRef;

/// How many dynos are in which state, as `ps` calls it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct DynoCounts {
    pub up: u64,
    pub starting: u64,
    pub crashed: u64,
    pub idle: u64,
    /// Those of `run`.
    pub one_off: u64,
}

/// An app, whoever owns it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlatformApp {
    pub created_at: String,
    /// What it takes of the disk: slugs, images, caches, its repository. Null: it could not be measured.
    pub disk_bytes: Option<u64>,
    pub dynos: DynoCounts,
    pub id: String,
    pub maintenance: bool,
    pub name: String,
    pub owner: UserRef,
    /// The current release's version; null before the first.
    pub release: Option<u64>,
    /// When that was made.
    pub released_at: Option<String>,
    /// Of the current release, in bytes.
    pub slug_size: Option<u64>,
    pub stack: String,
    /// How many dynos its formation asks for.
    pub wanted: u64,
}

/// Somebody with an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlatformAccount {
    pub admin: bool,
    /// How many apps they own.
    pub apps: u64,
    /// How many authorizations they have, those that have expired too.
    pub authorizations: u64,
    /// On how many apps of others they work.
    pub collaborations: u64,
    pub created_at: String,
    pub email: String,
    pub id: String,
    /// How many SSH keys they push with.
    pub keys: u64,
    pub name: Option<String>,
}

/// A machine that dynos run on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlatformNode {
    pub apps: u64,
    pub dynos: DynoCounts,
    /// `Docker 28.1.0`; null while it does not answer.
    pub engine: Option<String>,
    /// Left on the disk, in bytes.
    pub free_disk_bytes: u64,
    /// In all, in bytes; null while the engine does not answer.
    pub memory_bytes: Option<u64>,
    pub name: String,
    pub processors: Option<u64>,
    /// `up` or `unreachable`.
    pub state: String,
    /// What dynos use of the memory, in bytes.
    pub used_memory_bytes: Option<u64>,
    /// The platform's.
    pub version: String,
    /// Why it is not `up`.
    pub waiting_for: Option<String>,
}
