//! Removes what nothing needs any more, again and again; [`crate::keeping`] says what that is.
//!
//! What is needed is read from the store, so that a crash between destroying an app and clearing up after it loses nothing.

use std::{sync::Arc, time::Duration};

use crate::{
    background::{Round, Task},
    platform::Platform,
};

/// The sweeper. One per control plane.
pub struct Leftovers(pub Arc<Platform>);

impl Task for Leftovers {
    const NAME: &'static str = "leftovers";
    const SWEEP: Duration = Duration::from_secs(600);

    async fn run(&mut self) -> Round {
        match self.0.sweep().await {
            Ok(done) => Round { done, ..Round::default() },
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "left-overs could not be removed; it is tried again");
                Round { failed: 1, waiting_for: vec![error.to_string()], ..Round::default() }
            }
        }
    }
}
