//! How many are connected, altogether and from one address. Those not known yet count as well.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[derive(Clone)]
pub(super) struct Peers {
    all: usize,
    each: usize,
    connected: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection; counted until dropped.
pub(super) struct Peer {
    address: IpAddr,
    peers: Peers,
}

impl Peers {
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self { all, each, connected: Arc::default() }
    }

    /// `None`: there are too many already.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Peer> {
        // One machine, however it is written.
        let address = address.to_canonical();
        let mut connected = self.connected();
        if connected.values().sum::<usize>() >= self.all || connected.get(&address).is_some_and(|count| *count >= self.each) {
            return None;
        }
        *connected.entry(address).or_default() += 1;
        Some(Peer { address, peers: self.clone() })
    }

    fn connected(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut connected = self.peers.connected();
        if let Some(count) = connected.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                connected.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_another() {
        let peers = Peers::new(3, 2);
        let [one, same, two]: [IpAddr; 3] = ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        let held = (peers.admit(one).unwrap(), peers.admit(same).unwrap());
        assert!(peers.admit(one).is_none());
        let third = peers.admit(two).unwrap();
        assert!(peers.admit(two).is_none());
        drop(held);
        assert!(peers.admit(two).is_some());
        drop(third);
        assert!(peers.connected().is_empty());
    }
}
