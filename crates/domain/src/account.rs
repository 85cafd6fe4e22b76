//! People and the tokens they act with.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::{ids::Id, scope::Scopes};

/// Somebody who owns apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub email: Email,
    pub created_at: Timestamp,
}
pub type AccountId = Id<Account>;

/// A token's record: what it may do and until when. The token itself is known to its holder only; a hash is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    pub id: AuthorizationId,
    pub account: AccountId,
    /// Why it exists, as its maker put it.
    pub description: String,
    /// What the token may be used for.
    pub scopes: Scopes,
    pub created_at: Timestamp,
    /// `None`: until revoked.
    pub expires_at: Option<Timestamp>,
}
pub type AuthorizationId = Id<Authorization>;

impl Authorization {
    /// Whether the token still opens a door at `now`.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// An e-mail address, lower-cased; the name people log in with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

/// A text that is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Email is not an address like name@example.com")]
pub struct InvalidEmail;

impl Email {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let (user, host) = text.split_once('@').ok_or(InvalidEmail)?;
        let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '@' | ':' | ',' | '"' | '<' | '>'));
        if !plain(user) || !plain(host) || text.starts_with('-') || host.starts_with('-') || text.len() > 254 {
            return Err(InvalidEmail);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
