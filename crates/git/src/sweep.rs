//! Removes the repositories of apps that are gone.

use std::{sync::Arc, time::Duration};

use engine::{Round, Task};

use crate::git::Git;

/// The sweeper of repositories.
pub struct Sweep(pub Arc<Git>);

impl Task for Sweep {
    const NAME: &'static str = "repositories";
    const SWEEP: Duration = Duration::from_secs(60);

    async fn run(&mut self) -> Round {
        match self.0.sweep().await {
            Ok(()) => Round::default(),
            Err(error) => {
                tracing::warn!(error = error.as_ref() as &dyn std::error::Error, "repositories of destroyed apps could not be removed; it is tried again");
                Round { failed: 1, waiting_for: vec![error.to_string()], ..Round::default() }
            }
        }
    }
}
