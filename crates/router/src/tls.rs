//! TLS by the name that a client asks for, with certificates from files.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use crate::http1::request::Refusal;

/// One certificate and whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Host names, `*.example.com` among them. Empty: for whoever asks for a name that has no certificate, or for none.
    pub hosts: Vec<String>,
    /// PEM: the host's own certificate first.
    pub chain: PathBuf,
    pub key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum BadCertificate {
    #[error("certificate {0} cannot be read: {1}")]
    Chain(PathBuf, rustls::pki_types::pem::Error),
    #[error("private key {0} cannot be read: {1}")]
    Key(PathBuf, rustls::pki_types::pem::Error),
    #[error("certificate {0} and its key cannot be used: {1}")]
    Unusable(PathBuf, rustls::Error),
}

/// The certificates of a port.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    names: Arc<ByName>,
}

#[derive(Debug, Default)]
struct ByName {
    hosts: HashMap<String, Arc<CertifiedKey>>,
    otherwise: Option<Arc<CertifiedKey>>,
    /// The one for all others names no hosts: nobody can say whom it is not for.
    is_for_all: bool,
}

impl ByName {
    /// The certificate of a lower-case name.
    fn of(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        // A wildcard's star is one label (RFC 6125).
        self.hosts.get(name).or_else(|| self.hosts.get(&format!("*.{}", name.split_once('.')?.1)))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.of(&name.to_ascii_lowercase()));
        named.or(self.otherwise.as_ref()).cloned()
    }
}

/// Whom a client asked for when it came.
#[derive(Debug)]
pub(crate) struct Asked {
    name: String,
    names: Arc<ByName>,
}

impl Asked {
    /// Whether a request for this host, in lower case, may come over this connection. One certificate may be for many hosts, and
    /// browsers use one connection for all of them; but one host's connection is not a way to another's.
    pub(crate) fn admits(&self, host: &str) -> Result<(), Refusal> {
        if self.name == host {
            return Ok(());
        }
        let named = self.names.of(&self.name);
        let shown = named.or(self.names.otherwise.as_ref());
        match self.names.of(host) {
            Some(own) if shown.is_some_and(|shown| Arc::ptr_eq(shown, own)) => Ok(()),
            Some(_) => Err(Refusal::Misdirected),
            None if self.names.is_for_all && named.is_none() => Ok(()),
            None if self.names.is_for_all => Err(Refusal::Misdirected),
            None => Err(Refusal::CertificateMismatch),
        }
    }
}

impl Tls {
    /// Reads all of them, or says what is wrong with one.
    pub fn read(files: &[CertificateFiles]) -> Result<Self, BadCertificate> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut names = ByName::default();
        for file in files {
            let key = Arc::new(certified(&provider, &file.chain, &file.key)?);
            for host in &file.hosts {
                names.hosts.insert(host.to_ascii_lowercase(), key.clone());
            }
            if file.hosts.is_empty() || names.otherwise.is_none() {
                names.otherwise = Some(key);
                names.is_for_all = file.hosts.is_empty();
            }
        }
        let names = Arc::new(names);
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = versions.map_err(|error| BadCertificate::Unusable(PathBuf::new(), error))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(names.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), names })
    }

    pub(crate) const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// For a client that asked for this name.
    pub(crate) fn asked(&self, name: &str) -> Arc<Asked> {
        Arc::new(Asked { name: name.to_ascii_lowercase(), names: self.names.clone() })
    }
}

fn certified(provider: &rustls::crypto::CryptoProvider, chain: &Path, key: &Path) -> Result<CertifiedKey, BadCertificate> {
    let certificates = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|error| BadCertificate::Chain(chain.to_owned(), error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| BadCertificate::Key(key.to_owned(), error))?;
    CertifiedKey::from_der(certificates, private, provider).map_err(|error| BadCertificate::Unusable(chain.to_owned(), error))
}

/// As the log names it.
pub(crate) fn version_name(version: Option<rustls::ProtocolVersion>) -> &'static str {
    match version {
        Some(rustls::ProtocolVersion::TLSv1_2) => "tls1.2",
        Some(rustls::ProtocolVersion::TLSv1_3) => "tls1.3",
        _ => "unknown",
    }
}
