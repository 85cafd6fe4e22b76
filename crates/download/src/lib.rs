//! [`ports::Downloads`] and [`ports::Posts`]: HTTP from and to public addresses only.
//!
//! Somebody who may deploy chooses the URL, and we stand inside a network that they may not see. So every address is looked
//! at after it was resolved and before it is connected to, for the first request and for each redirect, and the connection
//! goes to the very address that was looked at.

mod posts;
mod public;
mod vetted;

use std::{
    io::{self, Read},
    path::Path,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use ports::{ByteStream, DownloadError, Downloads};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::sync::{mpsc, oneshot};
use ureq::{
    Agent, ResponseExt,
    tls::{Certificate, RootCerts, TlsConfig},
    unversioned::transport::DefaultConnector,
};

use crate::vetted::{Refused, Vetted};
pub use crate::{posts::PublicPosts, public::may_be_reached};

const USER_AGENT: &str = concat!("mypaas/", env!("CARGO_PKG_VERSION"));
const CONNECT: Duration = Duration::from_secs(10);
/// To the first line of an answer.
const ANSWER: Duration = Duration::from_secs(60);
/// All of it, redirects included. Longer than this no build lasts.
const ALL: Duration = Duration::from_secs(15 * 60);
const REDIRECTS: u32 = 5;
/// Read at once, in bytes.
const CHUNK: usize = 64 * 1024;
/// Chunks on their way at once.
const IN_FLIGHT: usize = 8;
/// Where systems keep the certificates they trust.
const SYSTEM_BUNDLES: &[&str] = &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Downloads with the system's certificates, and those of `extra_ca_file`.
pub struct PublicDownloads {
    tls: TlsConfig,
    allowed: public::Rule,
    trusted: Arc<[String]>,
}

impl PublicDownloads {
    /// `extra_ca_file`: PEM certificates to trust besides the system's. `trusted`: the admin's own hosts, as `host` (on the
    /// usual ports) or `host:port`, whose addresses are not looked at.
    pub fn new(extra_ca_file: Option<&Path>, trusted: &[String]) -> io::Result<Self> {
        Ok(Self { trusted: trusted.into(), ..Self::with_rule(extra_ca_file, public::may_be_reached)? })
    }

    fn with_rule(extra_ca_file: Option<&Path>, allowed: public::Rule) -> io::Result<Self> {
        let certificates: Vec<_> = authorities(extra_ca_file)?.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&certificates))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        Ok(Self { tls, allowed, trusted: Arc::default() })
    }

    /// One agent per download: no connection is shared between people.
    fn agent(&self, refused: Refused) -> Agent {
        let config = Agent::config_builder()
            // A proxy would connect for us, to whatever it likes.
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(REDIRECTS)
            .max_redirects_will_error(true)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .timeout_global(Some(ALL))
            .user_agent(USER_AGENT)
            .accept_encoding("identity")
            .tls_config(self.tls.clone())
            .build();
        Agent::with_parts(config, DefaultConnector::default(), Vetted::new(self.allowed, self.trusted.clone(), refused))
    }
}

/// The system's certificates, and those of `extra_ca_file`.
fn authorities(extra_ca_file: Option<&Path>) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = |path: &Path| CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(io::Error::other);
    let mut trusted = SYSTEM_BUNDLES.iter().find_map(|path| read(Path::new(path)).ok()).unwrap_or_default();
    if let Some(path) = extra_ca_file {
        trusted.extend(read(path)?);
    }
    Ok(trusted)
}

/// TLS that trusts whom downloads trust, for others that connect to where strangers say.
pub fn tls_client(extra_ca_file: Option<&Path>) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(extra_ca_file)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(Arc::new(versions.with_root_certificates(roots).with_no_client_auth()))
}

#[async_trait]
impl Downloads for PublicDownloads {
    async fn get(&self, url: &str) -> Result<ByteStream, DownloadError> {
        let refused = Refused::default();
        let (agent, url) = (self.agent(refused.clone()), url.to_owned());
        let (chunks, mut received) = mpsc::channel(IN_FLIGHT);
        let (answers, answered) = oneshot::channel();
        tokio::task::spawn_blocking(move || match open(&agent, &url, &refused) {
            Ok(body) => {
                // Whoever asked may have gone.
                let _ = answers.send(Ok(()));
                pass_on(body, &chunks);
            }
            Err(error) => drop(answers.send(Err(error))),
        });
        answered.await.map_err(|_| DownloadError::Broken("the download broke off".to_owned()))??;
        Ok(stream::poll_fn(move |cx| received.poll_recv(cx)).boxed())
    }

    fn trusts(&self, host: &str) -> bool {
        self.trusted.iter().any(|trusted| trusted == host)
    }
}

fn open(agent: &Agent, url: &str, refused: &Refused) -> Result<impl Read + use<>, DownloadError> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(DownloadError::NoUrl);
    }
    let answer = agent.get(url).call().map_err(|error| refused.take().unwrap_or_else(|| meaning(&error)))?;
    if !matches!(answer.get_uri().scheme_str(), Some("http" | "https")) {
        return Err(DownloadError::NoUrl);
    }
    if !answer.status().is_success() {
        return Err(DownloadError::Status(answer.status().as_u16()));
    }
    Ok(answer.into_body().into_with_config().limit(u64::MAX).reader())
}

fn pass_on(mut body: impl Read, chunks: &mpsc::Sender<io::Result<Bytes>>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let chunk = match body.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => Ok(Bytes::copy_from_slice(&buffer[..count])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let broken = chunk.is_err();
        if chunks.blocking_send(chunk).is_err() || broken {
            return;
        }
    }
}

fn meaning(error: &ureq::Error) -> DownloadError {
    match error {
        ureq::Error::HostNotFound => DownloadError::UnknownHost("of that name".to_owned()),
        ureq::Error::Timeout(_) => DownloadError::TooSlow,
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => DownloadError::NoUrl,
        ureq::Error::TooManyRedirects => DownloadError::Broken("there were too many redirects".to_owned()),
        other => DownloadError::Broken(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_posts;
