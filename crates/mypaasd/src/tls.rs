//! A private certificate authority made at first start. Its key is thrown away once it has signed the server's
//! certificate: nobody can make it sign anything else.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::keys::{private_folder, turn_in, write_once};

/// The server's TLS settings; `tls/ca.pem` under home is what clients trust.
pub(crate) fn server_config(home: &Path, host: &str) -> anyhow::Result<Arc<ServerConfig>> {
    let folder = private_folder(&home.join("tls"))?;
    let (ca, certificate, key) = (folder.join("ca.pem"), folder.join("server.pem"), folder.join("server.key"));
    let turn = turn_in(&folder)?;
    // Made for another name, or interrupted in the making: made anew.
    let made_for = std::fs::read_to_string(folder.join("host")).unwrap_or_default();
    if made_for != host {
        make(host, &ca, &certificate, &key)?;
        write_once(&folder.join("host"), host.as_bytes())?;
    }
    drop(turn);
    let chain = CertificateDer::pem_file_iter(&certificate)?.collect::<Result<Vec<_>, _>>().context("tls/server.pem is no certificate")?;
    let key = PrivateKeyDer::from_pem_file(&key).context("tls/server.key is no private key")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?.with_no_client_auth().with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

fn make(host: &str, ca_file: &Path, certificate_file: &Path, key_file: &Path) -> anyhow::Result<()> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.distinguished_name.push(DnType::CommonName, "mypaas private authority");
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.contains(&host.to_owned()) {
        names.push(host.to_owned());
    }
    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, host);
    let server_key = KeyPair::generate()?;
    let server_certificate = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?;

    write_once(ca_file, authority_certificate.pem().as_bytes())?;
    write_once(certificate_file, server_certificate.pem().as_bytes())?;
    write_once(key_file, server_key.serialize_pem().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_once_per_name() {
        let home = tempfile::tempdir().unwrap();
        server_config(home.path(), "localhost").unwrap();
        let first = std::fs::read(home.path().join("tls/server.pem")).unwrap();
        server_config(home.path(), "localhost").unwrap();
        assert_eq!(std::fs::read(home.path().join("tls/server.pem")).unwrap(), first);
        server_config(home.path(), "paas.example.com").unwrap();
        assert_ne!(std::fs::read(home.path().join("tls/server.pem")).unwrap(), first);
    }
}
