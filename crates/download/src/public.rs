//! Which addresses a stranger may make us talk to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Says whether an address may be reached.
pub(crate) type Rule = fn(IpAddr) -> bool;

/// Public, and not this machine's own.
pub fn may_be_reached(address: IpAddr) -> bool {
    is_public(address) && !is_ours(address)
}

/// Only what belongs to a machine can be bound there: whatever listens on a public address of ours (the control plane, the
/// router) is not for sources either.
fn is_ours(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Whether an address is one of the whole internet's (IANA special-purpose registries).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private, loopback, and from 224 on multicast, reserved, broadcast.
        (0 | 10 | 127 | 224..=255, ..) => true,
        // Shared with a carrier.
        (100, 64..=127, _) => true,
        // Link-local, where clouds keep their metadata.
        (169, 254, _) => true,
        (172, 16..=31, _) | (192, 168, _) => true,
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Those that carry an address of the other kind are as good as what they carry.
    if let Some(inside) = carried(address) {
        return is_public_v4(inside);
    }
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3; of it, 2001:0000::/23 is for protocols, 2001:db8::/32 and 3fff::/20 for documentation.
    (0x2000..0x4000).contains(&first) && !(first == 0x2001 && (second < 0x200 || second == 0xdb8)) && !(first == 0x3fff && second < 0x1000)
}

/// Mapped (::ffff:a.b.c.d), translated (64:ff9b::a.b.c.d) and 6to4 (2002:aabb:ccdd::).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let four = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => four(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile inputs 41.
    #[test]
    fn only_the_internet_is_public() {
        for address in
            ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2001:4860::8888", "::ffff:8.8.8.8", "2002:808:808::"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn our_own_addresses_are_known() {
        assert!(is_ours("127.0.0.1".parse().unwrap()));
        assert!(!is_ours("192.0.2.1".parse().unwrap()));
    }
}
