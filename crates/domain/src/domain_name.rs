//! Host names that people bring to their apps.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::{app::AppId, ids::Id};

/// A host name that leads to an app besides the app's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomDomain {
    pub id: CustomDomainId,
    pub app: AppId,
    pub name: DomainName,
    pub created_at: Timestamp,
}
pub type CustomDomainId = Id<CustomDomain>;

/// A host name as DNS writes it (RFC 1123), in lower case; `*.` before it stands for all names below. There is one spelling
/// of each: names in other alphabets are taken in their `xn--` form only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainName(String);

/// Why a text is no host name that an app can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDomainName {
    #[error("Hostname is not a valid hostname, like www.example.com or *.example.com")]
    Malformed,
    #[error("Hostname must be written in ASCII; names in other alphabets begin with xn--")]
    NotAscii,
    #[error("Hostname is too long (maximum is 253 characters)")]
    TooLong,
    /// One label, a number, or what many people's names stand below.
    #[error("Hostname is not one that a single app can have")]
    TooWide,
}

/// What stands before a country's two letters where everybody's names begin: `co.uk`, `com.au`.
const SECOND_LEVEL: &[&str] = &["ac", "co", "com", "edu", "gob", "gov", "gouv", "ltd", "mil", "ne", "net", "nom", "or", "org", "plc", "sch"];

impl DomainName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind `*.`, if it is a wildcard.
    pub fn wildcard(&self) -> Option<&str> {
        self.0.strip_prefix("*.")
    }

    /// Whether some request could be for both: they are the same, or one is a wildcard above the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self == other || self.is_above(other) || other.is_above(self)
    }

    fn is_above(&self, other: &Self) -> bool {
        self.wildcard().is_some_and(|top| is_below(&other.0, top))
    }

    /// Whether it is this host, below it, or a wildcard that reaches it: names that are the platform's to give.
    pub fn touches(&self, host: &str) -> bool {
        self.0 == host || is_below(&self.0, host) || self.wildcard().is_some_and(|top| is_below(host, top))
    }
}

fn is_below(name: &str, top: &str) -> bool {
    name.strip_suffix(top).is_some_and(|rest| rest.ends_with('.'))
}

impl FromStr for DomainName {
    type Err = InvalidDomainName;

    fn from_str(text: &str) -> Result<Self, InvalidDomainName> {
        if !text.is_ascii() {
            return Err(InvalidDomainName::NotAscii);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.len() > 253 {
            return Err(InvalidDomainName::TooLong);
        }
        let labels: Vec<&str> = name.strip_prefix("*.").unwrap_or(&name).split('.').collect();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        let valid = |label: &&str| (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-');
        if !labels.iter().all(valid) {
            return Err(InvalidDomainName::Malformed);
        }
        match labels[..] {
            // `localhost` and what stands below it is this machine (RFC 6761); a last label of digits makes an address.
            [] | [_] | [.., "localhost"] => Err(InvalidDomainName::TooWide),
            [.., last] if last.bytes().all(|byte| byte.is_ascii_digit()) => Err(InvalidDomainName::TooWide),
            [second, country] if country.len() == 2 && SECOND_LEVEL.contains(&second) => Err(InvalidDomainName::TooWide),
            _ => Ok(Self(name)),
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    /// Hostile inputs 79.
    #[test]
    fn a_host_name_has_one_spelling() {
        for (text, written) in [
            ("www.example.com", "www.example.com"),
            ("WWW.Example.COM.", "www.example.com"),
            ("*.example.com", "*.example.com"),
            ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
            ("_dmarc.example.com", "_dmarc.example.com"),
            ("example.co.uk", "example.co.uk"),
        ] {
            assert_eq!(text.parse::<DomainName>().map(|name| name.to_string()), Ok(written.to_owned()), "{text}");
        }
        use InvalidDomainName::{Malformed, NotAscii, TooLong, TooWide};
        for (text, why) in [
            ("", Malformed),
            (".", Malformed),
            ("com", TooWide),
            ("*.com", TooWide),
            ("*", Malformed),
            ("*.*.example.com", Malformed),
            ("www.*.example.com", Malformed),
            ("w*.example.com", Malformed),
            ("co.uk", TooWide),
            ("*.co.uk", TooWide),
            ("localhost", TooWide),
            ("shop.localhost", TooWide),
            ("127.0.0.1", TooWide),
            ("*.0.0.1", TooWide),
            ("[::1]", Malformed),
            ("example.com:80", Malformed),
            ("http://example.com", Malformed),
            ("example..com", Malformed),
            ("example.com..", Malformed),
            ("-rf.example.com", Malformed),
            ("a-.example.com", Malformed),
            ("../x.com", Malformed),
            ("a b.com", Malformed),
            ("example.com\n", Malformed),
            ("ex\0ample.com", Malformed),
            ("$(id).example.com", Malformed),
            ("münchen.de", NotAscii),
            ("ex\u{430}mple.com", NotAscii),
            ("sh\u{202e}op.com", NotAscii),
        ] {
            assert_eq!(text.parse::<DomainName>(), Err(why), "{text:?}");
        }
        assert_eq!(format!("{}.com", "a".repeat(64)).parse::<DomainName>(), Err(Malformed));
        assert_eq!(format!("{}com", "a.".repeat(126)).parse::<DomainName>(), Err(TooLong));
    }

    #[test]
    fn wildcards_overlap_what_stands_below_them() {
        for (one, other, overlap) in [
            ("www.example.com", "www.example.com", true),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "*.eu.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "www.badexample.com", false),
            ("www.example.com", "api.example.com", false),
        ] {
            assert_eq!(name(one).overlaps(&name(other)), overlap, "{one} {other}");
            assert_eq!(name(other).overlaps(&name(one)), overlap, "{other} {one}");
        }
    }

    #[test]
    fn the_platforms_names_are_not_for_apps() {
        for (text, touches) in [
            ("apps.example.com", true),
            ("shop.apps.example.com", true),
            ("*.apps.example.com", true),
            ("*.example.com", true),
            ("example.com", false),
            ("www.example.com", false),
            ("*.www.example.com", false),
            ("myapps.example.com", false),
        ] {
            assert_eq!(name(text).touches("apps.example.com"), touches, "{text}");
        }
    }
}
