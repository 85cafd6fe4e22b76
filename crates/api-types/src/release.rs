//! `/apps/:app/releases`.

use serde::{Deserialize, Serialize};

use crate::{IdRef, NamedRef, Secret, UserRef};

/// A slug and a set of config vars under a number that only grows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Release {
    pub addon_plan_names: Vec<String>,
    pub app: NamedRef,
    pub created_at: String,
    /// Exactly one release of an app is.
    pub current: bool,
    /// `Deploy 1a2b3c4d`, `Set FOO config vars`.
    pub description: String,
    pub eligible_for_rollback: bool,
    pub id: String,
    /// Always null: releases are made of slugs. Not in the schema, but clients read it.
    #[serde(default)]
    pub oci_image: Option<IdRef>,
    /// Where the release phase's output can be read; the URL is the key to it.
    pub output_stream_url: Option<Secret>,
    /// Null before the first deploy.
    pub slug: Option<IdRef>,
    /// `pending`, `succeeded`, `failed` or `expired`.
    pub status: String,
    pub updated_at: String,
    pub user: UserRef,
    /// The N of vN, from 1.
    pub version: u64,
}

/// `POST /apps/:app/releases`: a rollback when `release` is there, a deploy of a slug when `slug` is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ReleaseCreate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The release to go back to: its id, `v3` or `3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}
