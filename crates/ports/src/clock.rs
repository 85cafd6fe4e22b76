//! One clock for everything.

use jiff::{SignedDuration, Timestamp};

/// Tells the time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Follows tokio's time, which tests pause: a sleep and this clock agree, and a day passes at once.
#[derive(Debug)]
pub struct TokioClock {
    origin: Timestamp,
    started: tokio::time::Instant,
}

impl TokioClock {
    /// Starts at `origin`.
    pub fn starting_at(origin: Timestamp) -> Self {
        Self { origin, started: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.origin + SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX)
    }
}

/// Stands still until a test moves it. For tests whose other parts need real time (a database's threads, sockets).
#[derive(Debug)]
pub struct HandClock(std::sync::Mutex<Timestamp>);

impl HandClock {
    /// Starts at `origin`.
    pub const fn at(origin: Timestamp) -> Self {
        Self(std::sync::Mutex::new(origin))
    }

    /// Moves it forward, or back.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Sleeps until the clock shows `at`, or returns at once if it does already.
pub async fn sleep_until(clock: &dyn Clock, at: Timestamp) {
    if let Ok(wait) = std::time::Duration::try_from(at.duration_since(clock.now())) {
        tokio::time::sleep(wait).await;
    }
}
