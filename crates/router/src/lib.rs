//! The gate to the apps: takes HTTP/1.1 from clients, finds the app by its host name, draws one of its web dynos, passes the
//! request and the answer through without storing them, and explains every failure with Heroku's code in the app's own log.
//!
//! Read in this order: [`listen`] takes connections, `proxy` is the story of one request, `exchange` moves its bytes,
//! [`http1`] knows the protocol. There is no HTTP library underneath: none has Heroku's limits and strictness, notices a
//! client that left while its request is under way, or costs nothing while a client is idle.

pub mod doors;
pub mod enter;
pub mod event;
pub mod listen;
pub mod proxy_protocol;
pub mod tls;

mod client;
mod proxy;
mod question;
mod worker;

pub mod flood;
pub mod http1;
mod http2;
mod http2_stream;

mod exchange;
mod splice;
mod tunnel;
mod websocket;

mod affinity;
pub mod connect;
mod dispatch;
mod fleet;
mod housekeeping;
mod idle;

mod account;
mod metrics;
mod page;
mod rescue;

mod bell;
mod buffer;
mod over;
mod timeouts;
mod timer;

pub use doors::Doors;
pub use enter::{Entrance, Network};
pub use event::{LogSinkAdapter, RequestRouted, RequestSink};
pub use listen::{Ends, Router, Settings};
pub use timeouts::Timeouts;
pub use tls::{CertificateFiles, Tls};

#[cfg(test)]
mod tests;
