//! The window a dyno's terminal is seen in: when it is made larger or smaller, somebody is told.

use std::thread;

use signal_hook::consts::SIGWINCH;
use signal_hook::iterator::{Handle, Signals};

use crate::terminal;

/// Watches the window until it is dropped.
pub(crate) struct Watch(Handle);

impl Watch {
    /// Tells every size (columns, lines) that differs from the one before, `known` being the first, for as long as telling makes sense:
    /// `tell` says so. While it tells, sizes that come and go are left out; the last one never is.
    pub(crate) fn begin(mut known: Option<(u16, u16)>, tell: impl Fn((u16, u16)) -> bool + Send + 'static) -> Option<Self> {
        let mut signals = Signals::new([SIGWINCH]).ok()?;
        let handle = signals.handle();
        let look = move || {
            let now = terminal::size();
            let changed = now.filter(|_| now != known);
            known = now.or(known);
            changed.is_none_or(&tell)
        };
        thread::spawn(move || watch(&mut signals, look));
        Some(Self(handle))
    }
}

fn watch(signals: &mut Signals, mut look: impl FnMut() -> bool) {
    // It may have changed since it was measured.
    if look() {
        signals.forever().take_while(|_| look()).for_each(drop);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.close();
    }
}
