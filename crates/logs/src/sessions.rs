//! Log sessions: a secret URL through which one person reads one app's log (what `heroku logs` follows).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::AppId;
use jiff::{SignedDuration, Timestamp};
use ports::Chance;

use crate::filter::Filter;

/// What a session shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub app: AppId,
    pub filter: Filter,
    /// How many lines of history come first.
    pub lines: usize,
    /// Whether it goes on with what happens from then on.
    pub tail: bool,
}

/// A session that nobody has used for this long is over (Logplex: 360 s).
pub const UNUSED: SignedDuration = SignedDuration::from_secs(360);

/// More sessions than this are not kept: the one used longest ago goes first.
const MOST: usize = 10_000;

/// The open sessions, by secret. Kept in memory: a restart ends them, and the client asks for a new one.
#[derive(Debug)]
pub struct Sessions {
    chance: Arc<Chance>,
    open: Mutex<HashMap<String, (Session, Timestamp)>>,
}

impl Sessions {
    pub fn new(chance: Arc<Chance>) -> Self {
        Self { chance, open: Mutex::default() }
    }

    /// Opens a session and gives its secret, which is all that is needed to read the log.
    pub fn open(&self, app: AppId, filter: Filter, lines: usize, tail: bool, now: Timestamp) -> String {
        let secret = self.chance.secret();
        let mut open = self.lock();
        if open.len() >= MOST {
            open.retain(|_, (_, used)| *used + UNUSED > now);
        }
        if open.len() >= MOST {
            let idlest = open.iter().min_by_key(|(_, (_, used))| *used).map(|(secret, _)| secret.clone());
            idlest.map(|secret| open.remove(&secret));
        }
        open.insert(secret.clone(), (Session { app, filter, lines, tail }, now));
        secret
    }

    /// The session with this secret, if it is not over. Asking keeps it open: whoever streams a tail asks again now and
    /// then, so that a client whose connection breaks can come back to the same URL.
    pub fn get(&self, secret: &str, now: Timestamp) -> Option<Session> {
        let mut open = self.lock();
        let (session, used) = open.get_mut(secret)?;
        if *used + UNUSED <= now {
            open.remove(secret);
            return None;
        }
        *used = (*used).max(now);
        Some(session.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Session, Timestamp)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_over_when_nobody_has_used_it_for_six_minutes() {
        let chance = Arc::new(Chance::seeded(1));
        let start = Timestamp::UNIX_EPOCH;
        let after = |seconds| start + SignedDuration::from_secs(seconds);
        let sessions = Sessions::new(chance.clone());
        let secret = sessions.open(chance.id(start), Filter::default(), 100, true, start);
        let other = sessions.open(chance.id(start), Filter::default(), 100, true, start);
        assert_ne!(secret, other);
        assert_eq!(sessions.get("guess", start), None);
        assert_eq!(sessions.get(&secret, after(359)).map(|session| session.lines), Some(100));
        assert!(sessions.get(&secret, after(700)).is_some());
        assert_eq!(sessions.get(&secret, after(1060)), None);
        assert_eq!(sessions.get(&other, after(360)), None);
        assert_eq!(sessions.get(&other, after(0)), None);
    }

    #[test]
    fn sessions_do_not_pile_up() {
        let chance = Arc::new(Chance::seeded(1));
        let start = Timestamp::UNIX_EPOCH;
        let sessions = Sessions::new(chance.clone());
        let first = sessions.open(chance.id(start), Filter::default(), 1, false, start);
        for _ in 0..MOST {
            sessions.open(chance.id(start), Filter::default(), 1, false, start + SignedDuration::from_secs(1));
        }
        assert_eq!(sessions.lock().len(), MOST);
        assert_eq!(sessions.get(&first, start), None);
        sessions.open(chance.id(start), Filter::default(), 1, false, start + SignedDuration::from_secs(400));
        assert_eq!(sessions.lock().len(), 1);
    }
}
