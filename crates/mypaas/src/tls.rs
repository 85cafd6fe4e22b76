//! Whom to trust: the given CA file and nothing else, or the system's bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Where systems keep their bundle: Debian, Fedora, Alpine and macOS.
const SYSTEM_BUNDLES: &[&str] = &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("The CA file {} cannot be used: {reason}.", path.display())]
    Ca { path: PathBuf, reason: String },
    #[error("TLS cannot be set up: {0}.")]
    Setup(#[from] rustls::Error),
}

/// The certificates to trust.
#[derive(Clone)]
pub(crate) struct Trust(Vec<CertificateDer<'static>>);

impl Trust {
    /// Reads `ca`, or the system's bundle when there is none.
    pub(crate) fn load(ca: Option<&Path>) -> Result<Self, TlsError> {
        if let Some(path) = ca {
            let refuse = |reason: String| TlsError::Ca { path: path.to_owned(), reason };
            let certificates = read(path).map_err(|error| refuse(error.to_string()))?;
            if certificates.is_empty() {
                return Err(refuse("it holds no certificate".into()));
            }
            return Ok(Self(certificates));
        }
        // A machine without any bundle can still talk to a server over plain HTTP.
        Ok(Self(SYSTEM_BUNDLES.iter().find_map(|path| read(Path::new(path)).ok()).unwrap_or_default()))
    }

    /// For HTTP requests.
    pub(crate) fn for_http(&self) -> TlsConfig {
        let certificates: Vec<_> = self.0.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&certificates))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build()
    }

    /// For the connection to an attached dyno.
    pub(crate) fn for_rendezvous(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.0.iter().cloned());
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_file_iter(path)?.collect()
}
