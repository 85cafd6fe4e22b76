//! How far something is whose length is known: counted where the work is done, drawn beside what turns.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::output::size;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Files,
}

/// How much is done of how much. All clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    done: Arc<AtomicU64>,
    total: u64,
    unit: Unit,
}

/// Columns between the brackets of a bar.
const BAR: u64 = 24;

impl Progress {
    /// Nothing is done yet.
    pub(crate) fn of(total: u64, unit: Unit) -> Self {
        Self { done: Arc::default(), total, unit }
    }

    /// So much more is done.
    pub(crate) fn add(&self, amount: u64) {
        self.done.fetch_add(amount, Ordering::Relaxed);
    }

    /// Counts what is read.
    pub(crate) fn reading<R: Read>(&self, inner: R) -> Measured<R> {
        Measured { inner, progress: self.clone() }
    }

    /// As much as has room in so many columns: `[=====>   ] 12 MB of 27 MB`, or `44%`, or nothing.
    pub(crate) fn shown(&self, columns: usize) -> String {
        let done = self.done.load(Ordering::Relaxed).min(self.total);
        let amounts = match self.unit {
            Unit::Bytes => format!("{} of {}", size(done), size(self.total)),
            Unit::Files => format!("{done} of {} files", self.total),
        };
        let part = |whole: u64| usize::try_from(u128::from(whole) * u128::from(done) / u128::from(self.total.max(1))).unwrap_or_default();
        let (filled, width) = (part(BAR), BAR as usize);
        let head = if filled < width { ">" } else { "" };
        let bar = format!("[{:<width$}] {amounts}", format!("{}{head}", "=".repeat(filled)));
        let percent = format!("{}%", part(100));
        [bar, percent].into_iter().find(|text| text.chars().count() <= columns).unwrap_or_default()
    }
}

/// A reader whose bytes are counted.
pub(crate) struct Measured<R> {
    inner: R,
    progress: Progress,
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.progress.add(length as u64);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_and_makes_room() {
        let progress = Progress::of(2048, Unit::Bytes);
        assert_eq!(progress.shown(80), "[>                       ] 0 B of 2 KB");
        progress.add(1024);
        assert_eq!(progress.shown(80), "[============>           ] 1 KB of 2 KB");
        assert_eq!((progress.shown(10).as_str(), progress.shown(2).as_str()), ("50%", ""));
        progress.add(4096);
        assert_eq!(progress.shown(80), "[========================] 2 KB of 2 KB");
        assert_eq!(Progress::of(0, Unit::Files).shown(80), "[>                       ] 0 of 0 files");
    }

    #[test]
    fn what_is_read_is_counted() {
        let progress = Progress::of(5, Unit::Bytes);
        let mut text = String::new();
        progress.reading(&b"hello"[..]).read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), progress.shown(4).as_str()), ("hello", "100%"));
    }
}
