//! `/apps/:app/buildpack-installations`.

use serde::{Deserialize, Serialize};

/// A buildpack chosen for an app and its place in the order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuildpackInstallation {
    pub buildpack: Buildpack,
    /// From 0.
    pub ordinal: u32,
}

/// A buildpack by URL and by the name people use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Buildpack {
    pub name: String,
    pub url: String,
}

/// `PUT /apps/:app/buildpack-installations`: the whole list, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuildpackInstallationUpdate {
    pub updates: Vec<BuildpackUpdate>,
}

/// One place in a [`BuildpackInstallationUpdate`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuildpackUpdate {
    /// A name, URL or URN. Heroku's command line leaves it out for a name its registry does not know: that names none.
    #[serde(default)]
    pub buildpack: String,
}

/// `GET /buildpacks/:buildpack` of Heroku's buildpack registry: what its command line turns a name into.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisteredBuildpack {
    /// What to install the buildpack by.
    pub blob_url: String,
    pub description: String,
    /// The namespace and the name.
    pub full_name: String,
    pub id: String,
    pub name: String,
    pub namespace: String,
}
