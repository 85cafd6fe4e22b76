//! The `[router]` section: TLS, HTTP/2, balancers and metrics of the router's ports.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use anyhow::Context;
use router::{CertificateFiles, Doors, Ends, Entrance, Network, Router, Tls};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::handover::{Estate, Predecessor, Role};

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Front {
    /// Where apps answer over TLS too, by the certificates below.
    pub(crate) tls_port: Option<u16>,
    /// `[[router.certificate]]`: the first one is also for names that have none.
    pub(crate) certificate: Vec<Certificate>,
    /// Balancers before this router, as `10.0.0.0/8`: they must speak the PROXY protocol, and are believed.
    pub(crate) balancers: Vec<String>,
    /// HTTP/2 in the clear, from clients that know of it.
    pub(crate) clear_http2: bool,
    /// Requests and tunnels of one app at once; above it is H22.
    pub(crate) app_connections: Option<usize>,
    /// Where Prometheus finds `/metrics`; not for the public.
    pub(crate) metrics: Option<SocketAddr>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    /// Names, `*.example.com` among them.
    pub(crate) hosts: Vec<String>,
    /// PEM files.
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

/// Ports that are open, before anything is served at them.
pub(crate) struct Ports {
    doors: Vec<Doors>,
    metrics: Option<std::net::TcpListener>,
    /// Of the first door.
    pub(crate) address: SocketAddr,
}

impl Ports {
    /// Takes over or opens all of them, or says which cannot be.
    pub(crate) fn open(clear: SocketAddr, front: &Front, before: &mut Predecessor) -> anyhow::Result<Self> {
        let balancers = front.balancers.iter().map(|text| network(text)).collect::<anyhow::Result<Vec<_>>>()?;
        let first = doors(clear, Role::Apps, before)?.through(Entrance { tls: None, balancers: balancers.clone(), clear_http2: front.clear_http2 });
        let address = first.address()?;
        let mut all = vec![first];
        if let Some(port) = front.tls_port {
            anyhow::ensure!(!front.certificate.is_empty(), "router.tls_port needs a [[router.certificate]]");
            let files: Vec<_> = front.certificate.iter().map(Certificate::files).collect();
            let tls = Tls::read(&files).context("router.certificate")?;
            let secure = doors(SocketAddr::new(clear.ip(), port), Role::AppsOverTls, before)?;
            tracing::info!("apps answer over TLS at {}", secure.address()?);
            all.push(secure.through(Entrance { tls: Some(tls), balancers, clear_http2: false }));
        }
        let metrics = front.metrics.map(|at| match before.take_one(Role::Metrics, at) {
            Some(listener) => Ok(listener),
            None => std::net::TcpListener::bind(at).with_context(|| format!("router.metrics: {at} cannot be opened")),
        });
        Ok(Self { doors: all, metrics: metrics.transpose()?, address })
    }

    /// The same sockets once more, to be handed over.
    pub(crate) fn copies(&self) -> anyhow::Result<Estate> {
        let mut estate = Estate::default();
        for (index, doors) in self.doors.iter().enumerate() {
            estate.add(if index == 0 { Role::Apps } else { Role::AppsOverTls }, doors.copies()?);
        }
        if let Some(listener) = &self.metrics {
            estate.add(Role::Metrics, vec![listener.try_clone()?.into()]);
        }
        Ok(estate)
    }

    /// Serves at all of them until told to leave or to stop.
    pub(crate) fn serve(self, router: &Arc<Router>, tasks: &TaskTracker, ends: &Ends) -> anyhow::Result<()> {
        for doors in self.doors {
            let serving = router.clone().serve_at(doors, ends.clone());
            tasks.spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "the router stopped");
                }
            });
        }
        if let Some(listener) = self.metrics {
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            let (router, ends) = (router.clone(), ends.clone());
            let app = axum::Router::new().route("/metrics", axum::routing::get(move || async move { router.metrics() }));
            tasks.spawn(async move {
                let ended = async move {
                    tokio::select! {
                        () = ends.leave.cancelled() => {}
                        () = ends.stop.cancelled() => {}
                    }
                };
                let serving = axum::serve(listener, app).with_graceful_shutdown(ended);
                if let Err(error) = serving.await {
                    tracing::error!(%error, "the metrics stopped");
                }
            });
        }
        Ok(())
    }
}

impl Certificate {
    fn files(&self) -> CertificateFiles {
        CertificateFiles { hosts: self.hosts.clone(), chain: self.chain.clone(), key: self.key.clone() }
    }
}

/// A port, once per core, or as often as the one before has opened it.
fn doors(address: SocketAddr, role: Role, before: &mut Predecessor) -> anyhow::Result<Doors> {
    let taken = before.take(role, address);
    if !taken.is_empty() {
        return Ok(Doors::taken_over(taken)?);
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Doors::open(address, threads).with_context(|| format!("port {address} cannot be opened; is something else using it? MYPAAS_PORT chooses another"))
}

fn network(text: &str) -> anyhow::Result<Network> {
    let wrong = || format!("router.balancers: {text:?} is no network such as \"10.0.0.0/8\"");
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().with_context(wrong)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Ok(most), str::parse::<u8>).with_context(wrong)?;
    anyhow::ensure!(prefix <= most, wrong());
    Ok(Network { address, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        assert_eq!(network("10.0.0.0/8").unwrap(), Network { address: [10, 0, 0, 0].into(), prefix: 8 });
        assert_eq!(network("::1").unwrap().prefix, 128);
        for text in ["10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/", "10.0.0.0/-1"] {
            network(text).unwrap_err();
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let front = Front { tls_port: Some(0), ..Front::default() };
        let error = Ports::open(([127, 0, 0, 1], 0).into(), &front, &mut Predecessor::default()).err().unwrap();
        assert!(error.to_string().contains("[[router.certificate]]"), "{error}");
    }
}
