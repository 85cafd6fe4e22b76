//! What happens to a connection before it speaks HTTP: who it is from, TLS, and which HTTP it will be.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use crate::{
    connect::Stream,
    http2,
    over::{Over, Reading},
    proxy_protocol::{self, MAX_HEADER},
    tls::{Tls, version_name},
    worker::{Peer, Worker},
};

/// What a client goes through on its way in.
#[derive(Clone, Default)]
pub struct Entrance {
    /// Ended here.
    pub tls: Option<Tls>,
    /// Balancers, as networks, whose word on their clients is believed. They must say it.
    pub balancers: Vec<Network>,
    /// HTTP/2 in the clear, from clients that know that we speak it.
    pub clear_http2: bool,
}

/// `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    /// Bits that count.
    pub prefix: u8,
}

impl Network {
    fn contains(&self, ip: IpAddr) -> bool {
        let bits = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, 32),
            IpAddr::V6(ip) => (u128::from(ip), 128),
        };
        let ((ours, length), (theirs, their_length)) = (bits(self.address), bits(ip.to_canonical()));
        let prefix = u32::from(self.prefix).min(length);
        let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
        length == their_length && ours & mask == theirs & mask
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Entrance {
    /// Nothing happens on the way in.
    pub(crate) fn is_plain(&self) -> bool {
        self.tls.is_none() && self.balancers.is_empty() && !self.clear_http2
    }
}

impl Worker {
    /// Lets a connection in, then serves it.
    pub(crate) async fn enter(self: Arc<Self>, stream: TcpStream, mut peer: Peer, entrance: Arc<Entrance>) {
        let limit = self.router.settings.timeouts.head;
        let let_in = async {
            let mut stream = Begun { io: stream, reading: Again(Vec::new()) };
            if entrance.balancers.iter().any(|balancer| balancer.contains(peer.ip)) {
                stream.introduce(&mut peer).await?;
            }
            io::Result::Ok(stream)
        };
        let Ok(Ok(stream)) = timeout(limit, let_in).await else { return };
        match &entrance.tls {
            Some(tls) => {
                let Ok(Ok(stream)) = timeout(limit, tls.acceptor().accept(stream)).await else { return };
                let session = stream.get_ref().1;
                peer.proto = "https";
                peer.tls = Some(version_name(session.protocol_version()));
                peer.asked = session.server_name().map(|name| tls.asked(name));
                let is_http2 = session.alpn_protocol() == Some(b"h2");
                self.speak(stream, peer, is_http2).await;
            }
            None if entrance.clear_http2 => {
                let mut stream = stream;
                let Ok(Ok(is_http2)) = timeout(limit, stream.begins_with(PREFACE)).await else { return };
                self.speak(stream, peer, is_http2).await;
            }
            None => self.speak(stream, peer, false).await,
        }
    }

    async fn speak<C: Stream>(self: Arc<Self>, io: C, peer: Peer, is_http2: bool) {
        if is_http2 { http2::serve(self, io, peer).await } else { self.serve_connection(io, peer).await }
    }
}

/// A connection of which something was read already.
type Begun<C> = Over<C, Again>;

/// What was read already, and is read again.
struct Again(Vec<u8>);

impl<C: Stream> Begun<C> {
    async fn more(&mut self, limit: usize) -> io::Result<()> {
        let Again(read) = &mut self.reading;
        if read.len() >= limit || self.io.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// The balancer says who its client is.
    async fn introduce(&mut self, peer: &mut Peer) -> io::Result<()> {
        loop {
            match proxy_protocol::parse(&self.reading.0).map_err(io::Error::other)? {
                Some(header) => {
                    self.reading.0.drain(..header.length);
                    if let Some((ip, port)) = header.client {
                        peer.ip = ip;
                        peer.port = port;
                        if port == 443 && peer.tls.is_none() {
                            (peer.proto, peer.tls) = ("https", Some("unknown"));
                        }
                    }
                    return Ok(());
                }
                None => self.more(MAX_HEADER).await?,
            }
        }
    }

    async fn begins_with(&mut self, start: &[u8]) -> io::Result<bool> {
        loop {
            let Again(read) = &self.reading;
            let shared = read.len().min(start.len());
            if read[..shared] != start[..shared] {
                return Ok(false);
            }
            if shared == start.len() {
                return Ok(true);
            }
            self.more(usize::MAX).await?;
        }
    }
}

impl Reading for Again {
    fn poll_read<C: AsyncRead + Unpin>(&mut self, io: &mut C, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self(read) = self;
        if read.is_empty() {
            return Pin::new(io).poll_read(cx, buf);
        }
        let count = read.len().min(buf.remaining());
        buf.put_slice(&read[..count]);
        read.drain(..count);
        if read.is_empty() {
            *read = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let holds = |address: &str, prefix, ip: &str| Network { address: address.parse().unwrap(), prefix }.contains(ip.parse().unwrap());
        assert!(holds("10.0.0.0", 8, "10.255.0.1") && holds("10.0.0.1", 32, "10.0.0.1") && holds("0.0.0.0", 0, "1.2.3.4"));
        assert!(!holds("10.0.0.0", 8, "11.0.0.1") && !holds("10.0.0.1", 32, "10.0.0.2") && !holds("0.0.0.0", 0, "::1"));
        assert!(holds("2001:db8::", 32, "2001:db8:1::1") && !holds("2001:db8::", 32, "2001:db9::1"));
        assert!(holds("10.0.0.0", 8, "::ffff:10.0.0.1"), "the same address in other clothes");
    }
}
