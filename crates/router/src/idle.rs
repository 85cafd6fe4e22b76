//! Connections to dynos that have nothing to do (`keep-alive`). One shelf per worker.

use std::{
    collections::HashMap,
    net::SocketAddr,
    pin::Pin,
    sync::Mutex,
    task::{Context, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::Instant,
};

use crate::{connect::DynoIo, worker::lock};

/// How long a connection may lie here (Heroku's Router 2.0: 90 s).
const AGE: Duration = Duration::from_secs(90);
/// Per dyno.
const KEPT: usize = 256;

#[derive(Default)]
pub(crate) struct Idle(Mutex<HashMap<SocketAddr, Vec<(DynoIo, Instant)>>>);

impl Idle {
    /// The connection used last that is still good.
    pub(crate) fn take(&self, address: SocketAddr) -> Option<DynoIo> {
        let mut shelves = lock(&self.0);
        let shelf = shelves.get_mut(&address)?;
        while let Some((mut io, since)) = shelf.pop() {
            if since.elapsed() < AGE && is_silent(&mut io) {
                return Some(io);
            }
        }
        None
    }

    pub(crate) fn put(&self, address: SocketAddr, io: DynoIo) {
        let mut shelves = lock(&self.0);
        let shelf = shelves.entry(address).or_default();
        if shelf.len() < KEPT {
            shelf.push((io, Instant::now()));
        }
    }

    /// Closes those that are too old, that the dyno closed, and those of dynos that are gone. False if none is left.
    pub(crate) fn tidy(&self, is_known: impl Fn(&SocketAddr) -> bool) -> bool {
        let mut shelves = lock(&self.0);
        shelves.retain(|address, shelf| {
            shelf.retain_mut(|(io, since)| since.elapsed() < AGE && is_silent(io));
            !shelf.is_empty() && is_known(address)
        });
        !shelves.is_empty()
    }
}

/// Nothing came, not even the end: the dyno still waits for a request.
fn is_silent(io: &mut DynoIo) -> bool {
    let mut byte = [0];
    Pin::new(io).poll_read(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte)).is_pending()
}
