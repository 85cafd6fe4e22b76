//! The store against real files.

mod concurrency;
mod constraints;
mod copies;
mod durability;
mod keeping;
mod leadership;
mod people;
mod rotation;
mod round_trips;
mod schema;
mod second_factors;
mod secrets;
mod slug_uploads;
mod support;
mod upgrades;
mod webhooks;
