//! Every app's log: lines in, history and tails out.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{AppId, Drain, LogLine};
use futures_util::{Stream, stream};
use ports::{LogSink, log_sink::KeptOf};
use tokio::sync::watch;

use crate::{
    drains::{Outlet, Running},
    filter::Filter,
    kept::Kept,
    line,
    reader::Reader,
    ring::{BOUNDS, Bounds, Numbered, Ring},
    tail::TailEvent,
};

/// The logs of all apps, in memory: the last 1,500 lines of each, in the order they came, and more while somebody reads.
///
/// A tail has no buffer of its own. It reads from its app's ring at its own pace, so that history and live lines are one
/// sequence without a seam, all readers that are behind cost as much as one, and one that falls behind the ring is told what
/// it missed.
#[derive(Debug)]
pub struct Logplex {
    apps: Mutex<Apps>,
    bounds: Bounds,
    /// `None`: lines go to no drain.
    outlet: Option<Arc<Outlet>>,
    /// `None`: lines are gone when the process is.
    kept: Option<Kept>,
}

#[derive(Debug, Default)]
struct Apps {
    channels: HashMap<AppId, Arc<Channel>>,
    /// A dyno that dies with its app still has last words; they must not bring the log back.
    forgotten: HashSet<AppId>,
    drains: HashMap<AppId, Vec<Running>>,
}

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) ring: Mutex<Ring>,
    /// Changed after the ring was.
    pub(crate) news: watch::Sender<()>,
}

impl Channel {
    pub(crate) fn write(&self, line: LogLine, bounds: Bounds) {
        let mut ring = lock(&self.ring);
        if line::is_safe(&line.text) {
            ring.push(line, bounds);
        } else {
            for text in line::safe(&line.text) {
                ring.push(LogLine { text, process: line.process.clone(), ..line }, bounds);
            }
        }
        drop(ring);
        self.news.send_replace(());
    }
}

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
        Self { apps: Mutex::default(), bounds, outlet: None, kept: None }
    }

    pub(crate) fn with_kept(self, kept: Kept) -> Self {
        Self { kept: Some(kept), ..self }
    }

    pub(crate) const fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    pub(crate) const fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(crate) fn channels(&self) -> HashMap<AppId, Arc<Channel>> {
        lock(&self.apps).channels.clone()
    }

    /// The log of an app that has said nothing yet.
    pub(crate) fn restore(&self, app: AppId, ring: Ring) {
        lock(&self.apps).channels.insert(app, Arc::new(Channel { ring: Mutex::new(ring), news: watch::Sender::new(()) }));
    }

    /// So many lines of an app are kept while somebody is still to read them; 1,500 are always.
    pub fn with_waiting(mut self, lines: usize) -> Self {
        self.bounds.waiting = lines.max(self.bounds.lines);
        self
    }

    /// Drains are served, out of here.
    pub fn with_outlet(self, outlet: Outlet) -> Self {
        Self { outlet: Some(Arc::new(outlet)), ..self }
    }

    /// The last `lines` lines that match, oldest first.
    pub fn history(&self, app: AppId, filter: &Filter, lines: usize) -> Vec<Numbered> {
        let channel = lock(&self.apps).channels.get(&app).cloned();
        channel.map(|channel| lock(&channel.ring).last(filter, lines)).unwrap_or_default()
    }

    /// The last `lines` lines that match (or, when a reader comes back, everything kept after line `after`), and then each
    /// one as it comes: none lost, none twice. Ends when the app is forgotten.
    pub fn tail(&self, app: AppId, filter: Filter, lines: usize, after: Option<u64>) -> impl Stream<Item = TailEvent> + Send + Unpin + use<> {
        let tail = self.channel(app).map(|channel| Reader::open(channel, filter, lines, after));
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
        channel.write(line, self.bounds);
    }

    fn drain_to(&self, app: AppId, drains: Vec<Drain>) {
        let (Some(outlet), Some(channel)) = (&self.outlet, self.channel(app)) else { return };
        let mut apps = lock(&self.apps);
        let running = apps.drains.entry(app).or_default();
        running.retain(|pump| drains.iter().any(|drain| drain.token == pump.token));
        for drain in drains {
            if !running.iter().any(|pump| pump.token == drain.token) {
                running.push(Running::start(drain, &channel, outlet, self.bounds));
            }
        }
    }

    fn kept_of(&self, app: AppId, process: &str) -> Option<KeptOf> {
        let channel = lock(&self.apps).channels.get(&app).cloned()?;
        lock(&channel.ring).kept_of(process, self.bounds)
    }

    fn forget(&self, app: AppId) {
        let mut apps = lock(&self.apps);
        apps.forgotten.insert(app);
        apps.drains.remove(&app);
        if let Some(channel) = apps.channels.remove(&app) {
            lock(&channel.ring).closed = true;
            channel.news.send_replace(());
        }
    }
}

/// A writer that panicked left at worst one line half-counted; the log goes on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
