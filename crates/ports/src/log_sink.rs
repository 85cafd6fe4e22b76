//! Where log lines go.

use std::sync::Mutex;

use domain::{AppId, Drain, LogLine, Source};
use jiff::{SignedDuration, Timestamp};

/// Takes log lines of apps. Never blocks and never fails: a log must not hold up what it tells about.
pub trait LogSink: Send + Sync {
    fn write(&self, app: AppId, line: LogLine);
    /// The app is gone: its lines too.
    fn forget(&self, app: AppId);
    /// The app's lines also go to these from now on, and to no others.
    fn drain_to(&self, _app: AppId, _drains: Vec<Drain>) {}
    /// What is kept of what this process (`web.1`) itself said lately; `None`: nothing.
    fn kept_of(&self, _app: AppId, _process: &str) -> Option<KeptOf> {
        None
    }
}

/// From which of a process's lines are kept follows where reading its output goes on. Lines have no numbers where they are
/// read, but times; and those of its two streams come in order only by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOf {
    pub newest: Timestamp,
    /// What it wrote before this is kept, or was once.
    pub from: Timestamp,
    /// The times of its lines that are kept from then on: several may be of the same.
    pub times: Vec<Timestamp>,
}

impl KeptOf {
    /// How far one stream may be behind the other.
    pub const SPREAD: SignedDuration = SignedDuration::from_secs(1);

    /// Of all lines that are kept of it.
    pub fn of(lines: impl Iterator<Item = Timestamp> + Clone) -> Option<Self> {
        let newest = lines.clone().max()?;
        let from = newest.saturating_sub(Self::SPREAD).unwrap_or(newest);
        Some(Self { newest, from, times: lines.filter(|at| *at >= from).collect() })
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

    /// Keeps only the first lines: what a crash leaves.
    pub fn cut(&self, lines: usize) {
        self.lock().truncate(lines);
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

    fn kept_of(&self, app: AppId, process: &str) -> Option<KeptOf> {
        let lines = self.lock();
        KeptOf::of(lines.iter().filter(|(of, line)| *of == app && line.source == Source::App && line.process == process).map(|(_, line)| line.at))
    }
}
