//! How long each step of a build takes: for the log, at debug level.

use domain::BuildId;
use tokio::time::Instant;

/// The steps of one build, one after the other.
pub struct Steps {
    build: BuildId,
    since: Instant,
}

impl Steps {
    pub fn begin(build: BuildId) -> Self {
        Self { build, since: Instant::now() }
    }

    /// The step that began when the last one ended, or with the build, is done.
    pub fn done(&mut self, step: &'static str) {
        let now = Instant::now();
        let micros = u64::try_from(now.duration_since(self.since).as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(build = %self.build, step, micros, "a step of a build is done");
        self.since = now;
    }
}
