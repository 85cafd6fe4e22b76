//! What is known of containers by id, so that a look at all of them costs one call.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use ports::runtime::Condition;
use tokio::sync::watch;

/// A running container's facts, which change only if someone restarts it by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) since: Timestamp,
    /// On the engine's machine.
    pub(crate) pid: u32,
    pub(crate) ip: Option<IpAddr>,
}

#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<String, Entry>>);

#[derive(Default)]
struct Entry {
    running: Option<Running>,
    exited: Option<Condition>,
    bound: bool,
    watched: bool,
    /// How often a process in it was killed for want of memory.
    out_of_memory: u64,
    /// Becomes true when its log has been read to the end.
    log: Option<watch::Receiver<bool>>,
}

impl Known {
    pub(crate) fn running(&self, id: &str) -> Option<Running> {
        self.lock().get(id)?.running
    }

    pub(crate) fn exited(&self, id: &str) -> Option<Condition> {
        self.lock().get(id)?.exited
    }

    pub(crate) fn is_bound(&self, id: &str) -> bool {
        self.lock().get(id).is_some_and(|entry| entry.bound)
    }

    pub(crate) fn learn_running(&self, id: &str, running: Running) {
        self.with(id, |entry| entry.running = Some(running));
    }

    pub(crate) fn learn_exited(&self, id: &str, condition: Condition) {
        self.with(id, |entry| entry.exited = Some(condition));
    }

    /// Once bound, always bound: a dyno that stops listening is not booting again.
    pub(crate) fn learn_bound(&self, id: &str) {
        self.with(id, |entry| entry.bound = true);
    }

    pub(crate) fn learn_out_of_memory(&self, id: &str) {
        self.with(id, |entry| entry.out_of_memory += 1);
    }

    pub(crate) fn out_of_memory(&self, id: &str) -> u64 {
        self.lock().get(id).map_or(0, |entry| entry.out_of_memory)
    }

    /// True for the first who asks.
    pub(crate) fn begin_watch(&self, id: &str) -> bool {
        self.with(id, |entry| !std::mem::replace(&mut entry.watched, true))
    }

    /// For the first who asks: where to say that the log has been read to its end.
    pub(crate) fn begin_log(&self, id: &str) -> Option<watch::Sender<bool>> {
        self.with(id, |entry| {
            if entry.log.is_some() {
                return None;
            }
            let (ended, log) = watch::channel(false);
            entry.log = Some(log);
            Some(ended)
        })
    }

    pub(crate) fn log(&self, id: &str) -> Option<watch::Receiver<bool>> {
        self.lock().get(id)?.log.clone()
    }

    /// It was started: how it ended before no longer counts.
    pub(crate) fn began(&self, id: &str) {
        if let Some(entry) = self.lock().get_mut(id) {
            entry.exited = None;
        }
    }

    /// It died: what was true of its run no longer is.
    pub(crate) fn turned(&self, id: &str) {
        if let Some(entry) = self.lock().get_mut(id) {
            entry.running = None;
            entry.exited = None;
        }
    }

    /// It is no more.
    pub(crate) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    fn with<T>(&self, id: &str, change: impl FnOnce(&mut Entry) -> T) -> T {
        change(self.lock().entry(id.to_owned()).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
