//! What the platform remembers, and the only place that speaks SQL.
//!
//! One portable SQL text, two native drivers, one small enum between. A caller opens a [`Db`] once, takes a [`Tx`] for
//! each thing it does, and calls functions that read like sentences: `tx.app_named(&name)`, `tx.promote_release(id)`.
//! Nothing is remembered before [`Tx::commit`]; a dropped `Tx` never happened. After an error let the `Tx` go and begin
//! another: PostgreSQL does nothing more in it.
//!
//! There is one writer at a time, on both databases: what a write transaction reads stays true until it commits. Never
//! wait for the outside world while holding one.
//!
//! Times are kept in whole milliseconds; anything finer is cut off. An update or a removal of something that is gone
//! does nothing: whoever removed it has had the last word.
//!
//! Read the modules in the order they stand here.

mod db;
mod error;
mod postgres;
mod seal;
mod sqlite;
mod statement;

mod copy;
mod leadership;
mod look;
mod reseal;

mod accounts;
mod apps;
mod audit;
mod buildpacks;
mod config_vars;
mod domains;
mod drains;
mod features;
mod fronts;
mod leaving;
mod oauth_clients;
mod overview;
mod second_factors;
mod sharing;
mod ssh_keys;

mod builds;
mod keeping;
mod releases;
mod slug_uploads;
mod slugs;
mod source_blobs;

mod dynos;
mod formation;
mod one_offs;

mod webhooks;

mod worlds;

#[cfg(test)]
mod tests;

pub use db::{Db, Tx, describe, exists, may_be_shared};
pub use dynos::DynoRecord;
pub use error::{R, StoreError};
pub use fronts::{AppFront, SlugFront};
pub use leadership::{BEAT, Candidate, Leader, Seated};
pub use look::{Look, look};
pub use overview::Person;
pub use seal::{Keys, SealKey};
pub use worlds::World;
