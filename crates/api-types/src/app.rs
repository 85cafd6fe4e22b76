//! `/apps`.

use serde::{Deserialize, Serialize};

use crate::{NamedRef, UserRef, lenient};

/// An app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct App {
    pub acm: bool,
    pub archived_at: Option<String>,
    pub build_stack: NamedRef,
    pub buildpack_provided_description: Option<String>,
    /// `complete` once it can be used. Not in the schema: the command line prints it in `apps:info`.
    #[serde(default)]
    pub create_status: Option<String>,
    pub created_at: String,
    /// `cedar`; the command line reads the name before it asks for logs.
    pub generation: NamedRef,
    pub git_url: String,
    pub id: String,
    pub internal_routing: Option<bool>,
    pub maintenance: bool,
    pub name: String,
    pub organization: Option<NamedRef>,
    pub owner: UserRef,
    /// `production` or the like; `eco` makes the command line ask for a quota. Not in the schema.
    #[serde(default)]
    pub process_tier: Option<String>,
    pub region: NamedRef,
    pub released_at: Option<String>,
    /// Bytes of the repository. Written even when null: the command line fails on a missing one.
    pub repo_size: Option<u64>,
    /// Bytes of the slug. Written even when null: the command line fails on a missing one.
    pub slug_size: Option<u64>,
    pub space: Option<NamedRef>,
    /// Where git answers over SSH, if it does. Not in the schema: our own command line sets remotes to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_git_url: Option<String>,
    pub stack: NamedRef,
    pub team: Option<NamedRef>,
    pub updated_at: String,
    pub web_url: Option<String>,
}

/// `POST /apps`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AppCreate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

/// `PATCH /apps/:app`. What is left out stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AppUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_stack: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional_flag", skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
