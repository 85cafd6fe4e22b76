//! The way in: TLS by name, HTTP/2 by ALPN and by prior knowledge, balancers that speak for their clients.

use std::{net::SocketAddr, path::Path, sync::Arc};

use domain::route::{Backend, Condition};
use ports::{Chance, clock::SystemClock};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use super::harness::{GET, OK, SETTINGS, Said, read_head, shop, table, values};
use crate::{CertificateFiles, Doors, Ends, Entrance, Network, Router, Tls};

struct Running {
    address: SocketAddr,
    said: Arc<Said>,
    head: Arc<std::sync::Mutex<String>>,
    stop: CancellationToken,
    _routes: watch::Sender<Arc<domain::route::RouteTable>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn run(entrance: Entrance) -> Running {
    let dyno = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = Backend { dyno: "web.1".parse().unwrap(), address: Some(dyno.local_addr().unwrap()), condition: Condition::Up };
    let head = Arc::new(std::sync::Mutex::new(String::new()));
    let seen = head.clone();
    tokio::spawn(async move {
        while let Ok((mut io, _)) = dyno.accept().await {
            let head = read_head(&mut io).await;
            *seen.lock().unwrap() = head;
            io.write_all(OK.as_bytes()).await.unwrap();
        }
    });
    let (routes, receiver) = watch::channel(table(shop(vec![backend])));
    let said = Arc::new(Said::default());
    let router = Router::new(receiver, said.clone(), Arc::new(SystemClock), Arc::new(Chance::seeded(3)), SETTINGS);
    let doors = Doors::open("127.0.0.1:0".parse().unwrap(), 2).unwrap().through(entrance);
    let address = doors.address().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(router.serve_at(doors, Ends { stop: stop.clone(), ..Ends::default() }));
    Running { address, said, head, stop, _routes: routes }
}

/// A certificate of its own for each of these, and whoever trusts them all.
fn certificates(folder: &Path, hosts: &[&str]) -> (Vec<CertificateFiles>, ClientConfig) {
    let mut trusted = RootCertStore::empty();
    let files = hosts.iter().enumerate().map(|(index, host)| {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![(*host).to_owned()]).unwrap().self_signed(&key).unwrap();
        trusted.add(certificate.der().clone()).unwrap();
        let (chain, private) = (folder.join(format!("{index}.pem")), folder.join(format!("{index}.key")));
        std::fs::write(&chain, certificate.pem()).unwrap();
        std::fs::write(&private, key.serialize_pem()).unwrap();
        CertificateFiles { hosts: vec![(*host).to_owned()], chain, key: private }
    });
    let files = files.collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap().with_root_certificates(trusted).with_no_client_auth();
    (files, config)
}

async fn secure(running: &Running, config: &ClientConfig, name: &str, alpn: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = config.clone();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(running.address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

#[tokio::test]
async fn each_name_has_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (files, client) = certificates(folder.path(), &["shop.localhost", "*.wild.localhost"]);
    let running = run(Entrance { tls: Some(Tls::read(&files).unwrap()), ..Entrance::default() }).await;
    secure(&running, &client, "a.wild.localhost", b"http/1.1").await.unwrap();
    secure(&running, &client, "other.localhost", b"http/1.1").await.expect_err("nobody has a certificate for it");
    let mut io = secure(&running, &client, "shop.localhost", b"http/1.1").await.unwrap();
    io.write_all(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    io.read_to_string(&mut answer).await.expect("the session is ended in order");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    let head = running.head.lock().unwrap().clone();
    assert_eq!(values(&head, "X-Forwarded-Proto"), ["https"]);
    assert_eq!(values(&head, "X-Forwarded-Port"), [running.address.port().to_string()]);
    assert!(running.said.all()[0].line().ends_with(" protocol=http1.1 tls=true tls_version=tls1.3"), "{}", running.said.all()[0].line());
}

#[tokio::test]
async fn http2_by_alpn_and_by_prior_knowledge() {
    let folder = tempfile::tempdir().unwrap();
    let (files, client) = certificates(folder.path(), &["shop.localhost"]);
    let running = run(Entrance { tls: Some(Tls::read(&files).unwrap()), ..Entrance::default() }).await;
    ask(h2::client::handshake(secure(&running, &client, "shop.localhost", b"h2").await.unwrap()).await.unwrap()).await;
    assert!(running.said.all()[0].line().ends_with(" protocol=http2.0 tls=true tls_version=tls1.3"));

    let running = run(Entrance { clear_http2: true, ..Entrance::default() }).await;
    ask(h2::client::handshake(TcpStream::connect(running.address).await.unwrap()).await.unwrap()).await;
    assert!(running.said.all()[0].line().ends_with(" protocol=http2.0 tls=false"));
    // HTTP/1 goes on beside it.
    let mut io = TcpStream::connect(running.address).await.unwrap();
    io.write_all(GET.as_bytes()).await.unwrap();
    assert!(read_head(&mut io).await.starts_with("HTTP/1.1 200 "));
}

async fn ask<C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static>(
    (client, connection): (h2::client::SendRequest<bytes::Bytes>, h2::client::Connection<C>),
) {
    let driven = tokio::spawn(async move {
        let _ = connection.await;
    });
    let mut client = client.ready().await.unwrap();
    let (answer, _) = client.send_request(http::Request::get("https://shop.localhost/").body(()).unwrap(), true).unwrap();
    let mut answer = answer.await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.body_mut().data().await.unwrap().unwrap(), "hello");
    assert!(answer.body_mut().data().await.is_none());
    driven.abort();
}

#[tokio::test]
async fn a_balancer_speaks_for_its_client_if_it_is_trusted() {
    let trust = |address: &str| Entrance { balancers: vec![Network { address: address.parse().unwrap(), prefix: 8 }], ..Entrance::default() };
    let running = run(trust("127.0.0.0")).await;
    let mut io = TcpStream::connect(running.address).await.unwrap();
    io.write_all(format!("PROXY TCP4 192.0.2.9 192.0.2.1 5000 443\r\n{GET}").as_bytes()).await.unwrap();
    assert!(read_head(&mut io).await.starts_with("HTTP/1.1 200 "));
    let head = running.head.lock().unwrap().clone();
    assert_eq!((values(&head, "X-Forwarded-For"), values(&head, "X-Forwarded-Port")), (vec!["192.0.2.9"], vec!["443"]));
    // One that must say it, and does not, is not served.
    let mut io = TcpStream::connect(running.address).await.unwrap();
    io.write_all(GET.as_bytes()).await.unwrap();
    assert!(matches!(io.read(&mut [0]).await, Ok(0) | Err(_)));

    // From anybody else it is no request.
    let running = run(trust("10.0.0.0")).await;
    let mut io = TcpStream::connect(running.address).await.unwrap();
    io.write_all(format!("PROXY TCP4 192.0.2.9 192.0.2.1 5000 443\r\n{GET}").as_bytes()).await.unwrap();
    assert!(read_head(&mut io).await.starts_with("HTTP/1.1 400 ") || running.said.all().is_empty());
}

#[tokio::test]
async fn a_flood_is_cut_off_and_counted() {
    let floods = Arc::new(crate::flood::Floods::default());
    let (mut client, router) = tokio::io::duplex(1 << 20);
    let mut guarded = crate::flood::Guarded::new(router, floods.clone());
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    (0..1000).for_each(|_| bytes.extend([0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]));
    client.write_all(&bytes).await.unwrap();
    guarded.read_to_end(&mut Vec::new()).await.expect_err("it ends before all is read");
    assert_eq!(floods.count(crate::flood::Flood::RapidReset), 1);
}

/// Asks for a host over a connection that was made for another; the answer's first line, and what the log says.
async fn cross(running: &Running, client: &ClientConfig, name: &str) -> (String, Option<String>) {
    let mut io = secure(running, client, name, b"http/1.1").await.unwrap();
    io.write_all(GET.replace("\r\n\r\n", "\r\nUser-Agent: a \"b\"\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    io.read_to_string(&mut answer).await.unwrap();
    (answer.lines().next().unwrap_or_default().to_owned(), running.said.all().last().map(crate::RequestRouted::line))
}

#[tokio::test]
async fn h31_and_h32_a_request_over_another_hosts_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (files, client) = certificates(folder.path(), &["other.localhost", "shop.localhost"]);
    let entrance = |files: &[CertificateFiles]| Entrance { tls: Some(Tls::read(files).unwrap()), ..Entrance::default() };

    let (status, line) = cross(&run(entrance(&files)).await, &client, "other.localhost").await;
    assert_eq!(status, "HTTP/1.1 421 Misdirected Request");
    let line = line.unwrap();
    assert!(line.starts_with("at=error code=H31 desc=\"Misdirected Request\" method=GET path=\"/\" host=shop.localhost request_id="), "{line}");
    let ends = " dyno= connect= service= status=421 bytes= protocol=http1.1 tls=true tls_version=tls1.3 agent=\"a %22b%22\"";
    assert!(line.ends_with(ends), "{line}");

    let (status, line) = cross(&run(entrance(&files[..1])).await, &client, "other.localhost").await;
    assert_eq!(status, "HTTP/1.1 495 SSL Certificate Error");
    let line = line.unwrap();
    assert!(line.starts_with("at=error code=H32 desc=\"TLS Certificate Mismatch\" method=GET ") && line.contains(" status=495 bytes= "), "{line}");

    // One certificate for both is a way to both, and so is one that names nobody.
    let key = CertificateFiles { hosts: vec!["other.localhost".into(), "*.localhost".into()], ..files[0].clone() };
    assert_eq!(cross(&run(entrance(&[key])).await, &client, "other.localhost").await.0, "HTTP/1.1 200 OK");
    let key = CertificateFiles { hosts: vec![], ..files[0].clone() };
    assert_eq!(cross(&run(entrance(&[key])).await, &client, "other.localhost").await.0, "HTTP/1.1 200 OK");
    // Whoever asks for the host itself has taken what was shown.
    let key = CertificateFiles { hosts: vec!["elsewhere.localhost".into()], ..files[1].clone() };
    assert_eq!(cross(&run(entrance(&[key])).await, &client, "shop.localhost").await.0, "HTTP/1.1 200 OK");
}
