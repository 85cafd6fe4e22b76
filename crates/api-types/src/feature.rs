//! `/apps/:app/features`.

use serde::{Deserialize, Serialize};

use crate::lenient;

/// Something an app can have switched on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppFeature {
    pub created_at: String,
    pub description: String,
    pub display_name: Option<String>,
    pub doc_url: String,
    pub enabled: bool,
    pub feedback_email: Option<String>,
    pub id: String,
    /// `preboot`.
    pub name: String,
    /// `general`; `beta` for those that `labs` lists.
    pub state: String,
    pub updated_at: String,
}

/// `PATCH /apps/:app/features/:feature`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppFeatureUpdate {
    #[serde(deserialize_with = "lenient::flag")]
    pub enabled: bool,
}
