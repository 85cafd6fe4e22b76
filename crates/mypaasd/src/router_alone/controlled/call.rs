//! Calls to the control plane.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header, uri::Scheme};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// To a connection, and to the head of an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a call was not answered as it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    #[error("it says nothing")]
    Silent,
    #[error("what it says is no HTTP: {0}")]
    Broken(#[from] hyper::Error),
    #[error("it does not take our secret: the file named by --pass must hold what its keys/router holds")]
    Refused,
    #[error("it answers with {0}")]
    Status(StatusCode),
}

/// The control plane, where it is and how we show who we are.
pub(crate) struct Control {
    /// Several control planes on one database, of which one leads.
    places: Vec<Place>,
    /// Which of them answered last, or is asked next.
    current: AtomicUsize,
    pass: SecretString,
}

struct Place {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Control {
    /// Reads addresses such as `https://paas.example.com:5001`, one or more.
    pub(super) fn parse(urls: &[String], pass: SecretString, extra_ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let places = urls.iter().map(|url| Place::parse(url, extra_ca_file)).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!places.is_empty(), "--control needs an address");
        Ok(Self { places, current: AtomicUsize::new(0), pass })
    }

    /// The control plane of this installation, which listens at this address of this machine.
    pub(crate) fn here(listens: SocketAddr, pass: SecretString) -> Self {
        let ip = match listens.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let place = Place { host: ip.to_string(), port: listens.port(), tls: None };
        Self { places: vec![place], current: AtomicUsize::new(0), pass }
    }

    /// `GET` or `POST` of JSON, on a connection of its own. The answer was a success. One that does not answer, or stands by
    /// while another leads, leaves the next call to the next one.
    pub(super) async fn call(&self, method: Method, path: &str, json: Vec<u8>) -> Result<Response<Incoming>, CallError> {
        let current = self.current.load(Ordering::Relaxed);
        let answered = self.places[current % self.places.len()].call(&self.pass, method, path, json).await;
        let next = match &answered {
            Ok(_) | Err(CallError::Refused) => false,
            Err(CallError::Status(status)) => status.is_server_error(),
            Err(CallError::Unreachable(_) | CallError::Silent | CallError::Broken(_)) => true,
        };
        if next {
            // Two that fail at once go on by one.
            let _ = self.current.compare_exchange(current, current.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed);
        }
        answered
    }
}

impl Place {
    fn parse(url: &str, extra_ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let wrong = || format!("--control {url} is no address such as https://paas.example.com:5001");
        let uri: Uri = url.parse().with_context(wrong)?;
        ensure!(matches!(uri.path(), "" | "/") && uri.query().is_none(), wrong());
        let host = uri.host().with_context(wrong)?.trim_matches(['[', ']']).to_owned();
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        ensure!(secure || uri.scheme() == Some(&Scheme::HTTP), wrong());
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        ensure!(secure || here, "--control {url}: the secret goes to another machine, so this must be https");
        let tls = if secure {
            let config: Arc<ClientConfig> = download::tls_client(extra_ca_file).context("build.extra_ca_file could not be read")?;
            Some((TlsConnector::from(config), ServerName::try_from(host.clone()).with_context(wrong)?))
        } else {
            None
        };
        Ok(Self { port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }), host, tls })
    }

    async fn call(&self, pass: &SecretString, method: Method, path: &str, json: Vec<u8>) -> Result<Response<Incoming>, CallError> {
        let answered = timeout(PATIENCE, async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            match &self.tls {
                None => self.ask(stream, pass, method, path, json).await,
                Some((tls, name)) => self.ask(tls.connect(name.clone(), stream).await?, pass, method, path, json).await,
            }
        });
        let answer = answered.await.map_err(|_| CallError::Silent)??;
        match answer.status() {
            status if status.is_success() => Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(CallError::Refused),
            status => Err(CallError::Status(status)),
        }
    }

    async fn ask(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        pass: &SecretString,
        method: Method,
        path: &str,
        json: Vec<u8>,
    ) -> Result<Response<Incoming>, CallError> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the answer's body, or when nobody reads that any more; a failure is seen there too.
        drop(tokio::spawn(connection));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::CONNECTION, "close")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", pass.expose_secret()))
            .body(Full::new(Bytes::from(json)))
            .map_err(io::Error::other)?;
        Ok(sender.send_request(request).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_leaves_the_machine_only_over_tls() {
        let parse = |url: &str| Place::parse(url, None).map(|place| (place.host, place.port, place.tls.is_some()));
        assert_eq!(parse("http://localhost:5001").unwrap(), ("localhost".to_owned(), 5001, false));
        assert_eq!(parse("http://[::1]:5001/").unwrap(), ("::1".to_owned(), 5001, false));
        assert_eq!(parse("https://paas.example.com").unwrap(), ("paas.example.com".to_owned(), 443, true));
        assert!(parse("http://paas.example.com:5001").unwrap_err().to_string().ends_with("must be https"));
        for url in ["localhost:5001", "ftp://localhost", "http://localhost/api", "", "/", "http://localhost?x"] {
            parse(url).unwrap_err();
        }
    }
}
