//! Lines on standard output. Requests never wait for whoever reads them: if that one is too slow, lines are lost, and counted.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use domain::{AppId, LogLine};
use ports::LogSink;

/// As many lines wait for their reader; some seconds of a busy router.
const WAITING: usize = 64 * 1024;
/// Lines are gathered for so long: a busy router then neither wakes the writer nor calls the kernel for each of them.
const GATHER: Duration = Duration::from_millis(5);
/// At the end, the reader gets so long for the rest.
const LAST_WORDS: Duration = Duration::from_secs(5);

enum Item {
    Line(LogLine),
    End(SyncSender<()>),
}

/// Takes lines without waiting.
pub(super) struct Stdout {
    lines: SyncSender<Item>,
    lost: Arc<AtomicU64>,
}

impl Stdout {
    pub(super) fn start() -> io::Result<Arc<Self>> {
        let (lines, waiting) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let counter = lost.clone();
        thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout());
            if let Err(error) = copy(&waiting, &mut out, &counter) {
                tracing::error!("standard output takes no more lines: {error}");
                // Whoever waits for the end must not wait for nothing.
                while let Ok(item) = waiting.recv() {
                    drop(item);
                }
            }
        })?;
        Ok(Arc::new(Self { lines, lost }))
    }

    /// Waits until everything is written, or its reader had its time.
    pub(super) fn end(&self) {
        let (done, ended) = sync_channel(1);
        if self.lines.try_send(Item::End(done)).is_err() || ended.recv_timeout(LAST_WORDS) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the last lines are lost: nobody reads standard output");
        }
    }
}

impl LogSink for Stdout {
    fn write(&self, _: AppId, line: LogLine) {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(Item::Line(line)) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn forget(&self, _: AppId) {}
}

/// Writes until the end; what is written reaches the reader as soon as no more is waiting.
fn copy(waiting: &Receiver<Item>, out: &mut impl Write, lost: &AtomicU64) -> io::Result<()> {
    while let Ok(first) = waiting.recv() {
        thread::sleep(GATHER);
        let mut next = Some(first);
        while let Some(item) = next {
            match item {
                Item::Line(line) => writeln!(out, "{line}")?,
                Item::End(done) => {
                    out.flush()?;
                    let _ = done.send(());
                }
            }
            next = waiting.try_recv().ok();
        }
        out.flush()?;
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!("{lost} lines are lost: standard output is read too slowly");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::Source;

    use super::*;

    fn line(text: &str) -> Item {
        Item::Line(LogLine { at: "2026-11-21T03:00:00Z".parse().unwrap(), source: Source::Heroku, process: "router".into(), text: text.into() })
    }

    #[test]
    fn lines_are_in_their_order_and_out_before_the_end_is_told() {
        let (lines, waiting) = sync_channel(8);
        let (done, ended) = sync_channel(1);
        for item in [line("at=info"), line("at=error"), Item::End(done)] {
            lines.send(item).unwrap();
        }
        drop(lines);
        let mut out = Vec::new();
        copy(&waiting, &mut out, &AtomicU64::new(0)).unwrap();
        ended.try_recv().unwrap();
        let stamp = "2026-11-21T03:00:00.000000+00:00 heroku[router]:";
        assert_eq!(String::from_utf8(out).unwrap(), format!("{stamp} at=info\n{stamp} at=error\n"));
    }

    #[test]
    fn a_full_queue_costs_a_line_and_no_time() {
        let (lines, _waiting) = sync_channel(0);
        let stdout = Stdout { lines, lost: Arc::default() };
        let Item::Line(line) = line("at=info") else { unreachable!() };
        stdout.write(AppId::from_uuid(uuid::Uuid::nil()), line);
        assert_eq!(stdout.lost.load(Ordering::Relaxed), 1);
    }
}
