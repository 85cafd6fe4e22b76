//! Tells all connections at once that the router stops. Asking costs one load; no connection waits on a shared lock.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    task::Waker,
};

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// As long as nobody rings.
    Running,
    /// Somebody else takes new connections. Nobody is cut or hurried: clients are asked, with an answer, to connect anew.
    Leaving,
    /// What has begun comes to its end, nothing new begins.
    Stopping,
    /// Everything ends now.
    Forced,
}

#[derive(Default)]
pub(crate) struct Bell {
    phase: AtomicU8,
    next: AtomicU64,
    seats: Mutex<HashMap<u64, Waker>>,
}

impl Bell {
    pub(crate) fn is_leaving(&self) -> bool {
        self.phase.load(Ordering::Relaxed) >= Phase::Leaving as u8
    }

    pub(crate) fn phase(&self) -> Phase {
        [Phase::Running, Phase::Leaving, Phase::Stopping, Phase::Forced][usize::from(self.phase.load(Ordering::Relaxed))]
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.phase.load(Ordering::Relaxed) >= Phase::Stopping as u8
    }

    pub(crate) fn is_forced(&self) -> bool {
        self.phase.load(Ordering::Relaxed) >= Phase::Forced as u8
    }

    /// Wakes every connection to see the new phase.
    pub(crate) fn ring(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
        for waker in self.seats().values() {
            waker.wake_by_ref();
        }
    }

    /// Wakes this task when the phase changes, as long as the seat is held.
    pub(crate) fn seat(self: &Arc<Self>, waker: &Waker) -> Seat {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.seats().insert(number, waker.clone());
        Seat { bell: self.clone(), number }
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<u64, Waker>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Seat {
    bell: Arc<Bell>,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.bell.seats().remove(&self.number);
    }
}
