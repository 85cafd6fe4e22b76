//! The PROXY protocol (versions 1 and 2): who the client behind a balancer is. Believed only from balancers that we trust.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest header of version 1, and what we take of version 2: addresses and a few extensions.
pub(crate) const MAX_HEADER: usize = 536;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const MAX_V1: usize = 107;

/// No PROXY header, from somebody who should send one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no PROXY protocol header")]
pub struct BadHeader;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The client, and the port that it asked. None: the balancer speaks for itself (a health check).
    pub client: Option<(IpAddr, u16)>,
    /// Bytes that the header takes.
    pub length: usize,
}

/// Reads a header. `Ok(None)`: more bytes are needed.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, BadHeader> {
    let shared = bytes.len().min(SIGNATURE.len());
    if bytes[..shared] == SIGNATURE[..shared] { version_2(bytes) } else { version_1(bytes) }
}

fn version_1(bytes: &[u8]) -> Result<Option<Header>, BadHeader> {
    let start = b"PROXY ";
    let shared = bytes.len().min(start.len());
    if bytes[..shared] != start[..shared] {
        return Err(BadHeader);
    }
    let Some(end) = memchr::memchr(b'\n', &bytes[..bytes.len().min(MAX_V1)]) else {
        return if bytes.len() >= MAX_V1 { Err(BadHeader) } else { Ok(None) };
    };
    let line = std::str::from_utf8(&bytes[..end]).ok().and_then(|line| line.strip_suffix('\r')).ok_or(BadHeader)?;
    let length = end + 1;
    let words: Vec<&str> = line.split(' ').collect();
    let client = match words[..] {
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", family, source, destination, source_port, port] => {
            let ip: IpAddr = source.parse().map_err(|_| BadHeader)?;
            let to: IpAddr = destination.parse().map_err(|_| BadHeader)?;
            let fits = matches!((family, ip, to), ("TCP4", IpAddr::V4(_), IpAddr::V4(_)) | ("TCP6", IpAddr::V6(_), IpAddr::V6(_)));
            let number = |text: &str| text.parse::<u16>().ok().filter(|_| !text.starts_with('+'));
            match (fits, number(source_port), number(port)) {
                (true, Some(_), Some(port)) => Some((ip, port)),
                _ => return Err(BadHeader),
            }
        }
        _ => return Err(BadHeader),
    };
    Ok(Some(Header { client, length }))
}

fn version_2(bytes: &[u8]) -> Result<Option<Header>, BadHeader> {
    let Some([version, family, high, low]) = bytes.get(12..16) else { return Ok(None) };
    let length = 16 + usize::from(u16::from_be_bytes([*high, *low]));
    if version >> 4 != 2 || version & 0xf > 1 || length > MAX_HEADER {
        return Err(BadHeader);
    }
    let Some(body) = bytes.get(16..length) else { return Ok(None) };
    let port = |at: usize| body.get(at..at + 2).map(|port| u16::from_be_bytes([port[0], port[1]])).ok_or(BadHeader);
    let client = match (version & 0xf, family) {
        (1, 0x11) => {
            let ip: [u8; 4] = body.get(..4).and_then(|ip| ip.try_into().ok()).ok_or(BadHeader)?;
            Some((Ipv4Addr::from(ip).into(), port(10)?))
        }
        (1, 0x21) => {
            let ip: [u8; 16] = body.get(..16).and_then(|ip| ip.try_into().ok()).ok_or(BadHeader)?;
            Some((Ipv6Addr::from(ip).into(), port(34)?))
        }
        _ => None,
    };
    Ok(Some(Header { client, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(bytes: &[u8], client: Option<(&str, u16)>) {
        let client = client.map(|(ip, port)| (ip.parse().unwrap(), port));
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Ok(None), "{end}");
        }
        let length = bytes.len();
        assert_eq!(parse(&[bytes, b"GET"].concat()), Ok(Some(Header { client, length })));
    }

    #[test]
    fn both_versions_in_any_pieces() {
        ends(b"PROXY TCP4 192.0.2.1 10.0.0.1 5000 443\r\n", Some(("192.0.2.1", 443)));
        ends(b"PROXY TCP6 2001:db8::1 ::1 5000 80\r\n", Some(("2001:db8::1", 80)));
        ends(b"PROXY UNKNOWN\r\n", None);
        ends(&[&SIGNATURE[..], &[0x21, 0x11, 0, 13, 192, 0, 2, 1, 10, 0, 0, 1, 0, 9, 1, 187, 4]].concat(), Some(("192.0.2.1", 443)));
        ends(&[&SIGNATURE[..], &[0x20, 0, 0, 0]].concat(), None);
    }

    #[test]
    fn nonsense() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(200));
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"PROXY TCP4 192.0.2.1 10.0.0.1 5000\r\n",
            b"PROXY TCP4 ::1 ::1 1 1\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 +1\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n",
            b"proxy unknown\r\n",
            long.as_bytes(),
            b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02ab",
        ] {
            assert_eq!(parse(bytes), Err(BadHeader), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
