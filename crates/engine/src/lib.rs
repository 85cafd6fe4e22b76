//! What happens: pushes, builds, releases, formations, one-off dynos.
//!
//! Every operation is one function that reads as its own story. People come in through [`Platform::authorize`]; what they
//! change is written to the store first, and the background tasks make the world follow.

pub mod background;
pub mod platform;
pub mod refusal;

pub mod accounts;
pub mod authority;
pub mod browser_login;
pub mod clients;
pub mod keys;
pub mod leaving;
pub mod limits;
pub mod two_factor;

pub mod apps;
pub mod audit;
pub mod buildpacks;
pub mod config;
pub mod domains;
pub mod drains;
pub mod features;
mod happenings;
pub mod releases;
pub mod scaling;
pub mod sharing;
pub mod webhooks;

pub mod builds;
mod failures;
pub mod links;
pub(crate) mod live;
pub mod push;
pub mod release_output;
pub mod release_phase;
pub mod slugs;
pub mod source;
pub mod turns;

pub mod disk;
pub mod keeping;
pub mod overview;
pub mod stacks;

pub mod dynos;
pub mod environment;
pub mod formation;
pub mod leftovers;
pub mod memory;
pub mod one_off;
mod pages;
pub mod recovery;
pub mod routes;
mod sight;
pub mod sleep;
mod waiting;

pub use accounts::{Actor, Credential, Password};
pub use authority::{Permission, RouterPass};
pub use background::{Round, Task, Wake, drive};
pub use builds::NewBuild;
pub use keeping::Keeping;
pub use links::Link;
pub use platform::{Parts, Platform, Quota, Settings};
pub use refusal::Refusal;
pub use turns::Turn;
pub use two_factor::Login;
