//! The store against real files.

mod concurrency;
mod constraints;
mod round_trips;
mod schema;
mod secrets;
mod support;
