//! Pushes with the real git client.
#![expect(clippy::unwrap_used, reason = "what surrounds the tests may panic as they may")]

mod client;
mod doors;
mod hostile;
mod platform;
mod pushes;
mod robustness;
mod ssh;
