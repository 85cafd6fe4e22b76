//! The words of the platform and everything it decides.
//!
//! No input, no output, no clock, no randomness: time is a [`jiff::Timestamp`] argument and chance a drawn number.
//! Read the modules in the order they stand here.

mod words;

pub mod ids;
pub mod names;

pub mod account;
pub mod app;
pub mod app_json;
pub mod config_vars;
pub mod domain_name;
pub mod feature;
pub mod oauth_client;
pub mod procfile;
pub mod scope;
pub mod sharing;
pub mod ssh_key;
pub mod two_factor;

pub mod build;
pub mod buildpack;
pub mod release;
pub mod slug;
pub mod slug_upload;
pub mod source_blob;
pub mod stack;

pub mod dyno;
pub mod dyno_size;
pub mod formation;
pub mod one_off;

pub mod error_code;
pub mod rate_limit;
pub mod request_clock;
pub mod route;

pub mod audit;
pub mod drain;
pub mod keeping;
pub mod log_line;
pub mod notice;
pub mod webhook;

pub use account::{Account, AccountId, Authorization, AuthorizationId, Email};
pub use app::{App, AppId};
pub use app_json::{AppJson, InvalidAppJson};
pub use build::{Build, BuildFailure, BuildId, BuildStatus, FailureKind};
pub use buildpack::{BuildpackRef, InvalidBuildpack};
pub use config_vars::{ConfigKey, ConfigValue, ConfigVars};
pub use domain_name::{CustomDomain, CustomDomainId, DomainName};
pub use drain::{Drain, DrainId, DrainUrl};
pub use dyno::{Dyno, DynoName};
pub use dyno_size::{DynoSize, DynoSizes};
pub use error_code::ErrorCode;
pub use feature::Feature;
pub use ids::Id;
pub use log_line::{LogLine, Source};
pub use names::AppName;
pub use procfile::{ProcessType, Procfile};
pub use release::{Release, ReleaseId, ReleaseVersion};
pub use scope::{Scope, Scopes};
pub use slug::{Sha256, Slug, SlugId};
pub use slug_upload::{SlugOrigin, SlugUpload};
pub use source_blob::{SourceBlob, SourceBlobId};
pub use ssh_key::{KeyFingerprint, PublicKey, SshKey, SshKeyId};
pub use stack::StackName;
