//! One listener and one thread per core, so that a connection never changes its core and no lock is waited for.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    sync::Arc,
    thread,
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, listen, socket_with, sockopt};
use tokio::sync::oneshot;

use crate::{
    enter::Entrance,
    listen::{Ends, Router},
};

/// Connections that wait to be taken, per door.
const BACKLOG: i32 = 4096;

/// The same port, opened once per thread. The kernel spreads clients over them.
pub struct Doors {
    listeners: Vec<TcpListener>,
    entrance: Entrance,
}

impl Doors {
    /// Opens `address` for so many threads. Fails if somebody else has it.
    pub fn open(address: SocketAddr, threads: usize) -> io::Result<Self> {
        // Doors that share a port would also share it with a stranger's: this one does not. Nor does anybody come to it, who
        // would be cut off when it is closed.
        let address = TcpListener::from(bound(address, false)?).local_addr()?;
        let listeners = (0..threads.max(1)).map(|_| open(address)).collect::<io::Result<_>>()?;
        Ok(Self { listeners, entrance: Entrance::default() })
    }

    /// Those that another router has opened, and serves at still: whoever waits there finds one of the two.
    pub fn taken_over(listeners: Vec<TcpListener>) -> io::Result<Self> {
        listeners.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
        Ok(Self { listeners, entrance: Entrance::default() })
    }

    /// The same sockets once more, to be handed to another process. As long as one of them is open, clients come to wait there.
    pub fn copies(&self) -> io::Result<Vec<OwnedFd>> {
        self.listeners.iter().map(|listener| listener.try_clone().map(OwnedFd::from)).collect()
    }

    /// What clients go through on their way in, if it is more than a plain connection.
    #[must_use]
    pub fn through(self, entrance: Entrance) -> Self {
        Self { entrance, ..self }
    }

    /// Where clients knock.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listeners.first().ok_or(io::ErrorKind::NotFound)?.local_addr()
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let door = bound(address, true)?;
    listen(&door, BACKLOG)?;
    Ok(TcpListener::from(door))
}

fn bound(address: SocketAddr, shared: bool) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let door = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, Some(ipproto::TCP))?;
    sockopt::set_socket_reuseaddr(&door, true)?;
    sockopt::set_socket_reuseport(&door, shared)?;
    bind(&door, &address)?;
    Ok(door)
}

impl Router {
    /// Like [`Router::serve`], at all doors at once, each on a thread of its own.
    pub async fn serve_at(self: Arc<Self>, doors: Doors, ends: Ends) -> io::Result<()> {
        let mut threads = Vec::new();
        let entrance = Arc::new(doors.entrance);
        for (number, door) in doors.listeners.into_iter().enumerate() {
            let (router, entrance, ends) = (self.clone(), entrance.clone(), ends.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (end, ended) = oneshot::channel();
            thread::Builder::new().name(format!("router-{number}")).spawn(move || {
                let result: io::Result<()> = runtime.block_on(async {
                    router.serve_through(tokio::net::TcpListener::from_std(door)?, entrance, ends).await;
                    Ok(())
                });
                // Nobody waits any more if the caller was dropped.
                let _ = end.send(result);
            })?;
            threads.push(ended);
        }
        for ended in threads {
            ended.await.map_err(|_| io::Error::other("a thread of the router broke down"))??;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_has_is_not_shared() {
        let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = stranger.local_addr().unwrap();
        assert_eq!(Doors::open(taken, 2).err().unwrap().kind(), io::ErrorKind::AddrInUse);
        drop(stranger);
        let ours = Doors::open(taken, 2).unwrap();
        assert_eq!(ours.address().unwrap(), taken);
        assert_eq!(Doors::open(taken, 2).err().unwrap().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn connections_inherit_that_small_packets_go_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        sockopt::set_tcp_nodelay(&listener, true).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(listener.accept().unwrap().0.nodelay().unwrap());
    }
}
