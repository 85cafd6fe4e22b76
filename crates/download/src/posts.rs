//! [`ports::Posts`]: the same rule for what is sent as for what is fetched.

use std::{io, path::Path, time::Duration};

use async_trait::async_trait;
use ports::{
    DownloadError,
    posts::{Post, PostError, Posts},
};
use ureq::{Agent, unversioned::transport::DefaultConnector};

use crate::{
    PublicDownloads, USER_AGENT,
    vetted::{Refused, Vetted},
};

/// All of it, answer included.
const ALL: Duration = Duration::from_secs(10);

/// Sends with the system's certificates, and those of `extra_ca_file`.
pub struct PublicPosts(PublicDownloads);

impl PublicPosts {
    /// `extra_ca_file`: PEM certificates to trust besides the system's. `trusted`: the admin's own hosts, as `host` (on the
    /// usual ports) or `host:port`, whose addresses are not looked at.
    pub fn new(extra_ca_file: Option<&Path>, trusted: &[String]) -> io::Result<Self> {
        PublicDownloads::new(extra_ca_file, trusted).map(Self)
    }

    #[cfg(test)]
    pub(crate) fn with_rule(allowed: crate::public::Rule) -> io::Result<Self> {
        PublicDownloads::with_rule(None, allowed).map(Self)
    }

    /// One agent per request: no connection is shared between people.
    fn agent(&self, refused: Refused) -> Agent {
        let config = Agent::config_builder()
            // A proxy would connect for us, to whatever it likes.
            .proxy(None)
            .http_status_as_error(false)
            // Whoever is sent elsewhere would not sign for there.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(ALL))
            .user_agent(USER_AGENT)
            .tls_config(self.0.tls.clone())
            .build();
        Agent::with_parts(config, DefaultConnector::default(), Vetted::new(self.0.allowed, self.0.trusted.clone(), refused))
    }
}

#[async_trait]
impl Posts for PublicPosts {
    async fn post(&self, post: Post) -> Result<u16, PostError> {
        let refused = Refused::default();
        let agent = self.agent(refused.clone());
        // Nothing of the answer's body is read.
        let sent = tokio::task::spawn_blocking(move || {
            let mut request = agent.post(&post.url);
            for (name, value) in &post.headers {
                request = request.header(*name, value);
            }
            request.send(post.body.as_bytes()).map(|answer| answer.status().as_u16())
        });
        match sent.await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(meaning(&error, refused.take())),
            Err(_) => Err(PostError::Broken),
        }
    }
}

fn meaning(error: &ureq::Error, refused: Option<DownloadError>) -> PostError {
    match (refused, error) {
        (Some(DownloadError::NotPublic(_)), _) => PostError::NotPublic,
        (Some(DownloadError::UnknownHost(_)), _) | (None, ureq::Error::HostNotFound) => PostError::UnknownHost,
        (_, ureq::Error::Timeout(_)) => PostError::TooSlow,
        _ => PostError::Broken,
    }
}
