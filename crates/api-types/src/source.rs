//! `/sources` and `/apps/:app/sources`.

use serde::{Deserialize, Serialize};

use crate::Secret;

/// A place for the source of a build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Source {
    pub source_blob: SourceUrls,
}

/// Where to put it and where to get it, for an hour; the URLs are the keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SourceUrls {
    pub get_url: Secret,
    pub put_url: Secret,
}
