//! What can go wrong between this program and a server, as sentences.

use std::error::Error as StdError;
use std::io;

use api_types::ErrorBody;

use crate::origin::Origin;

/// A request, as errors name it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) origin: Origin,
    /// `GET /apps`.
    pub(crate) name: String,
    /// What the server called it, if it answered.
    pub(crate) request_id: Option<String>,
}

/// Why a request has no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The server said no, and why.
    #[error("{}", sentence(&body.message))]
    Refused { status: u16, body: Box<ErrorBody>, request_id: Option<String> },
    /// The token is no longer taken.
    #[error("Your login to {} is not valid any more: it has expired or was ended.", call.origin)]
    LoginEnded { call: Box<Call>, environments_token: bool },
    /// The server has no such path: it is older than this program.
    #[error("{} does not know {}: it runs {}, and this program is {PROGRAM}.", call.origin, call.name, version_words(version.as_deref()))]
    NotKnown { call: Box<Call>, version: Option<String> },
    /// Something answered that does not speak the Platform API.
    #[error("{} is not a mypaas server: what it answers to {} ({status}) is not the Platform API's.", call.origin, call.name)]
    NotOurs { status: u16, call: Box<Call> },
    /// Something broke on the way, before or within the server.
    #[error("{} answered {status} to {}, without saying why.", call.origin, call.name)]
    Strange { status: u16, call: Box<Call> },
    /// The answer was a success that makes no sense.
    #[error("The answer of {} to {} cannot be understood: {reason}.", call.origin, call.name)]
    Unreadable { call: Box<Call>, reason: String, version: Option<String> },
    /// There was no answer.
    #[error("{}", no_answer(call, trouble))]
    Trouble { call: Box<Call>, trouble: Trouble },
}

/// The id of a refusal that wants a code besides the password.
const TWO_FACTOR: &str = "two_factor";
/// How a server of ours answers who is no admin.
const ADMINS_ONLY: &str = "Only admins of this platform";

/// This program's version.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

fn version_words(version: Option<&str>) -> String {
    version.map_or_else(|| "an older version".to_owned(), |version| format!("version {}", sentence(version)))
}

/// Why there was no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    NoNetwork,
    UnknownHost,
    Unreachable(String),
    TimedOut,
    Untrusted(String),
    BadUrl,
    Body(String),
}

impl Trouble {
    /// What the HTTP library's error means to a person.
    pub(crate) fn of(error: &ureq::Error) -> Self {
        match error {
            ureq::Error::HostNotFound => Self::UnknownHost,
            ureq::Error::Timeout(_) => Self::TimedOut,
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Self::BadUrl,
            ureq::Error::Rustls(error) => Self::Untrusted(error.to_string()),
            ureq::Error::Io(error) => Self::of_io(error),
            other => Self::Unreachable(other.to_string()),
        }
    }

    fn of_io(error: &io::Error) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = error.get_ref().map(|inner| inner as _);
        while let Some(inner) = cause {
            if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                return Self::Untrusted(tls.to_string());
            }
            cause = inner.source();
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Unreachable("nothing listens there".into()),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::TimedOut,
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => Self::NoNetwork,
            _ => match error.to_string() {
                // The resolver's own words; there is no kind for them.
                text if text.contains("Temporary failure in name resolution") => Self::NoNetwork,
                text if text.contains("failed to lookup address information") => Self::UnknownHost,
                text => Self::Unreachable(text),
            },
        }
    }
}

impl ClientError {
    /// Whether the password was right, and a code is wanted as well.
    pub(crate) fn wants_second_factor(&self) -> bool {
        matches!(self, Self::Refused { status: 403, body, .. } if body.id == TWO_FACTOR)
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::LoginEnded { environments_token: true, .. } => "it is the token in MYPAAS_TOKEN: set another one, or unset it and log in".to_owned(),
            Self::LoginEnded { call, .. } => format!("`mypaas login --server {}`", call.origin),
            Self::NotKnown { .. } => "ask the server's administrator to update it".to_owned(),
            Self::Refused { status: 401, .. } => "log in with `mypaas login`".to_owned(),
            Self::Refused { body, .. } if body.id == TWO_FACTOR => "your authenticator app shows a new code every 30 seconds, each is good once".to_owned(),
            // Who may be asked stands in the sentence.
            Self::Refused { status: 403, body, .. } if body.message.starts_with(ADMINS_ONLY) => "`mypaas whoami` shows who you are".to_owned(),
            Self::Refused { status: 403, body, .. } if body.url.is_none() => {
                "`mypaas whoami` shows who you are; an app's owner can give you access to it".to_owned()
            }
            Self::Refused { status: 404, body, .. } if body.resource.as_deref() == Some("app") => "`mypaas apps` lists your apps".to_owned(),
            Self::Refused { status: 404, body, .. } if body.resource.as_deref() == Some("user") => {
                "nobody is invited by mail: an admin of the server makes an account first, with `mypaasd account:create EMAIL`".to_owned()
            }
            Self::Refused { status: 429, .. } => "wait a minute, then try again".to_owned(),
            Self::Refused { status: 501, .. } => "this server cannot do that; a newer one may".to_owned(),
            Self::Refused { status: 500.., .. } | Self::Strange { status: 500.., .. } => {
                "try again; if it stays, give the server's administrator the request id".to_owned()
            }
            Self::Refused { body, .. } => format!("see {}", body.url.as_ref()?),
            Self::NotOurs { call, .. } | Self::Strange { call, .. } => {
                format!("look at the address: `mypaas login --server URL` goes to another than {}", call.origin)
            }
            Self::Unreadable { version, .. } => {
                format!("the server runs {}, and this program is {PROGRAM}: update the older one", version_words(version.as_deref()))
            }
            Self::Trouble { trouble: Trouble::Untrusted(_), .. } => {
                "if the server has a certificate authority of its own, name its file: `mypaas login --ca FILE`, or MYPAAS_CA".to_owned()
            }
            Self::Trouble { trouble: Trouble::BadUrl | Trouble::Body(_), .. } => return None,
            Self::Trouble { trouble: Trouble::NoNetwork, .. } => "look at this machine's connection; nothing was changed on the server".to_owned(),
            Self::Trouble { .. } => "check the address and that the server runs".to_owned(),
        };
        Some(hint)
    }

    /// What the server calls the request, for its administrator.
    pub(crate) fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { request_id, .. } => request_id.as_deref(),
            Self::LoginEnded { call, .. }
            | Self::NotKnown { call, .. }
            | Self::NotOurs { call, .. }
            | Self::Strange { call, .. }
            | Self::Unreadable { call, .. }
            | Self::Trouble { call, .. } => call.request_id.as_deref(),
        }
    }

    /// The status of an answer that was not a success.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Strange { status, .. } | Self::NotOurs { status, .. } => Some(*status),
            Self::LoginEnded { .. } => Some(401),
            Self::NotKnown { .. } => Some(404),
            _ => None,
        }
    }
}

fn no_answer(call: &Call, trouble: &Trouble) -> String {
    let Call { origin, name, .. } = call;
    match trouble {
        Trouble::NoNetwork => format!("{origin} cannot be reached: there is no network."),
        Trouble::UnknownHost => format!("{origin} cannot be reached: there is no host of that name."),
        Trouble::Unreachable(reason) => format!("{origin} cannot be reached: {reason}."),
        Trouble::TimedOut => format!("{origin} did not answer in time."),
        Trouble::Untrusted(reason) => format!("No safe connection to {origin}: {reason}."),
        Trouble::BadUrl => format!("{name} has an address that is not a URL."),
        Trouble::Body(reason) => format!("{name} cannot be written as JSON: {reason}."),
    }
}

/// The server's words, without what could move the terminal's cursor.
fn sentence(message: &str) -> String {
    message.chars().filter(|char| !char.is_control() || *char == '\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, resource: Option<&str>, message: &str) -> ClientError {
        let body = ErrorBody { id: "x".into(), message: message.into(), resource: resource.map(Into::into), url: None };
        ClientError::Refused { status, body: Box::new(body), request_id: Some("abc".into()) }
    }

    #[test]
    fn a_refusal_is_the_servers_sentence_with_what_to_do_next() {
        let error = refused(404, Some("app"), "Couldn't find that app.");
        assert_eq!(error.to_string(), "Couldn't find that app.");
        assert_eq!(error.hint().unwrap(), "`mypaas apps` lists your apps");
        assert_eq!(error.request_id(), Some("abc"));
        assert!(refused(404, Some("user"), "Couldn't find that user.").hint().unwrap().contains("account:create"));
        assert_eq!(refused(403, None, "Only admins of this platform may do that.").hint().unwrap(), "`mypaas whoami` shows who you are");
        assert_eq!(refused(422, None, "Name is already taken").hint(), None);
        assert_eq!(refused(501, None, "Not built yet.").hint().unwrap(), "this server cannot do that; a newer one may");
        assert_eq!(refused(401, None, "x").hint().unwrap(), "log in with `mypaas login`");
        assert_eq!(refused(422, None, "a\u{1b}[2Jb").to_string(), "a[2Jb");
    }

    #[test]
    fn the_network_has_its_own_sentences() {
        let origin: Origin = "http://localhost:1".parse().unwrap();
        let said = |error: ureq::Error| {
            let call = Call { origin: origin.clone(), name: "GET /apps".into(), request_id: None };
            ClientError::Trouble { call: Box::new(call), trouble: Trouble::of(&error) }.to_string()
        };
        assert_eq!(said(ureq::Error::HostNotFound), "http://localhost:1 cannot be reached: there is no host of that name.");
        let refused = ureq::Error::Io(io::ErrorKind::ConnectionRefused.into());
        assert_eq!(said(refused), "http://localhost:1 cannot be reached: nothing listens there.");
        let no_network = ureq::Error::Io(io::ErrorKind::NetworkUnreachable.into());
        assert_eq!(said(no_network), "http://localhost:1 cannot be reached: there is no network.");
        let no_resolver = ureq::Error::Io(io::Error::other("failed to lookup address information: Temporary failure in name resolution"));
        assert_eq!(said(no_resolver), "http://localhost:1 cannot be reached: there is no network.");
        let tls = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::General("no".into()));
        assert!(said(ureq::Error::Io(tls)).starts_with("No safe connection to http://localhost:1: "));
    }
}
