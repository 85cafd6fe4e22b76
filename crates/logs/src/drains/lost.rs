//! How many lines a drain has lost, and who has been told.

use jiff::Timestamp;

/// So many lines, the first of them of this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) lines: u64,
    pub(super) since: Timestamp,
}

/// Two sums of the same losses: each is told to another.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// The receiver does not know of these yet.
    unsent: Option<Count>,
    /// The owner does not know of these yet.
    untold: Option<Count>,
}

impl Lost {
    pub(super) fn add(&mut self, count: Count) {
        join(&mut self.unsent, count);
        join(&mut self.untold, count);
    }

    /// A notice did not arrive: what it told of counts again for the receiver, and the owner knows it already.
    pub(super) fn notice(&mut self, count: Count) {
        join(&mut self.unsent, count);
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.unsent.is_some()
    }

    pub(super) fn has_untold(&self) -> bool {
        self.untold.is_some()
    }

    pub(super) fn take_unsent(&mut self) -> Option<Count> {
        self.unsent.take()
    }

    pub(super) fn take_untold(&mut self) -> Option<Count> {
        self.untold.take()
    }
}

fn join(sum: &mut Option<Count>, count: Count) {
    *sum = Some(match *sum {
        Some(before) => Count { lines: before.lines + count.lines, since: before.since.min(count.since) },
        None => count,
    });
}
