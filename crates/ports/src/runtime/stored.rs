//! What an engine stores for this installation, and whether it is still needed.

use domain::{AppId, Sha256};

use super::Kept;

/// Something of this installation on the engine's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub kind: StoredKind,
    /// As the engine calls it.
    pub name: String,
    /// What is freed when it alone goes.
    pub bytes: u64,
    /// A container needs it now: it stays, whatever else is true.
    pub in_use: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredKind {
    /// A stack's image made ready. `outdated`: the stack has another one since.
    StackImage { outdated: bool },
    /// A slug on a stack's image, made from today's or an `outdated` one.
    SlugImage { slug: Option<Sha256>, outdated: bool },
    /// What an app's builds keep for the next one.
    Cache { app: Option<AppId> },
}

/// Why something can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unneeded {
    /// Made from a base image that has been replaced.
    Outdated,
    /// No release that can be gone back to has this slug.
    NoSlug,
    AppGone,
    /// Nothing was built for long.
    Idle,
}

impl Stored {
    /// Whether and why it can go: the one rule of what is removed and of what is said to be removable.
    pub fn unneeded(&self, kept: &Kept) -> Option<Unneeded> {
        if self.in_use {
            return None;
        }
        match self.kind {
            StoredKind::StackImage { outdated: true } | StoredKind::SlugImage { outdated: true, .. } => Some(Unneeded::Outdated),
            StoredKind::SlugImage { slug, .. } if slug.is_none_or(|slug| !kept.slugs.contains(&slug)) => Some(Unneeded::NoSlug),
            StoredKind::Cache { app } if app.is_none_or(|app| !kept.apps.contains(&app)) => Some(Unneeded::AppGone),
            StoredKind::Cache { app: Some(app) } if kept.idle.contains(&app) => Some(Unneeded::Idle),
            StoredKind::StackImage { .. } | StoredKind::SlugImage { .. } | StoredKind::Cache { .. } => None,
        }
    }
}
