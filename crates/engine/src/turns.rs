//! Whose turn it is: one build at a time per app, and for a push until its branch has moved.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use builder::Terminal;
use domain::AppId;
use tokio::sync::OwnedMutexGuard;

use crate::platform::{Platform, lock};

/// An app's turn. It ends when the last copy of it goes.
#[derive(Clone)]
pub struct Turn(#[expect(dead_code, reason = "held, not looked at")] Arc<OwnedMutexGuard<()>>);

/// The turns somebody has or waits for; those of all other apps are forgotten.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<AppId, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, app: AppId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = lock(&self.0);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let known = turns.get(&app).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let turn = Arc::default();
            turns.insert(app, Arc::downgrade(&turn));
            turn
        })
    }
}

impl Platform {
    /// The app's turn, if nobody has it.
    pub(crate) fn turn_if_free(&self, app: AppId) -> Option<Turn> {
        Some(Turn(Arc::new(self.turns.of(app).try_lock_owned().ok()?)))
    }

    /// Waits until no other build of the app is under way; whoever has to wait is told so.
    pub async fn take_turn(&self, app: AppId, terminal: &mut dyn Terminal) -> Turn {
        let turn = self.turns.of(app);
        let taken = match turn.clone().try_lock_owned() {
            Ok(taken) => taken,
            Err(_) => {
                terminal.line("-----> Another build of this app is under way; waiting for it to finish...");
                turn.lock_owned().await
            }
        };
        Turn(Arc::new(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_forgotten_with_its_last_holder() {
        let turns = Turns::default();
        let app = |byte| AppId::new(jiff::Timestamp::UNIX_EPOCH, [byte; 10]);
        let taken = Turn(Arc::new(turns.of(app(1)).try_lock_owned().expect("it is nobody's")));
        let copy = taken.clone();
        drop(taken);
        assert!(turns.of(app(1)).try_lock_owned().is_err(), "a copy still holds it");
        assert!(turns.of(app(2)).try_lock_owned().is_ok());
        drop(copy);
        assert!(turns.of(app(1)).try_lock_owned().is_ok());
        drop(turns.of(app(3)));
        assert_eq!(lock(&turns.0).len(), 1);
    }
}
