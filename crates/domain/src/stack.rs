//! The operating system image that builds and dynos start from.

use std::{fmt, str::FromStr};

/// `heroku-24`: lowercase letters, digits and dashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackName(String);

/// A text that is no stack's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Stack names consist of lowercase letters, digits, and dashes")]
pub struct InvalidStackName;

impl StackName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As builds announce it: `Heroku-24`.
    pub fn title(&self) -> String {
        let mut letters = self.0.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    }
}

impl FromStr for StackName {
    type Err = InvalidStackName;

    fn from_str(text: &str) -> Result<Self, InvalidStackName> {
        let legal = !text.is_empty()
            && text.len() <= 40
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if legal { Ok(Self(text.to_owned())) } else { Err(InvalidStackName) }
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
