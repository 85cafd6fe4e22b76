//! What opens a backup. Never an argument: arguments are for everybody to read.

use std::path::Path;

use age::secrecy::SecretString;
use anyhow::{Context, ensure};

use crate::keys;

/// Shorter ones are guessed.
const SHORTEST: usize = 12;

pub(super) struct Passphrase(SecretString);

impl Passphrase {
    /// For a new backup: from a file, or asked for twice at the terminal.
    pub(super) fn chosen(file: Option<&Path>) -> anyhow::Result<Self> {
        let text = match file {
            Some(file) => keys::secret_in(file)?,
            None => {
                let first = asked("Passphrase for the backup: ")?;
                ensure!(first == asked("Once more: ")?, "the two are not the same");
                first
            }
        };
        ensure!(text.chars().count() >= SHORTEST, "the passphrase must have at least {SHORTEST} characters");
        Ok(Self(text.into()))
    }

    /// Of a backup that is there.
    pub(super) fn given(file: Option<&Path>) -> anyhow::Result<Self> {
        let text = file.map_or_else(|| asked("Passphrase of the backup: "), keys::secret_in)?;
        Ok(Self(text.into()))
    }

    pub(super) fn secret(&self) -> SecretString {
        self.0.clone()
    }
}

fn asked(question: &str) -> anyhow::Result<String> {
    rpassword::prompt_password(question).context("no passphrase could be read from the terminal; --passphrase-file FILE reads it from a file")
}
