//! The short forms in which one resource names another.

use serde::{Deserialize, Serialize};

/// `{"id", "name"}`: an app, stack, region, team, space, dyno size or generation seen from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRef {
    pub id: String,
    pub name: String,
}

/// `{"id"}`: a slug or release seen from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRef {
    pub id: String,
}

/// `{"id", "email"}`: who owns or did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRef {
    pub id: String,
    pub email: String,
}

/// `{"id", "version"}`: the release a dyno runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRef {
    pub id: String,
    /// The N of vN, from 1.
    pub version: u64,
}
