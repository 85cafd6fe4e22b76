//! `/mypaas/disk` and `/mypaas/garbage`: not Heroku's; for admins of this platform.

use serde::{Deserialize, Serialize};

/// How full the disk is, and of what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Disk {
    /// Left where slugs lie.
    pub free_bytes: u64,
    /// With less left, builds are refused.
    pub floor_bytes: u64,
    pub kinds: Vec<DiskKind>,
    /// The apps that take most, most first.
    pub apps: Vec<DiskApp>,
}

/// Everything of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiskKind {
    /// `slug`, `source`, `unnamed`, `slug-image`, `stack-image`, `build-cache` or `repository`.
    pub kind: String,
    pub count: u64,
    pub bytes: u64,
}

/// What an app takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiskApp {
    pub name: String,
    pub bytes: u64,
}

/// What a sweep would remove or has removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GarbageReport {
    /// Of all of it.
    pub bytes: u64,
    pub garbage: Vec<Garbage>,
}

/// Something that is not needed any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Garbage {
    /// As in [`DiskKind`].
    pub kind: String,
    /// A digest, an image's or a volume's name, an app's id.
    pub name: String,
    /// Whose it is, if it is an app's that is still there.
    pub app: Option<String>,
    pub bytes: u64,
    /// Why it can go.
    pub reason: String,
}
