//! Pushes that receive-pack works on, until their hook calls.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::AppId;
use engine::{Actor, Turn};
use tokio_util::sync::CancellationToken;

/// A push under way.
pub(crate) struct Ticket {
    pub(crate) actor: Actor,
    pub(crate) app: AppId,
    pub(crate) request_id: String,
    /// Where it comes from.
    pub(crate) source: Option<IpAddr>,
    /// Cancelled as soon as the hook has begun: from then on receive-pack is left to finish.
    pub(crate) begun: CancellationToken,
    /// The app's turn, once the push has it; kept until receive-pack has moved the refs.
    turn: Mutex<Option<Turn>>,
}

impl Ticket {
    pub(crate) fn new(actor: Actor, app: AppId, request_id: String, source: Option<IpAddr>) -> Self {
        Self { actor, app, request_id, source, begun: CancellationToken::new(), turn: Mutex::default() }
    }

    pub(crate) fn keep_turn(&self, turn: Turn) {
        *lock(&self.turn) = Some(turn);
    }

    pub(crate) fn end_turn(&self) {
        lock(&self.turn).take();
    }
}

/// The tickets, by the secret that the hook is given.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<String, Arc<Ticket>>>);

impl Tickets {
    pub(crate) fn issue(&self, secret: String, ticket: Arc<Ticket>) {
        lock(&self.0).insert(secret, ticket);
    }

    /// A ticket is good for one call.
    pub(crate) fn claim(&self, secret: &str) -> Option<Arc<Ticket>> {
        lock(&self.0).remove(secret)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
