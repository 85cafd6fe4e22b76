//! How long anything may take.

use std::time::Duration;

use domain::request_clock::Limits;

/// Heroku's figures, unless the operator of a router sets others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect to one dyno (H19).
    pub connect: Duration,
    /// For a dyno to come up, and for all attempts to connect together (H20, H99).
    pub boot: Duration,
    /// From the whole request sent to the first byte of the response (H12).
    pub first_byte: Duration,
    /// Between bytes otherwise, in either direction; also in a tunnel (H15, H28).
    pub between_bytes: Duration,
    /// For a request's head, counted from the end of the request before (408).
    pub head: Duration,
}

impl Timeouts {
    pub const HEROKU: Self = Self {
        connect: Duration::from_secs(5),
        boot: Duration::from_secs(75),
        first_byte: Duration::from_secs(30),
        between_bytes: Duration::from_secs(55),
        head: Duration::from_secs(60),
    };

    /// What a request's clock runs by.
    pub(crate) const fn limits(&self) -> Limits {
        Limits { first_byte: self.first_byte, between_bytes: self.between_bytes }
    }
}
