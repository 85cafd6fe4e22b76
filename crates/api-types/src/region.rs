//! `/regions`.

use serde::{Deserialize, Serialize};

/// A place where apps run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Region {
    pub country: String,
    pub created_at: String,
    pub description: String,
    pub id: String,
    pub locale: String,
    pub name: String,
    pub private_capable: bool,
    pub provider: RegionProvider,
    pub updated_at: String,
}

/// Who runs the machines of a [`Region`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegionProvider {
    pub name: String,
    pub region: String,
}
