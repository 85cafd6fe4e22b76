//! Log drains: where an app's lines are sent besides being kept.

use std::fmt;

use jiff::Timestamp;

use crate::{app::AppId, ids::Id};

/// One place an app's lines go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    pub id: DrainId,
    pub app: AppId,
    /// `d.<uuid>`: what its receiver knows the app by.
    pub token: String,
    pub url: DrainUrl,
    pub created_at: Timestamp,
}

pub type DrainId = Id<Drain>;

/// Drains an app may have (Heroku's own limit).
pub const MOST_DRAINS: usize = 5;
/// In bytes.
const LONGEST_URL: usize = 2_048;

/// How a drain is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainScheme {
    Http,
    Https,
    Syslog,
    SyslogTls,
}

/// A drain's URL as somebody wrote it, taken apart. It may carry a password, or a token in its path: it does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct DrainUrl {
    text: String,
    pub scheme: DrainScheme,
    /// Lower case; an IPv6 address without its brackets.
    pub host: String,
    /// As written; `None`: the scheme's usual one.
    pub port: Option<u16>,
    /// User and password as bytes meant by them, percent signs resolved.
    credentials: Option<Vec<u8>>,
    target: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDrainUrl {
    #[error("Url is invalid. A drain is https://…, http://…, syslog://HOST:PORT or syslog+tls://HOST:PORT.")]
    Scheme,
    #[error("Url is invalid. It must name a host, and a port from 1 to 65535.")]
    Host,
    #[error("Url is invalid. A syslog drain needs a port: syslog://HOST:PORT.")]
    NoPort,
    #[error("Url is invalid. It may have only ASCII characters, no spaces, and at most {LONGEST_URL} of them.")]
    Characters,
    #[error("Url is invalid. Only https:// drains can have a user and a password.")]
    Credentials,
}

impl DrainUrl {
    /// The URL itself, for its owner's eyes and the store.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// `user:password`, to prove oneself with.
    pub fn credentials(&self) -> Option<&[u8]> {
        self.credentials.as_deref()
    }

    /// Path and query, of an HTTP drain.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The port that is connected to.
    pub fn port_or_usual(&self) -> u16 {
        self.port.unwrap_or(match self.scheme {
            DrainScheme::Http => 80,
            DrainScheme::Https => 443,
            DrainScheme::Syslog => 514,
            DrainScheme::SyslogTls => 6514,
        })
    }

    /// Whether it is encrypted.
    pub const fn is_tls(&self) -> bool {
        matches!(self.scheme, DrainScheme::Https | DrainScheme::SyslogTls)
    }

    /// `host`, or `host:port` if the URL names one: what `Host` headers and an admin's lists say.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        self.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
    }

    /// What may be told of it: neither who one is there nor what path it has.
    pub fn shown(&self) -> String {
        format!("{}://{}", self.scheme.word(), self.authority())
    }
}

impl DrainScheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Syslog, Self::SyslogTls];

    const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Syslog => "syslog",
            Self::SyslogTls => "syslog+tls",
        }
    }
}

impl std::str::FromStr for DrainUrl {
    type Err = InvalidDrainUrl;

    fn from_str(text: &str) -> Result<Self, InvalidDrainUrl> {
        if text.len() > LONGEST_URL || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidDrainUrl::Characters);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidDrainUrl::Scheme)?;
        let scheme = DrainScheme::ALL.into_iter().find(|known| known.word().eq_ignore_ascii_case(scheme)).ok_or(InvalidDrainUrl::Scheme)?;
        // Whatever a reader might take for the end of the host is one, so that what is vetted is what is connected to.
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        let (host, port) = host_and_port(place)?;
        let is_http = matches!(scheme, DrainScheme::Http | DrainScheme::Https);
        if !is_http && port.is_none() {
            return Err(InvalidDrainUrl::NoPort);
        }
        if user.is_some() && !is_http || target.contains('\\') {
            return Err(if user.is_some() { InvalidDrainUrl::Credentials } else { InvalidDrainUrl::Host });
        }
        let credentials = user.map(|user| decoded(if user.contains(':') { user.to_owned() } else { format!("{user}:") }.as_bytes()));
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { text: text.to_owned(), scheme, host, port, credentials, target })
    }
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), InvalidDrainUrl> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(InvalidDrainUrl::Host)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| InvalidDrainUrl::Host)?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or(InvalidDrainUrl::Host)?) })
        }
        None => {
            let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
                return Err(InvalidDrainUrl::Host);
            }
            (host, port)
        }
    };
    let port = port.map(|port| port.parse().ok().filter(|port| *port != 0).ok_or(InvalidDrainUrl::Host)).transpose()?;
    Ok((host.to_ascii_lowercase(), port))
}

/// Percent signs resolved; those that mean nothing stay.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, after) {
            (b'%', [high, low, beyond @ ..]) if let (Some(high), Some(low)) = (hex(*high), hex(*low)) => {
                out.push(high << 4 | low);
                rest = beyond;
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    out
}

impl fmt::Debug for DrainUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url: DrainUrl = "https://ann:p%40ss@Logs.Example.com:8443/in/s3cret?x=1".parse().unwrap();
        assert_eq!((url.scheme, url.host.as_str(), url.port_or_usual()), (DrainScheme::Https, "logs.example.com", 8443));
        assert_eq!((url.credentials(), url.target()), (Some(&b"ann:p@ss"[..]), "/in/s3cret?x=1"));
        assert_eq!(format!("{url:?}"), "https://logs.example.com:8443", "no password, no path");
        let url: DrainUrl = "syslog+tls://logs.example.com:6514".parse().unwrap();
        assert_eq!((url.scheme, url.is_tls(), url.authority().as_str()), (DrainScheme::SyslogTls, true, "logs.example.com:6514"));
        let url: DrainUrl = "http://[::1]?q".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port_or_usual(), url.target()), ("::1", 80, "/?q"));
    }

    /// Hostile inputs 68 to 70.
    #[test]
    fn what_is_no_drain_is_refused() {
        for (url, error) in [
            ("", InvalidDrainUrl::Scheme),
            ("ftp://example.com", InvalidDrainUrl::Scheme),
            ("file:///etc/passwd", InvalidDrainUrl::Scheme),
            ("https://", InvalidDrainUrl::Host),
            ("https://a b", InvalidDrainUrl::Characters),
            ("https://a\r\nHost: b", InvalidDrainUrl::Characters),
            ("https://exämple.com", InvalidDrainUrl::Characters),
            ("https://example.com:0/", InvalidDrainUrl::Host),
            ("https://example.com:99999/", InvalidDrainUrl::Host),
            ("https://[::1", InvalidDrainUrl::Host),
            ("https://[::1]x", InvalidDrainUrl::Host),
            ("https://good.com\\@bad.com/", InvalidDrainUrl::Host),
            ("syslog://example.com", InvalidDrainUrl::NoPort),
            ("syslog://ann:pass@example.com:514", InvalidDrainUrl::Credentials),
        ] {
            assert_eq!(url.parse::<DrainUrl>(), Err(error), "{url}");
        }
        assert_eq!("https://a@b@127.0.0.1/".parse::<DrainUrl>().unwrap().host, "127.0.0.1", "the last @ counts, as for every client");
    }
}
