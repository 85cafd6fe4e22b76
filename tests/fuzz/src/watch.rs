//! How long a run goes on, and what happens to an input that never ends.

use std::{
    process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::{SHORT, corpus};

#[expect(clippy::disallowed_methods, reason = "a test's length is a setting of whoever runs it")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// When a run is over.
pub(crate) enum Plan {
    Inputs(u64),
    #[expect(clippy::disallowed_types, reason = "a run of hours is measured in real time")]
    Until(std::time::Instant),
}

impl Plan {
    #[expect(clippy::disallowed_types, reason = "a run of hours is measured in real time")]
    pub(crate) fn from_environment() -> Self {
        match setting("FUZZ_SECONDS") {
            Some(seconds) => Self::Until(std::time::Instant::now() + Duration::from_secs(seconds)),
            None => Self::Inputs(setting("FUZZ_RUNS").unwrap_or(SHORT)),
        }
    }

    #[expect(clippy::disallowed_types, reason = "a run of hours is measured in real time")]
    pub(crate) fn goes_on(&self, count: u64) -> bool {
        match self {
            Self::Inputs(most) => count < *most,
            Self::Until(end) => std::time::Instant::now() < *end,
        }
    }
}

/// The seed of this run: always the same in a short one, another in each long one.
pub(crate) fn seed() -> u64 {
    let drawn = || if setting("FUZZ_SECONDS").is_some() { u64::from(process::id()) << 32 | address() } else { 1 };
    setting("FUZZ_SEED").unwrap_or_else(drawn)
}

/// Where a thing happens to lie in memory: as random as a seed has to be.
fn address() -> u64 {
    std::ptr::from_ref(&*Box::new(0_u8)).addr() as u64 & 0xffff_ffff
}

/// Ends the process when one input takes too long, and keeps the input.
pub(crate) struct Watch(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    number: u64,
    input: Vec<u8>,
    over: bool,
}

impl Watch {
    pub(crate) fn begin(target: &'static str, longest: Duration) -> Self {
        let shared: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let theirs = shared.clone();
        thread::spawn(move || {
            let (state, told) = &*theirs;
            let mut state = lock(state);
            while !state.over {
                let before = state.number;
                let (woken, timeout) =
                    told.wait_timeout_while(state, longest, |state| !state.over && state.number == before).unwrap_or_else(PoisonError::into_inner);
                state = woken;
                if timeout.timed_out() {
                    let path = corpus::keep(target, &state.input);
                    eprintln!("target {target} hangs, or takes more than {longest:?}: {}", path.display());
                    process::abort();
                }
            }
        });
        Self(shared)
    }

    /// What is being tried now.
    pub(crate) fn trying(&self, input: &[u8]) {
        let mut state = lock(&self.0.0);
        state.number += 1;
        input.clone_into(&mut state.input);
        drop(state);
        self.0.1.notify_one();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.0.0).over = true;
        self.0.1.notify_one();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
