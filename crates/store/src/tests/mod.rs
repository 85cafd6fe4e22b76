//! The store against real files.

mod concurrency;
mod constraints;
mod keeping;
mod round_trips;
mod schema;
mod secrets;
mod support;
