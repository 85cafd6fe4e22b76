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
    pub updated_at: String,
}
