//! `/stacks`.

use serde::{Deserialize, Serialize};

/// An operating system image apps are built for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stack {
    pub created_at: String,
    pub default: bool,
    pub id: String,
    pub name: String,
    /// `public`, `beta` or `deprecated`.
    pub state: String,
    /// When its image was made, if that is known.
    pub updated_at: String,
    /// What dynos of it start on. Not in the schema; null while the image is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<StackBase>,
}

/// A stack's image as it is today.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StackBase {
    /// As the admin's settings name it.
    pub image: String,
    /// The image's digest: `sha256:…`.
    pub image_id: String,
    /// `runtimes` with the distribution's languages, `plain` without, `foreign` when made elsewhere.
    pub variant: String,
    /// How many dynos of all apps run on it, and on what it was before; for admins only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynos: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynos_on_older: Option<u64>,
}
