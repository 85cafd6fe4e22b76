//! Names become addresses here, and only addresses that pass are ever connected to.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use ports::DownloadError;
use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use crate::public::Rule;

/// Why a name was refused, told past the library, which has no words for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refused(Arc<Mutex<Option<DownloadError>>>);

impl Refused {
    pub(crate) fn take(&self) -> Option<DownloadError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, error: DownloadError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// Resolves, and passes on what the rule lets pass. The library connects to these addresses and to no others, and asks
/// again for every redirect.
pub(crate) struct Vetted {
    resolver: DefaultResolver,
    allowed: Rule,
    trusted: Arc<[String]>,
    refused: Refused,
}

impl Vetted {
    pub(crate) fn new(allowed: Rule, trusted: Arc<[String]>, refused: Refused) -> Self {
        Self { resolver: DefaultResolver::default(), allowed, trusted, refused }
    }
}

impl fmt::Debug for Vetted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vetted")
    }
}

impl Resolver for Vetted {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default();
        let resolved = self.resolver.resolve(uri, config, timeout).inspect_err(|error| {
            if matches!(error, ureq::Error::HostNotFound | ureq::Error::Io(_)) {
                self.refused.put(DownloadError::UnknownHost(host.to_owned()));
            }
        })?;
        // With the port only if the URL has one: `host` alone says nothing of what else listens there.
        let named = uri.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if !resolved.is_empty() && self.trusted.contains(&named) {
            return Ok(resolved);
        }
        // One bad address among good ones is a trick: all of them are refused.
        if resolved.is_empty() || !resolved.iter().all(|address| (self.allowed)(address.ip())) {
            self.refused.put(DownloadError::NotPublic(host.to_owned()));
            return Err(ureq::Error::HostNotFound);
        }
        Ok(resolved)
    }
}
