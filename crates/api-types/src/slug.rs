//! `/apps/:app/slugs`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{NamedRef, Secret};

/// A built app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slug {
    pub blob: SlugBlob,
    pub buildpack_provided_description: Option<String>,
    /// `SHA256:` and the digest of the gzipped tar; of a slug that was uploaded, as it came.
    pub checksum: Option<String>,
    pub commit: Option<String>,
    pub commit_description: Option<String>,
    pub created_at: String,
    pub deleted_at: Option<String>,
    pub id: String,
    /// Process type to command.
    pub process_types: BTreeMap<String, String>,
    /// Bytes; null before it was uploaded.
    pub size: Option<u64>,
    pub stack: NamedRef,
    pub updated_at: String,
}

/// Where the slug's bytes are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlugBlob {
    /// `GET` to read it, `PUT` to upload it.
    pub method: String,
    /// The URL is the key.
    pub url: Secret,
}

/// `POST /apps/:app/slugs`: what a slug will be that is uploaded afterwards.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SlugCreate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buildpack_provided_description: Option<String>,
    /// `SHA256:` and the digest of what will be uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_description: Option<String>,
    /// Process type to command.
    pub process_types: Option<BTreeMap<String, String>>,
    /// Its name or its id; none: the app's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}
