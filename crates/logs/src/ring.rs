//! The last lines of one app, and how far each tail has read.

use std::collections::{BTreeMap, VecDeque};

use domain::{LogLine, Source, log_line::MAX_LINE};
use jiff::{SignedDuration, Timestamp};
use ports::log_sink::KeptOf;

use crate::{filter::Filter, tail::TailEvent};

/// A line and its place in its app's log. Numbers only ever grow, also over a restart of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    pub seq: u64,
    pub line: LogLine,
}

/// How much an app's log keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Logplex keeps 1,500.
    pub(crate) lines: usize,
    /// Lines that somebody is still to read are kept beyond that, up to so many.
    pub(crate) waiting: usize,
    /// Text, names and what holding them costs, all together.
    pub(crate) bytes: usize,
}

pub(crate) const BOUNDS: Bounds = Bounds { lines: 1_500, waiting: 10_000, bytes: 4 << 20 };

/// Lines in the order they came, numbered without gaps.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    lines: VecDeque<Numbered>,
    bytes: usize,
    /// The next line's number; 0 before the first.
    next: u64,
    /// The first number there ever was.
    first: u64,
    cursors: BTreeMap<u64, Cursor>,
    last_cursor: u64,
    /// The app is gone: nothing comes any more.
    pub(crate) closed: bool,
}

/// How far one tail has read.
#[derive(Debug)]
struct Cursor {
    filter: Filter,
    /// The number from which it has not looked yet.
    position: u64,
    /// Lines for it that were thrown away unread, and the time of the first one.
    missed: Option<(u64, Timestamp)>,
}

impl Ring {
    pub(crate) fn push(&mut self, line: LogLine, bounds: Bounds) {
        if self.next == 0 {
            // The time of the first line: a number that someone remembers from before a restart is smaller than any after.
            self.start_at(u64::try_from(line.at.as_microsecond()).unwrap_or(0).max(1));
        }
        self.bytes += size(&line);
        self.lines.push_back(Numbered { seq: self.next, line });
        self.next += 1;
        while self.lines.len() > bounds.waiting
            || (self.bytes > bounds.bytes && self.lines.len() > 1)
            || (self.lines.len() > bounds.lines && !self.oldest_is_awaited())
        {
            self.drop_oldest();
        }
    }

    /// The next line's number; 0 before the first.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number the first line will have, of an empty log.
    pub(crate) fn start_at(&mut self, next: u64) {
        self.next = next;
        self.first = next;
    }

    /// The lines from this number on.
    pub(crate) fn since(&self, position: u64) -> Vec<Numbered> {
        since(&self.lines, position).cloned().collect()
    }

    fn oldest_is_awaited(&self) -> bool {
        self.lines.front().is_some_and(|oldest| self.cursors.values().any(|cursor| cursor.position <= oldest.seq))
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.lines.pop_front() else { return };
        self.bytes -= size(&oldest.line);
        for cursor in self.cursors.values_mut() {
            if cursor.position <= oldest.seq && cursor.filter.matches(&oldest.line) {
                cursor.missed.get_or_insert((0, oldest.line.at)).0 += 1;
            }
        }
    }

    /// What is kept of a process's own lines lately.
    pub(crate) fn kept_of(&self, process: &str, bounds: Bounds) -> Option<KeptOf> {
        let own = self.lines.iter().map(|numbered| &numbered.line).filter(|line| line.source == Source::App && line.process == process).map(|line| line.at);
        let mut kept = KeptOf::of(own.clone())?;
        let full = self.lines.len() >= bounds.lines || self.bytes + 2 * MAX_LINE > bounds.bytes;
        if full && let Some(oldest) = own.min() {
            // Others of the same time may have been thrown away.
            kept.from = kept.from.max(oldest + SignedDuration::from_nanos(1));
            kept.times.retain(|at| *at >= kept.from);
        }
        Some(kept)
    }

    /// The last `count` lines that match, oldest first.
    pub(crate) fn last(&self, filter: &Filter, count: usize) -> Vec<Numbered> {
        let from = self.position_before(filter, count);
        since(&self.lines, from).filter(|numbered| filter.matches(&numbered.line)).cloned().collect()
    }

    /// A new tail: after the line `after` if it can tell, and before the last `count` lines otherwise.
    pub(crate) fn open_cursor(&mut self, filter: Filter, count: usize, after: Option<u64>) -> u64 {
        let position = match after {
            Some(after) if after < self.next => after + 1,
            // From the future: the machine's clock was set back over a restart.
            _ => self.position_before(&filter, count),
        };
        // What was thrown away while it was away; nobody knows any more what of it the filter would have shown.
        let gap = self.lines.front().filter(|oldest| (self.first..oldest.seq).contains(&position));
        let missed = gap.map(|oldest| (oldest.seq - position, oldest.line.at));
        self.last_cursor += 1;
        self.cursors.insert(self.last_cursor, Cursor { filter, position, missed });
        self.last_cursor
    }

    pub(crate) fn close_cursor(&mut self, cursor: u64) {
        self.cursors.remove(&cursor);
    }

    /// What this tail has not read yet, at most `most` lines of it.
    pub(crate) fn read(&mut self, cursor: u64, most: usize) -> Vec<TailEvent> {
        let Self { lines, cursors, .. } = self;
        let Some(cursor) = cursors.get_mut(&cursor) else { return Vec::new() };
        let mut events: Vec<_> = cursor.missed.take().map(|(count, since)| TailEvent::Dropped { count, since }).into_iter().collect();
        let most = events.len() + most;
        for numbered in since(lines, cursor.position) {
            if events.len() == most {
                break;
            }
            cursor.position = numbered.seq + 1;
            if cursor.filter.matches(&numbered.line) {
                events.push(TailEvent::Line { seq: numbered.seq, line: numbered.line.clone() });
            }
        }
        events
    }

    /// Takes what this tail missed, without reading on.
    pub(crate) fn missed(&mut self, cursor: u64) -> Option<(u64, Timestamp)> {
        self.cursors.get_mut(&cursor)?.missed.take()
    }

    fn position_before(&self, filter: &Filter, count: usize) -> u64 {
        let matching = self.lines.iter().rev().filter(|numbered| filter.matches(&numbered.line)).take(count);
        matching.last().map_or(self.next, |numbered| numbered.seq)
    }
}

fn since(lines: &VecDeque<Numbered>, position: u64) -> impl Iterator<Item = &Numbered> {
    let first = lines.front().map_or(0, |numbered| numbered.seq);
    let skip = usize::try_from(position.saturating_sub(first)).unwrap_or(usize::MAX).min(lines.len());
    lines.range(skip..)
}

fn size(line: &LogLine) -> usize {
    line.text.len() + line.process.len() + size_of::<Numbered>()
}
