//! Removes what nothing needs any more: slugs no release names, images and build caches of apps that are gone.
//!
//! What is needed is read from the store, so that a crash between destroying an app and clearing up after it loses nothing.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use ports::{Blobs, runtime::Kept};

use crate::{
    background::{Round, Task},
    platform::Platform,
    refusal::Refusal,
};

/// A slug is written before the row that names it; one so old will not be named any more.
const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// The sweeper. One per control plane.
pub struct Leftovers {
    platform: Arc<Platform>,
    blobs: Arc<dyn Blobs>,
}

impl Leftovers {
    pub fn new(platform: Arc<Platform>, blobs: Arc<dyn Blobs>) -> Self {
        Self { platform, blobs }
    }

    async fn sweep(&self) -> Result<usize, Refusal> {
        let mut kept = Kept::default();
        let mut tx = self.platform.store.read().await?;
        for app in tx.apps().await? {
            kept.slugs.extend(tx.slugs_of(app.id).await?.into_iter().map(|slug| slug.sha256));
            kept.apps.insert(app.id);
        }
        drop(tx);
        self.platform.runtime.retain(&kept).await?;
        let before = self.platform.clock.now() - GRACE;
        self.blobs.retain(&kept.slugs, before).await.map_err(|error| Refusal::Platform(Box::new(error)))
    }
}

impl Task for Leftovers {
    const NAME: &'static str = "leftovers";
    const SWEEP: Duration = Duration::from_secs(600);

    async fn run(&mut self) -> Round {
        match self.sweep().await {
            Ok(done) => Round { done, ..Round::default() },
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "left-overs could not be removed; it is tried again");
                Round { failed: 1, waiting_for: vec![error.to_string()], ..Round::default() }
            }
        }
    }
}
