//! Every app's log: lines in, history and tails out.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{AppId, LogLine};
use futures_util::{Stream, stream};
use ports::LogSink;
use tokio::sync::watch;

use crate::{
    filter::Filter,
    line,
    ring::{BOUNDS, Bounds, Numbered, Ring},
    tail::TailEvent,
};

/// The logs of all apps, in memory: the last 1,500 lines of each, in the order they came.
///
/// A tail has no buffer of its own. It reads from its app's ring at its own pace, so that history and live lines are one
/// sequence without a seam, a stalled reader costs nothing, and one that falls behind the ring is told what it missed.
#[derive(Debug)]
pub struct Logplex {
    apps: Mutex<Apps>,
    bounds: Bounds,
}

#[derive(Debug, Default)]
struct Apps {
    channels: HashMap<AppId, Arc<Channel>>,
    /// A dyno that dies with its app still has last words; they must not bring the log back.
    forgotten: HashSet<AppId>,
}

#[derive(Debug)]
struct Channel {
    ring: Mutex<Ring>,
    /// Changed after the ring was.
    news: watch::Sender<()>,
}

/// Lines a tail takes at once.
const BATCH: usize = 64;

impl Default for Logplex {
    fn default() -> Self {
        Self::new()
    }
}

impl Logplex {
    pub fn new() -> Self {
        Self::bounded(BOUNDS)
    }

    pub(crate) fn bounded(bounds: Bounds) -> Self {
        Self { apps: Mutex::default(), bounds }
    }

    /// The last `lines` lines that match, oldest first.
    pub fn history(&self, app: AppId, filter: &Filter, lines: usize) -> Vec<Numbered> {
        let channel = lock(&self.apps).channels.get(&app).cloned();
        channel.map(|channel| lock(&channel.ring).last(filter, lines)).unwrap_or_default()
    }

    /// The last `lines` lines that match (or, when a reader comes back, everything kept after line `after`), and then each
    /// one as it comes: none lost, none twice. Ends when the app is forgotten.
    pub fn tail(&self, app: AppId, filter: Filter, lines: usize, after: Option<u64>) -> impl Stream<Item = TailEvent> + Send + Unpin + use<> {
        let tail = self.channel(app).map(|channel| {
            let news = channel.news.subscribe();
            let cursor = lock(&channel.ring).open_cursor(filter, lines, after);
            Tail { channel, news, cursor, read: VecDeque::new() }
        });
        Box::pin(stream::unfold(tail, |tail| async {
            let mut tail = tail?;
            let event = tail.next().await?;
            Some((event, Some(tail)))
        }))
    }

    /// The app's channel, made if it is new; `None` if the app is gone.
    fn channel(&self, app: AppId) -> Option<Arc<Channel>> {
        let mut apps = lock(&self.apps);
        if apps.forgotten.contains(&app) {
            return None;
        }
        let new = || Arc::new(Channel { ring: Mutex::default(), news: watch::Sender::new(()) });
        Some(apps.channels.entry(app).or_insert_with(new).clone())
    }
}

impl LogSink for Logplex {
    fn write(&self, app: AppId, line: LogLine) {
        let Some(channel) = self.channel(app) else { return };
        let mut ring = lock(&channel.ring);
        for text in line::safe(&line.text) {
            ring.push(LogLine { text, process: line.process.clone(), ..line }, self.bounds);
        }
        drop(ring);
        channel.news.send_replace(());
    }

    fn forget(&self, app: AppId) {
        let mut apps = lock(&self.apps);
        apps.forgotten.insert(app);
        if let Some(channel) = apps.channels.remove(&app) {
            lock(&channel.ring).closed = true;
            channel.news.send_replace(());
        }
    }
}

/// One reader's way through a log.
struct Tail {
    channel: Arc<Channel>,
    news: watch::Receiver<()>,
    cursor: u64,
    read: VecDeque<TailEvent>,
}

impl Tail {
    async fn next(&mut self) -> Option<TailEvent> {
        loop {
            if let Some(event) = self.read.pop_front() {
                return Some(event);
            }
            let ended = self.read_on();
            if self.read.is_empty() && (ended || self.news.changed().await.is_err()) {
                return None;
            }
        }
    }

    /// Takes what is there; says whether that was the last.
    fn read_on(&mut self) -> bool {
        let mut ring = lock(&self.channel.ring);
        self.read.extend(ring.read(self.cursor, BATCH));
        ring.closed
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        lock(&self.channel.ring).close_cursor(self.cursor);
    }
}

/// A writer that panicked left at worst one line half-counted; the log goes on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
