//! Where log lines go.

use std::sync::Mutex;

use domain::{AppId, Drain, LogLine};
use jiff::Timestamp;

/// Takes log lines of apps. Never blocks and never fails: a log must not hold up what it tells about.
pub trait LogSink: Send + Sync {
    fn write(&self, app: AppId, line: LogLine);
    /// The app is gone: its lines too.
    fn forget(&self, app: AppId);
    /// The app's lines also go to these from now on, and to no others.
    fn drain_to(&self, _app: AppId, _drains: Vec<Drain>) {}
    /// When the newest line was written that is kept of what this process (`web.1`) itself said.
    fn last_of(&self, _app: AppId, _process: &str) -> Option<Timestamp> {
        None
    }
}

/// Keeps every line, for tests.
#[derive(Debug, Default)]
pub struct KeptLines(Mutex<Vec<(AppId, LogLine)>>);

impl KeptLines {
    /// `process: text` of every line so far.
    pub fn texts(&self) -> Vec<String> {
        self.lock().iter().map(|(_, line)| format!("{}[{}]: {}", line.source.word(), line.process, line.text)).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(AppId, LogLine)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl LogSink for KeptLines {
    fn write(&self, app: AppId, line: LogLine) {
        self.lock().push((app, line));
    }

    fn forget(&self, app: AppId) {
        self.lock().retain(|(of, _)| *of != app);
    }
}
