//! Where log lines go.

use std::sync::Mutex;

use domain::{AppId, LogLine};

/// Takes log lines of apps. Never blocks and never fails: a log must not hold up what it tells about.
pub trait LogSink: Send + Sync {
    fn write(&self, app: AppId, line: LogLine);
    /// The app is gone: its lines too.
    fn forget(&self, app: AppId);
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
