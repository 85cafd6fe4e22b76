//! Archives from elsewhere.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::ByteStream;

/// Why nothing came. `Display` goes on after "the source " and may be shown to whoever asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DownloadError {
    #[error("could not be fetched: its address is no http or https URL")]
    NoUrl,
    #[error("could not be fetched: there is no host {0}")]
    UnknownHost(String),
    /// An address that a stranger must not make us talk to: loopback, private, link-local, our own.
    #[error("could not be fetched: {0} is not a public address")]
    NotPublic(String),
    #[error("could not be fetched: the server answered {0}")]
    Status(u16),
    #[error("could not be fetched: {0}")]
    Broken(String),
    #[error("could not be fetched: the server took too long")]
    TooSlow,
}

/// Fetches over HTTP from public addresses only, whatever the URL, its redirects and its DNS say.
#[async_trait]
pub trait Downloads: Send + Sync {
    /// The body of what is at `url`. It is not bounded in size: whoever reads stops when it is too much.
    async fn get(&self, url: &str) -> Result<ByteStream, DownloadError>;

    /// Whether an admin has named this host (`git.example.internal`, `10.0.0.7:3000`) as one of their own: it may be asked
    /// over plain HTTP and wherever it is.
    fn trusts(&self, _host: &str) -> bool {
        false
    }
}

/// A world with nothing but these pages.
#[derive(Debug, Clone, Default)]
pub struct FakeDownloads(pub Vec<(String, Bytes)>);

#[async_trait]
impl Downloads for FakeDownloads {
    async fn get(&self, url: &str) -> Result<ByteStream, DownloadError> {
        let (_, body) = self.0.iter().find(|(known, _)| known == url).ok_or(DownloadError::Status(404))?;
        Ok(stream::iter([Ok(body.clone())]).boxed())
    }
}
