//! The bodies of Heroku's Platform API v3, as they are on the wire; the server writes them and the command line reads them.
//!
//! Field names, nesting and nullability follow Heroku's published JSON schema. A field that the schema does not have is there because
//! a client reads it; its comment says which. Unknown fields in what is read are ignored, as Heroku ignores them.
//!
//! Ids are UUID text. Times are ISO 8601 in UTC, `2012-01-01T12:00:00Z`. Both are plain strings here: the bodies carry them, they do
//! not judge them.

pub mod account;
pub mod app;
pub mod app_transfer;
pub mod audit_event;
pub mod authorization;
pub mod browser_login;
pub mod build;
pub mod buildpack_installation;
pub mod collaborator;
pub mod config_vars;
pub mod domain;
pub mod dyno;
pub mod error;
pub mod feature;
pub mod formation;
pub mod keeping;
pub mod key;
pub mod log_drain;
pub mod log_session;
pub mod oauth_client;
pub mod overview;
pub mod rate_limit;
pub mod reference;
pub mod region;
pub mod release;
pub mod router;
pub mod secret;
pub mod slug;
pub mod source;
pub mod stack;
pub mod two_factor;
pub mod webhook;

mod lenient;

pub use account::{Account, AccountUpdate};
pub use app::{App, AppCreate, AppUpdate};
pub use app_transfer::{AppTransfer, AppTransferCreate, AppTransferUpdate};
pub use audit_event::AuditEvent;
pub use authorization::{AccessToken, Authorization, AuthorizationCreate, AuthorizationUpdate};
pub use browser_login::{BrowserLogin, BrowserLoginCreate, BrowserLoginOutcome};
pub use build::{Build, BuildBuildpack, BuildCreate, BuildFailure, SourceBlob};
pub use buildpack_installation::{Buildpack, BuildpackInstallation, BuildpackInstallationUpdate, BuildpackUpdate, RegisteredBuildpack};
pub use collaborator::{Collaborator, CollaboratorCreate, CollaboratorPermission, CollaboratorUser};
pub use config_vars::{ConfigVars, ConfigVarsUpdate};
pub use domain::{Domain, DomainCreate};
pub use dyno::{Dyno, DynoCreate, DynoEnv, DynoSize, TerminalSize};
pub use error::ErrorBody;
pub use feature::{AppFeature, AppFeatureUpdate};
pub use formation::{Formation, FormationBatchUpdate, FormationTypeUpdate, FormationUpdate, Quantity, SizeName};
pub use keeping::{Disk, DiskApp, DiskKind, Garbage, GarbageReport};
pub use key::{Key, KeyCreate};
pub use log_drain::{LogDrain, LogDrainCreate};
pub use log_session::{LogSession, LogSessionCreate};
pub use oauth_client::{OauthClient, OauthClientCreate, OauthClientUpdate};
pub use overview::{DynoCounts, PlatformAccount, PlatformApp, PlatformNode};
pub use rate_limit::RateLimit;
pub use reference::{IdRef, NamedRef, ReleaseRef, UserRef};
pub use region::{Region, RegionProvider};
pub use release::{Release, ReleaseCreate};
pub use router::{RouterDyno, RouterDynoState, RouterLine, RouterReport, RouterRoute, RouterSuspension, RouterUpdate};
pub use secret::Secret;
pub use slug::{Slug, SlugBlob, SlugCreate};
pub use source::{Source, SourceUrls};
pub use stack::{Stack, StackBase};
pub use two_factor::{RecoveryCodes, TwoFactor, TwoFactorProof, TwoFactorSecret};
pub use webhook::{Webhook, WebhookAttempt, WebhookDelivery, WebhookDeliveryEvent, WebhookDeliveryTo, WebhookEvent, WebhookPayload, WebhookUpdate};
