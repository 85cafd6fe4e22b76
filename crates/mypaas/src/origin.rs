//! Scheme, host and port: what makes two URLs lead to the same server.

use std::fmt;
use std::str::FromStr;

use ureq::http::Uri;

/// The origin of a URL, in lower case and without the scheme's own port, so that equal origins are equal text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    scheme: String,
    /// An IPv6 address keeps its brackets.
    host: String,
    port: Option<u16>,
}

/// Why a text is not the address of a server.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not the address of a server: it should look like https://paas.example.com.")]
pub(crate) struct NotAnOrigin(String);

impl Origin {
    /// `host` or `host:port`, as git's credential protocol names it.
    pub(crate) fn host_and_port(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Whether what is sent stays on this machine or is encrypted.
    pub(crate) fn is_private(&self) -> bool {
        self.scheme == "https" || self.is_this_machine()
    }

    /// Whether it is a name or address of this machine's own.
    pub(crate) fn is_this_machine(&self) -> bool {
        self.host == "localhost" || self.host.ends_with(".localhost") || self.host.starts_with("127.") || self.host == "[::1]"
    }
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    /// Takes any URL; one without a scheme is `https`. Path and user are not part of an origin.
    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let refuse = || NotAnOrigin(text.to_owned());
        let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let uri: Uri = url.parse().map_err(|_| refuse())?;
        let scheme = uri.scheme_str().ok_or_else(refuse)?.to_ascii_lowercase();
        let own_port = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return Err(refuse()),
        };
        let authority = uri.authority().ok_or_else(refuse)?;
        let host = authority.host().to_ascii_lowercase();
        // What stands in the port's place has to be one: `git@example.com:shop.git` is no URL.
        let after_host = authority.as_str().rsplit('@').next().and_then(|text| text.get(host.len()..)).ok_or_else(refuse)?;
        let port = match after_host.strip_prefix(':') {
            Some(port) => Some(port.parse::<u16>().map_err(|_| refuse())?),
            None if host.is_empty() => return Err(refuse()),
            None => None,
        };
        let port = port.filter(|port| *port != own_port);
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host_and_port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_servers_have_equal_origins() {
        for (text, origin) in [
            ("https://Paas.Example.com", "https://paas.example.com"),
            ("paas.example.com/", "https://paas.example.com"),
            ("https://paas.example.com:443/apps?x#y", "https://paas.example.com"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("https://u:p@git.example.com:8443/shop.git", "https://git.example.com:8443"),
            ("https://[::1]:8443/", "https://[::1]:8443"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), origin);
        }
        for text in ["", "ftp://example.com", "https://", "git@example.com:shop.git", "http://a b"] {
            assert!(text.parse::<Origin>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_encrypted_or_local_is_private() {
        let private = |text: &str| text.parse::<Origin>().unwrap().is_private();
        assert!(private("https://example.com") && private("http://localhost:5000") && private("http://[::1]:1"));
        assert!(!private("http://example.com") && !private("http://localhost.example.com"));
    }
}
