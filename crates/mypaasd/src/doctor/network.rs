//! The ports, and the names that lead to them.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket, lookup_host},
    time::timeout,
};

use super::Finding;
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let running = answers(SocketAddr::new(reachable(config.listen.address), config.api_port())).await;
    let ports = [(Some(config.listen.port), "apps"), (Some(config.api_port()), "the API and git"), (config.ssh_port(), "git over SSH")];
    let mut findings = Vec::new();
    for (port, whose) in ports {
        let Some(port) = port else { continue };
        findings.push(port_of(SocketAddr::new(config.listen.address, port), whose, running).await);
    }
    findings.push(domain(config).await);
    findings
}

/// Whether a platform answers there already.
async fn answers(api: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(api).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        std::io::Result::Ok(said)
    };
    matches!(timeout(PATIENCE, asked).await, Ok(Ok(said)) if said.starts_with("HTTP/1.1 200") && (said.ends_with("ok\n") || said.ends_with("standby\n")))
}

async fn port_of(address: SocketAddr, whose: &str, running: bool) -> Finding {
    let said = |how: &str| format!("{address} for {whose}: {how}");
    match TcpListener::bind(address).await {
        Ok(_) if running => Finding::warning(
            "ports",
            said("nothing listens there, though mypaasd runs"),
            "is it another configuration that runs, or a control plane that stands by?",
        ),
        Ok(_) => Finding::good("ports", said("free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && running => Finding::good("ports", said("mypaasd listens")),
        Err(error) => Finding::wrong("ports", said(&error.to_string()), "end what else listens there, or set MYPAAS_PORT"),
    }
}

/// Where something that listens at this address is reached from here.
const fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        address => address,
    }
}

async fn domain(config: &Config) -> Finding {
    let domain = &config.apps.domain;
    if domain == "localhost" || domain.ends_with(".localhost") {
        return Finding::good("app domain", format!("{domain}: for this machine only; browsers and curl lead there by themselves"));
    }
    let name = format!("mypaas-doctor.{domain}");
    let addresses: Vec<IpAddr> = match timeout(PATIENCE, lookup_host((name.as_str(), 80))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        _ => Vec::new(),
    };
    if addresses.is_empty() {
        return Finding::wrong("app domain", format!("{name} leads nowhere"), format!("add a DNS record `*.{domain}` with this machine's address"));
    }
    let shown = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    // Only an address of this machine can be bound.
    for address in &addresses {
        if UdpSocket::bind((*address, 0)).await.is_ok() {
            return Finding::good("app domain", format!("*.{domain} leads to {shown}"));
        }
    }
    Finding::warning(
        "app domain",
        format!("*.{domain} leads to {shown}, which is not this machine"),
        "right if a balancer or address translation is before it; else correct the DNS record",
    )
}

#[cfg(test)]
mod tests {
    use super::{super::Status, *};

    #[tokio::test]
    async fn a_port_is_free_or_ours_or_somebody_elses() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(port_of(address, "apps", true).await.status, Status::Good);
        assert_eq!(port_of(address, "apps", false).await.status, Status::Wrong);
        drop(taken);
        assert_eq!(port_of(address, "apps", false).await.status, Status::Good);
        assert_eq!(port_of(address, "apps", true).await.status, Status::Warning);
        assert!(!answers(address).await);
    }
}
