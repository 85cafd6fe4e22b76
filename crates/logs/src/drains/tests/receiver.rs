//! A receiver that takes frames apart by itself and keeps what came.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// A private certificate authority.
pub(super) struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    pub(super) fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// For a server of another kind: `ca.pem`, `certificate.pem`, `key.pem`.
    pub(super) fn write(&self, name: &str, folder: &Path) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        for (file, text) in [("ca.pem", self.certificate.pem()), ("certificate.pem", certificate.pem()), ("key.pem", key.serialize_pem())] {
            fs::write(folder.join(file), text).unwrap();
        }
    }

    pub(super) fn server(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap()))
    }
}

#[derive(Default)]
struct Seen {
    messages: Vec<String>,
    requests: Vec<String>,
    answers: Vec<u16>,
    delay: Duration,
    connections: Vec<JoinHandle<()>>,
    /// `Logplex-Frame-Id` of what was taken: the same frame may come again when nobody heard the answer.
    frames: BTreeSet<String>,
}

pub(super) struct Receiver {
    seen: Arc<Mutex<Seen>>,
    port: u16,
    accepting: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn https(tls: TlsAcceptor) -> Self {
        Self::start("127.0.0.1:0".parse().unwrap(), Some(tls), true)
    }

    pub(super) async fn syslog(at: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        Self::start(at, tls, false)
    }

    fn start(at: SocketAddr, tls: Option<TlsAcceptor>, http: bool) -> Self {
        Self::with(at, tls, http, Arc::default())
    }

    fn with(at: SocketAddr, tls: Option<TlsAcceptor>, http: bool, seen: Arc<Mutex<Seen>>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(at).unwrap();
        let listener = socket.listen(64).unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { accepting: tokio::spawn(accept(listener, tls, http, seen.clone())), seen, port }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn messages(&self) -> Vec<String> {
        self.seen.lock().unwrap().messages.clone()
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections.len()
    }

    /// The next requests get these statuses, later ones 200.
    pub(super) fn answers_with(&self, statuses: &[u16]) {
        self.seen.lock().unwrap().answers = statuses.iter().rev().copied().collect();
    }

    pub(super) fn answers_after(&self, delay: Duration) {
        self.seen.lock().unwrap().delay = delay;
    }

    /// Every socket goes, as with the process, and another one begins at the same place, which knows what this one took.
    pub(super) async fn restart(self, tls: Option<TlsAcceptor>, http: bool) -> Self {
        let (port, seen) = (self.port, self.seen.clone());
        self.kill().await;
        Self::with(SocketAddr::from(([127, 0, 0, 1], port)), tls, http, seen)
    }

    /// Every socket goes, as with the process.
    pub(super) async fn kill(self) {
        self.accepting.abort();
        let connections = std::mem::take(&mut self.seen.lock().unwrap().connections);
        connections.iter().for_each(JoinHandle::abort);
        // Cancelled, which is what was wanted.
        let _ = self.accepting.await;
        for connection in connections {
            let _ = connection.await;
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, http: bool, seen: Arc<Mutex<Seen>>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (tls, to) = (tls.clone(), seen.clone());
        let task = tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    if let Ok(stream) = tls.accept(tcp).await {
                        serve(stream, http, &to).await;
                    }
                }
                None => serve(tcp, http, &to).await,
            }
        });
        seen.lock().unwrap().connections.push(task);
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, http: bool, seen: &Mutex<Seen>) {
    let mut stream = BufReader::new(stream);
    while (if http { request(&mut stream, seen).await } else { frame(&mut stream, seen).await }).is_some() {}
}

async fn frame(stream: &mut (impl AsyncRead + Unpin), seen: &Mutex<Seen>) -> Option<()> {
    let message = message(stream).await?;
    seen.lock().unwrap().messages.push(message);
    Some(())
}

/// RFC 6587: a length, a space, so many bytes.
async fn message(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut length = 0;
    loop {
        match stream.read_u8().await.ok()? {
            b' ' => break,
            digit => length = length * 10 + usize::try_from(char::from(digit).to_digit(10).expect("a length")).unwrap(),
        }
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(String::from_utf8(bytes).unwrap())
}

async fn request(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), seen: &Mutex<Seen>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse::<usize>().unwrap();
    let mut body = vec![0; header("content-length:")];
    stream.read_exact(&mut body).await.ok()?;
    let (mut rest, mut messages) = (body.as_slice(), Vec::new());
    while !rest.is_empty() {
        messages.push(message(&mut rest).await.expect("whole frames"));
    }
    assert_eq!(messages.len(), header("logplex-msg-count:"));
    let delay = seen.lock().unwrap().delay;
    tokio::time::sleep(delay).await;
    let status = {
        let mut seen = seen.lock().unwrap();
        let id = head.lines().find_map(|line| line.strip_prefix("logplex-frame-id: ")).unwrap().to_owned();
        seen.requests.push(head);
        let status = seen.answers.pop().unwrap_or(200);
        if status == 200 && seen.frames.insert(id) {
            seen.messages.extend(messages);
        }
        status
    };
    stream.write_all(format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.ok()
}

/// The numbers of the lines among messages.
pub(super) fn numbers(messages: &[String]) -> Vec<u64> {
    messages.iter().filter_map(|message| message.rsplit_once(" line ")?.1.trim().parse().ok()).collect()
}

/// The lines that L10 notices tell of.
pub(super) fn lost(messages: &[String]) -> u64 {
    let count = |message: &String| message.split_once("Error L10 (output buffer overflow): ")?.1.split(' ').next()?.parse::<u64>().ok();
    messages.iter().filter_map(count).sum()
}
