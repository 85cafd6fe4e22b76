//! A client over TLS, and certificates for the router.

use std::{
    fmt::Write as _,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::ServerName};

use crate::world::patience;

/// Certificates that lie in files, one for each list of hosts.
pub(crate) struct Certificates {
    folder: tempfile::TempDir,
    hosts: &'static [&'static [&'static str]],
    trusted: RootCertStore,
}

impl Certificates {
    pub(crate) fn of(hosts: &'static [&'static [&'static str]]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let mut trusted = RootCertStore::empty();
        for (index, hosts) in hosts.iter().enumerate() {
            let key = rcgen::KeyPair::generate().expect("keys can be made");
            let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            let certificate = rcgen::CertificateParams::new(names).and_then(|certificate| certificate.self_signed(&key)).expect("they are names");
            trusted.add(certificate.der().clone()).expect("it is a certificate");
            fs::write(folder.path().join(format!("{index}.pem")), certificate.pem()).expect("a file can be written");
            fs::write(folder.path().join(format!("{index}.key")), key.serialize_pem()).expect("a file can be written");
        }
        Self { folder, hosts, trusted }
    }

    /// The lines of `[router]` that make apps answer over TLS with them.
    pub(crate) fn config(&self) -> String {
        let mut config = String::from("tls_port = 0\n");
        for (index, hosts) in self.hosts.iter().enumerate() {
            let path = |kind: &str| self.folder.path().join(format!("{index}.{kind}"));
            let _ = write!(config, "[[router.certificate]]\nhosts = {hosts:?}\nchain = {:?}\nkey = {:?}\n", path("pem"), path("key"));
        }
        config
    }

    /// Comes for one host, sends this, and reads until the router closes.
    #[track_caller]
    pub(crate) fn ask(&self, address: SocketAddr, name: &'static str, request: &str) -> String {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("the provider has them");
        let config = config.with_root_certificates(self.trusted.clone()).with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from(name).expect("it is a name")).expect("the config is sound");
        let stream = TcpStream::connect(address).expect("the router takes connections");
        stream.set_read_timeout(Some(patience())).expect("a socket takes options");
        let mut stream = StreamOwned::new(session, stream);
        stream.write_all(request.as_bytes()).expect("it takes what is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the session ends in order");
        answer
    }
}
