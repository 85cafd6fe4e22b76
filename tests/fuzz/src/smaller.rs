//! An input that fails, made smaller.

use std::{cell::Cell, panic, sync::Once};

/// Attempts at most.
const PATIENCE: usize = 2_000;

/// Takes parts away as long as it still fails.
pub(crate) fn smallest(input: &[u8], mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let (mut best, mut part, mut left) = (input.to_vec(), input.len() / 2, PATIENCE);
    while part > 0 {
        let mut start = 0;
        while start < best.len() && left > 0 {
            let candidate = [&best[..start], &best[(start + part).min(best.len())..]].concat();
            left -= 1;
            if fails(&candidate) {
                best = candidate;
            } else {
                start += part;
            }
        }
        part /= 2;
    }
    best
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Without the words a panic prints: they are told once, in the end.
pub(crate) fn quietly<T>(act: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let done = act();
    QUIET.set(false);
    done
}
