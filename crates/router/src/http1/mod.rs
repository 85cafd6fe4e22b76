//! HTTP/1 without any input or output: pure functions over bytes. Strict: what two parsers could read differently is refused.
//!
//! [`head`] reads heads of requests and responses as they arrive, [`request`] and [`response`] understand them, [`chunked`]
//! follows a chunked body, [`body`] any body, [`write`] makes the heads that go out.

pub mod body;
pub mod chunked;
pub mod head;
pub mod name;
pub mod request;
pub mod response;
pub mod write;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod fuzz;
