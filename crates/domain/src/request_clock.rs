//! The two clocks a proxied request runs against.

use std::time::Duration;

use crate::error_code::ErrorCode;

/// 30 s to the first byte of the response, counted from when the whole request was sent; then 55 s between bytes, in
/// either direction (Heroku: "Request timeout", rolling window). Times are counted from when the dyno took the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestClock {
    deadline: Duration,
    stage: Stage,
    limits: Limits,
}

/// How long nothing may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the whole request sent to the first byte of the response.
    pub first_byte: Duration,
    /// Between bytes otherwise, in either direction.
    pub between_bytes: Duration,
}

impl Limits {
    /// 30 s and 55 s.
    pub const HEROKU: Self = Self { first_byte: Duration::from_secs(30), between_bytes: Duration::from_secs(55) };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The client is still sending.
    Sending,
    /// Everything was sent; nothing has come back.
    Waiting,
    /// Bytes of the response have moved.
    Answering,
}

impl RequestClock {
    /// The head is passed on; a body may follow.
    pub const fn started(limits: Limits) -> Self {
        Self { deadline: limits.between_bytes, stage: Stage::Sending, limits }
    }

    /// Bytes of the client's body were passed on, or bytes of the answer to the client.
    #[must_use]
    pub fn request_bytes(self, now: Duration) -> Self {
        match self.stage {
            Stage::Waiting => self,
            Stage::Sending | Stage::Answering => Self { deadline: now + self.limits.between_bytes, ..self },
        }
    }

    /// The whole request was passed on: the 30 s begin.
    #[must_use]
    pub fn request_sent(self, now: Duration) -> Self {
        match self.stage {
            Stage::Sending => Self { deadline: now + self.limits.first_byte, stage: Stage::Waiting, ..self },
            Stage::Waiting | Stage::Answering => self,
        }
    }

    /// Bytes of the response came.
    #[must_use]
    pub fn response_bytes(self, now: Duration) -> Self {
        Self { deadline: now + self.limits.between_bytes, stage: Stage::Answering, ..self }
    }

    /// When to ask [`Self::expired`] next.
    pub const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// What to call it if the time is up.
    pub fn expired(&self, now: Duration) -> Option<ErrorCode> {
        if now < self.deadline {
            return None;
        }
        Some(match self.stage {
            Stage::Sending => ErrorCode::H28ClientConnectionIdle,
            Stage::Waiting => ErrorCode::H12RequestTimeout,
            Stage::Answering => ErrorCode::H15IdleConnection,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_seconds_then_fifty_five_between_bytes() {
        let at = Duration::from_secs;
        let clock = RequestClock::started(Limits::HEROKU);
        assert_eq!(clock.expired(at(54)), None);
        assert_eq!(clock.expired(at(55)), Some(ErrorCode::H28ClientConnectionIdle));
        let clock = clock.request_bytes(at(50)).request_sent(at(100));
        assert_eq!(clock.expired(at(129)), None);
        assert_eq!(clock.expired(at(130)), Some(ErrorCode::H12RequestTimeout));
        let clock = clock.response_bytes(at(129));
        assert_eq!(clock.expired(at(183)), None);
        assert_eq!(clock.expired(at(184)), Some(ErrorCode::H15IdleConnection));
        assert_eq!(clock.request_bytes(at(183)).expired(at(184)), None, "either direction counts");
    }
}
