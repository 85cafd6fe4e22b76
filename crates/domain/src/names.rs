//! The name of an app.

use std::{fmt, str::FromStr};

/// What stands before the app domain: `shop` in `shop.example.com`. 3 to 30 characters, parsed once at the edge.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppName(String);

/// Why a text is no app name, in Heroku's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppName {
    /// Fewer than three characters.
    #[error("Name is too short (minimum is 3 characters)")]
    TooShort,
    /// More than thirty characters.
    #[error("Name is too long (maximum is 30 characters)")]
    TooLong,
    /// A character or a place for one that a host name or we do not allow.
    #[error("Name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, and dashes")]
    Malformed,
    /// A name the platform answers itself.
    #[error("Name is reserved")]
    Reserved,
}

/// Names the platform answers itself, or that would mislead people about who answers.
const RESERVED: &[&str] = &["admin", "api", "auth", "console", "dashboard", "git", "localhost", "login", "logs", "mypaas", "registry", "root", "status", "www"];

impl AppName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name made of two words and a drawn number, as Heroku gives to an app created without one: `quiet-river-48213`.
    pub fn haiku(adjective: usize, noun: usize, number: u32) -> Self {
        let adjective = ADJECTIVES[adjective % ADJECTIVES.len()];
        let noun = NOUNS[noun % NOUNS.len()];
        Self(format!("{adjective}-{noun}-{:05}", number % 100_000))
    }
}

impl FromStr for AppName {
    type Err = InvalidAppName;

    fn from_str(text: &str) -> Result<Self, InvalidAppName> {
        let bytes = text.as_bytes();
        let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        // The character rule comes first: "…" must not be told that it is too short.
        let [first, .., last] = bytes else {
            return Err(if bytes.iter().all(|byte| byte.is_ascii_lowercase()) { InvalidAppName::TooShort } else { InvalidAppName::Malformed });
        };
        if !first.is_ascii_lowercase() || *last == b'-' || !bytes.iter().all(allowed) {
            return Err(InvalidAppName::Malformed);
        }
        match bytes.len() {
            ..3 => Err(InvalidAppName::TooShort),
            31.. => Err(InvalidAppName::TooLong),
            _ if RESERVED.contains(&text) || text.starts_with("xn--") => Err(InvalidAppName::Reserved),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const ADJECTIVES: &[&str] = &[
    "ancient", "autumn", "bold", "brave", "bright", "broad", "calm", "clear", "cool", "crisp", "dawn", "deep", "dry", "early", "fair", "fast", "fine",
    "floral", "fresh", "gentle", "glad", "golden", "grand", "green", "hidden", "high", "icy", "keen", "kind", "late", "light", "lively", "long", "lucky",
    "mellow", "mild", "misty", "morning", "neat", "noble", "pale", "patient", "plain", "polished", "proud", "quick", "quiet", "rapid", "rare", "red", "rich",
    "rough", "round", "sandy", "serene", "sharp", "shy", "silent", "silver", "slow", "small", "smooth", "snowy", "soft", "solid", "spring", "steady", "still",
    "summer", "sunny", "swift", "tall", "tidy", "vast", "warm", "white", "wide", "wild", "winter", "wise", "young",
];
const NOUNS: &[&str] = &[
    "acorn", "bay", "beach", "bird", "bloom", "breeze", "brook", "bush", "butte", "canyon", "cave", "cedar", "cliff", "cloud", "coast", "coral", "cove",
    "creek", "crest", "delta", "dew", "dune", "dusk", "earth", "falls", "feather", "fern", "field", "fire", "fjord", "flower", "fog", "forest", "frost",
    "garden", "glade", "grass", "grove", "harbor", "haze", "hill", "island", "lagoon", "lake", "leaf", "maple", "marsh", "meadow", "mesa", "mist", "moon",
    "moss", "oak", "ocean", "orchard", "path", "peak", "pebble", "pine", "plain", "pond", "prairie", "rain", "reef", "ridge", "river", "sea", "shadow",
    "shore", "sky", "slope", "snow", "spring", "star", "stone", "stream", "sun", "surf", "thunder", "tide", "trail", "tree", "valley", "violet", "wave",
    "willow", "wind", "wood",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile inputs 1–8.
    #[test]
    fn only_what_a_host_name_can_carry_is_a_name() {
        for good in ["shop", "a-b", "app1", "a23456789012345678901234567890"] {
            assert_eq!(good.parse::<AppName>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("", InvalidAppName::TooShort),
            ("ab", InvalidAppName::TooShort),
            ("a234567890123456789012345678901", InvalidAppName::TooLong),
            ("Shop", InvalidAppName::Malformed),
            ("1shop", InvalidAppName::Malformed),
            ("shop-", InvalidAppName::Malformed),
            ("-rf", InvalidAppName::Malformed),
            ("a;touch${IFS}/tmp/c", InvalidAppName::Malformed),
            ("$(id)", InvalidAppName::Malformed),
            ("..", InvalidAppName::Malformed),
            ("a/b", InvalidAppName::Malformed),
            ("sh\u{202e}op", InvalidAppName::Malformed),
            ("shop\n", InvalidAppName::Malformed),
            ("sh\0op", InvalidAppName::Malformed),
            ("api", InvalidAppName::Reserved),
            ("xn--shop", InvalidAppName::Reserved),
        ] {
            assert_eq!(bad.parse::<AppName>(), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn every_drawn_name_is_a_name() {
        for adjective in 0..ADJECTIVES.len() {
            for noun in 0..NOUNS.len() {
                let name = AppName::haiku(adjective, noun, 99_999);
                assert_eq!(name.as_str().parse(), Ok(name));
            }
        }
    }
}
