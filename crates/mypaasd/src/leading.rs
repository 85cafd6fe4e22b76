//! Two control planes or more on one PostgreSQL: which of them acts. Those that do not lead answer what can be read, and take over
//! within seconds of the leader's end, be it killed, frozen or cut off from the database.

use std::{convert::Infallible, os::unix::process::CommandExt, process::Command};

use anyhow::Context;
use store::{BEAT, Candidate, Leader, Seated, StoreError};

use crate::handover;

/// Looks until it leads. An error is for an admin to see to: waiting would not help.
pub(crate) async fn until_leading(candidate: &mut Candidate) -> anyhow::Result<Leader> {
    let mut trouble = Trouble::default();
    loop {
        match candidate.look().await {
            Ok(Some(leader)) => {
                tracing::info!(term = leader.term(), "this control plane leads");
                return Ok(leader);
            }
            Ok(None) => trouble.over(),
            Err(error @ StoreError::OtherKeys { .. }) => return Err(error.into()),
            Err(error) => trouble.told(&error),
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Gives signs of life until another control plane leads. Without the database nothing is decided: nobody can write then.
pub(crate) async fn until_deposed(mut leader: Leader) {
    let mut trouble = Trouble::default();
    loop {
        tokio::time::sleep(BEAT).await;
        match leader.beat().await {
            Ok(Seated::Leads) => trouble.over(),
            Ok(Seated::Deposed) => {
                tracing::warn!("another control plane leads now; this one begins anew and stands by");
                return;
            }
            Err(error) => trouble.told(&error),
        }
    }
}

/// Becomes a program that has just been started, as the same process: nothing that the old one had in mind outlives it.
pub(crate) fn begin_anew() -> anyhow::Result<Infallible> {
    let mut words = std::env::args_os();
    let program = words.next().context("this program does not know its own name")?;
    // Under the name it was started by: that of its file would be another one's after an upgrade.
    Err(Command::new(program).args(words).env_remove(handover::VARIABLE).exec()).context("this program could not be started anew")
}

/// Said once, and when it is over.
#[derive(Default)]
struct Trouble(bool);

impl Trouble {
    fn told(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.0, true) {
            tracing::warn!(error = error as &dyn std::error::Error, "it cannot be told which control plane leads; it is asked again");
        }
    }

    fn over(&mut self) {
        if std::mem::replace(&mut self.0, false) {
            tracing::info!("the database answers again");
        }
    }
}

#[cfg(test)]
mod tests;
