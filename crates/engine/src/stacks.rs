//! What the stacks are made of today, and who still runs on what they were before.

use std::collections::HashMap;

pub use ports::runtime::Base;

use crate::{platform::Platform, refusal::Refusal};

/// How many dynos there are on what a stack is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnBase {
    pub newest: u64,
    /// They move when they are next started.
    pub older: u64,
}

impl Platform {
    /// What dynos of each stack start on today; none while the engine is away.
    pub async fn bases(&self) -> Vec<Base> {
        self.runtime.bases().await.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "the stacks' images could not be looked at");
            Vec::new()
        })
    }

    /// How many dynos, of all apps, run on this base and how many on one that the stack had before.
    pub async fn dynos_on(&self, base: &Base) -> Result<OnBase, Refusal> {
        let worlds = self.store.read().await?.worlds().await?;
        let stacks: HashMap<_, _> = worlds.into_iter().filter_map(|world| Some((world.app.id, world.slug?.stack))).collect();
        let mut on = OnBase::default();
        for seen in self.runtime.list().await?.iter().filter(|seen| stacks.get(&seen.key.app) == Some(&base.stack)) {
            if seen.base.as_ref() == Some(&base.digest) {
                on.newest += 1;
            } else {
                on.older += 1;
            }
        }
        Ok(on)
    }
}
