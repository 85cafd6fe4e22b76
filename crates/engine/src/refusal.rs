//! Why a person's request was not carried out.

use domain::{
    InvalidBuildpack, account::InvalidEmail, config_vars::InvalidConfigVar, domain_name::InvalidDomainName, drain::InvalidDrainUrl, dyno_size::UnknownDynoSize,
    formation::InvalidScale, names::InvalidAppName, procfile::InvalidProcessType, scope::UnknownScope, ssh_key::InvalidPublicKey, webhook::InvalidWebhook,
};
use ports::RuntimeError;
use store::StoreError;

/// `Display` is the sentence the person reads; the source is for the platform's log.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not there, or not theirs: nobody learns which.
    #[error("Couldn't find that {0}.")]
    NotFound(&'static str),
    #[error("Invalid credentials provided.")]
    Unauthorized,
    /// The password is right, and a code is missing or wrong.
    #[error("{0}")]
    SecondFactor(&'static str),
    /// They asked too often.
    #[error("{0}")]
    TooMany(&'static str),
    #[error("Only admins of this platform may do that. `mypaasd account:admin EMAIL` on the server makes somebody one.")]
    Forbidden,
    /// They may see it, and not do this with it.
    #[error("{0}")]
    NotAllowed(String),
    /// The slug that is asked for was given up.
    #[error("{0}")]
    Expired(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Conflict(String),
    /// The disk is nearly full.
    #[error("{0}")]
    NoRoom(String),
    /// Not built yet; says what to do instead.
    #[error("{0}")]
    NotYet(String),
    #[error("There is a problem on the platform's side. The request id is in the platform's log.")]
    Platform(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Platform(Box::new(error))
    }
}
impl From<RuntimeError> for Refusal {
    fn from(error: RuntimeError) -> Self {
        Self::Platform(Box::new(error))
    }
}

macro_rules! invalid {
    ($($error:ty),*) => { $(impl From<$error> for Refusal {
        fn from(error: $error) -> Self { Self::Invalid(error.to_string()) }
    })* };
}
invalid!(
    InvalidBuildpack,
    InvalidDomainName,
    InvalidAppName,
    InvalidConfigVar,
    InvalidDrainUrl,
    InvalidScale,
    UnknownDynoSize,
    InvalidProcessType,
    InvalidPublicKey,
    UnknownScope,
    InvalidEmail,
    InvalidWebhook
);
