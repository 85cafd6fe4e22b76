//! Connections to drains. Somebody who may add one chooses where it leads, and we stand inside a network that they may not
//! see: addresses are looked at after the name was resolved, at every connection, and only those are connected to.

use std::{io, time::Duration};

use domain::DrainUrl;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::Outlet;

/// Of a socket, or of TLS over one.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Name, connection and handshake, each.
const LIMIT: Duration = Duration::from_secs(3);

/// Why a drain cannot be reached; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreached {
    #[error("its address is not a public one")]
    NotPublic,
    #[error("{0}")]
    Certificate(rustls::CertificateError),
    #[error("it took longer than three seconds")]
    TooSlow,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Outlet {
    pub(super) async fn connect(&self, url: &DrainUrl) -> Result<Box<dyn Stream>, Unreached> {
        let addresses = lookup_host((url.host.as_str(), url.port_or_usual()));
        let addresses: Vec<_> = within(addresses).await?.collect();
        // One bad address among good ones is a trick: all of them are refused.
        let trusted = self.hosts.contains(&url.authority());
        if addresses.is_empty() || !(trusted || addresses.iter().all(|address| (self.may_reach)(address.ip()))) {
            return Err(Unreached::NotPublic);
        }
        let tcp = within(TcpStream::connect(addresses.as_slice())).await?;
        tcp.set_nodelay(true)?;
        if !url.is_tls() {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(url.host.clone()).map_err(io::Error::other)?;
        match within(TlsConnector::from(self.tls.clone()).connect(name, tcp)).await {
            Ok(tls) => Ok(Box::new(tls)),
            Err(Unreached::Io(error)) => Err(certificate(&error).map_or(Unreached::Io(error), Unreached::Certificate)),
            Err(error) => Err(error),
        }
    }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> Result<T, Unreached> {
    Ok(timeout(LIMIT, work).await.map_err(|_| Unreached::TooSlow)??)
}

fn certificate(error: &io::Error) -> Option<rustls::CertificateError> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(error) => Some(error.clone()),
        _ => None,
    }
}
