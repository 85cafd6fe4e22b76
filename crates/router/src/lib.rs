//! The gate to the apps: takes HTTP/1.1 from clients, finds the app by its host name, draws one of its web dynos, passes the
//! request and the answer through without storing them, and explains every failure with Heroku's code in the app's own log.
//!
//! Read in this order: [`listen`] takes connections, `serve` speaks HTTP on one of them, `proxy` is the story of one request.

pub mod event;
pub mod listen;

mod serve;

mod timeouts;

mod proxy;
mod request_head;
mod response_head;
mod table;

pub mod connect;
mod exchange;
mod wire;

mod body;
mod upgrade;

mod error_page;
mod rescue;

pub use event::{LogSinkAdapter, RequestRouted, RequestSink};
pub use listen::{Router, Settings};
pub use timeouts::Timeouts;

#[cfg(test)]
mod tests;
