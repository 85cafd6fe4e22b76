//! How many git processes may be at work at once, altogether and per account: one person's pushes leave room for another's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::AccountId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// A clone or push that finds no place waits so long for one, then is told to come back.
const WAIT: Duration = Duration::from_secs(10);

pub(crate) struct Places {
    all: Arc<Semaphore>,
    each: usize,
    people: Mutex<HashMap<AccountId, Arc<Semaphore>>>,
}

/// Held while the process is at work.
pub(crate) struct Place {
    _own: OwnedSemaphorePermit,
    _one_of_all: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(all: usize, each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), each, people: Mutex::default() }
    }

    /// `None`: none became free in time.
    pub(crate) async fn take(&self, account: AccountId) -> Option<Place> {
        let own = self.of(account);
        let both = async {
            let _own = own.acquire_owned().await.ok()?;
            Some(Place { _own, _one_of_all: self.all.clone().acquire_owned().await.ok()? })
        };
        timeout(WAIT, both).await.ok()?
    }

    fn of(&self, account: AccountId) -> Arc<Semaphore> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        // Only those at work are remembered.
        people.retain(|_, places| Arc::strong_count(places) > 1 || places.available_permits() < self.each);
        people.entry(account).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u8) -> AccountId {
        format!("00000000-0000-7000-8000-{number:012}").parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn one_person_leaves_room_for_another() {
        let places = Places::new(3, 2);
        let (ann, bob) = (account(1), account(2));
        let held = (places.take(ann).await.unwrap(), places.take(ann).await.unwrap());
        assert!(places.take(ann).await.is_none(), "two are hers");
        let third = places.take(bob).await.unwrap();
        assert!(places.take(bob).await.is_none(), "three is all there are");
        drop(held.0);
        assert!(places.take(bob).await.is_some());
        drop((held.1, third));
        assert!(places.take(ann).await.is_some());
        assert_eq!(places.people.lock().unwrap().len(), 1, "nobody is remembered for nothing");
    }
}
