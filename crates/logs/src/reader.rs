//! One reader's way through a log: a tail's, or a drain's.

use std::{collections::VecDeque, sync::Arc};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    filter::Filter,
    logplex::{Channel, lock},
    tail::TailEvent,
};

/// Lines a reader takes at once.
const BATCH: usize = 64;

/// One reader's way through a log.
pub(crate) struct Reader {
    channel: Arc<Channel>,
    news: watch::Receiver<()>,
    cursor: u64,
    read: VecDeque<TailEvent>,
}

impl Reader {
    pub(crate) fn open(channel: Arc<Channel>, filter: Filter, lines: usize, after: Option<u64>) -> Self {
        let news = channel.news.subscribe();
        let cursor = lock(&channel.ring).open_cursor(filter, lines, after);
        Self { channel, news, cursor, read: VecDeque::new() }
    }

    /// The next event if it is there already.
    pub(crate) fn next_now(&mut self) -> Option<TailEvent> {
        if self.read.is_empty() {
            self.read_on();
        }
        self.read.pop_front()
    }

    /// What was thrown away unread up to now.
    pub(crate) fn missed(&self) -> Option<(u64, Timestamp)> {
        lock(&self.channel.ring).missed(self.cursor)
    }

    pub(crate) async fn next(&mut self) -> Option<TailEvent> {
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

impl Drop for Reader {
    fn drop(&mut self) {
        lock(&self.channel.ring).close_cursor(self.cursor);
    }
}
