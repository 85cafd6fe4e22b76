//! `/account/rate-limits`.

use serde::{Deserialize, Serialize};

/// How many more requests are allowed now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RateLimit {
    pub remaining: u64,
}
