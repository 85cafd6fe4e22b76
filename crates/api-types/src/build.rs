//! `/apps/:app/builds`.

use serde::{Deserialize, Serialize};

use crate::{IdRef, Secret, UserRef};

/// A build of a source into a slug.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Build {
    pub app: IdRef,
    pub buildpacks: Option<Vec<BuildBuildpack>>,
    pub created_at: String,
    /// What went wrong; the schema leaves it to the output, `builds:info` shows it.
    #[serde(default)]
    pub failure: Option<BuildFailure>,
    pub id: String,
    /// Where the output can be read; the URL is the key to it.
    pub output_stream_url: Option<Secret>,
    pub release: Option<IdRef>,
    pub slug: Option<IdRef>,
    pub source_blob: SourceBlob,
    pub stack: String,
    /// `pending`, `succeeded` or `failed`.
    pub status: String,
    pub updated_at: String,
    pub user: UserRef,
}

/// What went wrong with a build, or with the release phase after it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuildFailure {
    /// `no_buildpack`, `compile`, `timed_out`, `out_of_memory`, `out_of_disk`, `slug_too_large`, `source`, `release_phase`,
    /// `cancelled`, `disk_full`, `interrupted` or `platform`.
    pub id: String,
    /// A sentence.
    pub message: String,
}

/// A buildpack as a build names it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuildBuildpack {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The source that is built.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SourceBlob {
    /// `SHA256:` and the digest of the archive.
    #[serde(default)]
    pub checksum: Option<String>,
    /// A gzipped tar; the URL may be signed. Null for a push, which has no archive to fetch.
    #[serde(default)]
    pub url: Option<Secret>,
    /// The commit.
    #[serde(default)]
    pub version: Option<String>,
    #[serde(default)]
    pub version_description: Option<String>,
}

/// `POST /apps/:app/builds`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuildCreate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buildpacks: Option<Vec<BuildBuildpack>>,
    #[serde(default)]
    pub source_blob: SourceBlob,
}
