//! IPv4 networks, and what an admin writes of them.

use std::{fmt, net::Ipv4Addr, str::FromStr};

/// An IPv4 network: its first address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subnet {
    pub(crate) first: Ipv4Addr,
    pub(crate) prefix: u32,
}

impl Subnet {
    /// One address.
    pub(crate) const fn host(address: Ipv4Addr) -> Self {
        Self { first: address, prefix: 32 }
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        let shift = 32 - self.prefix.min(other.prefix);
        u64::from(self.first.to_bits()) >> shift == u64::from(other.first.to_bits()) >> shift
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

/// Where something can be sent: an address or a network, and perhaps one port: `10.1.2.3`, `10.1.2.3:3128`,
/// `10.1.0.0/16`, `10.1.0.0/16:5432`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    pub(crate) net: Subnet,
    /// Of TCP and UDP. `None`: everything.
    pub(crate) port: Option<u16>,
}

/// Why it is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDestination(String);

impl fmt::Display for InvalidDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no IPv4 address or network with or without a port, as 10.1.2.3:3128 or 10.1.0.0/16 are (a prefix has 8 to 32 bits)", self.0)
    }
}

impl std::error::Error for InvalidDestination {}

impl FromStr for Destination {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| InvalidDestination(text.to_owned()))
    }
}

/// The widest network that can be named. All of the internet in one entry is a slip, or a way around the rules.
const WIDEST: u32 = 8;

fn parse(text: &str) -> Option<Destination> {
    let (net, port) = match text.split_once(':') {
        Some((net, port)) => (net, Some(port.parse().ok().filter(|port| *port != 0)?)),
        None => (text, None),
    };
    let (address, prefix) = match net.split_once('/') {
        Some((address, prefix)) => (address, prefix.parse().ok().filter(|bits| (WIDEST..=32).contains(bits))?),
        None => (net, 32),
    };
    let address: Ipv4Addr = address.parse().ok()?;
    let first = Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - prefix)));
    Some(Destination { net: Subnet { first, prefix }, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_an_address_or_network_with_or_without_a_port() {
        for (text, net, port) in [
            ("10.1.2.3", "10.1.2.3/32", None),
            ("10.1.2.3:3128", "10.1.2.3/32", Some(3128)),
            ("10.1.2.3/16", "10.1.0.0/16", None),
            ("172.17.0.0/16:5432", "172.17.0.0/16", Some(5432)),
            ("10.0.0.0/8", "10.0.0.0/8", None),
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!((destination.net.to_string().as_str(), destination.port), (net, port), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none_and_named() {
        for text in
            ["", "0.0.0.0/0", "10.0.0.0/7", "10.0.0.0/33", "10.1.2.3:0", "10.1.2.3:70000", "example.com", "fd00::1", "10.1.2", "10.1.2.3 -j ACCEPT", "-"]
        {
            let error = text.parse::<Destination>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is no IPv4 address")), "{error}");
        }
    }
}
