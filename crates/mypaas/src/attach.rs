//! Rendezvous: the terminal of a one-off dyno over a TLS connection of its own.
//!
//! The client sends the secret and a line end, the server answers with a line that begins with `rendezvous`, and from then on both send
//! raw bytes until the server closes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use api_types::Secret;
use rustix::event::{PollFd, PollFlags, poll};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::exit_marker::ExitMarker;
use crate::terminal::RawMode;

const CONNECT: Duration = Duration::from_secs(10);
/// End of transmission: how the end of stdin is told, with or without a terminal at the other end.
const EOT: u8 = 0x04;
const CTRL_C: u8 = 0x03;
/// So many Ctrl-C without any answer in between mean that the person wants to leave.
const PATIENCE: usize = 4;

/// Why one cannot be attached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttachError {
    #[error("The server gave an address to attach to that cannot be understood.")]
    Address,
    #[error("The dyno at {0} cannot be reached: {1}.")]
    Connect(String, io::Error),
    #[error("The connection to the dyno could not begin: {0}.")]
    Tls(#[from] rustls::Error),
    #[error("The connection to the dyno broke: {0}.")]
    Broken(io::Error),
    #[error("The dyno's side closed the connection before it began.")]
    NoGreeting,
    #[error("The terminal cannot be switched to raw mode: {0}.")]
    Terminal(io::Error),
    #[error("The output cannot be written: {0}.")]
    Output(io::Error),
}

/// `rendezvous://host:port/secret`, taken apart.
pub(crate) struct Rendezvous {
    host: String,
    port: u16,
    secret: Secret,
}

impl Rendezvous {
    /// Takes the URL apart. The port has to be there; what follows the slash, question mark included, is the secret.
    pub(crate) fn parse(url: &Secret) -> Result<Self, AttachError> {
        let parts = || {
            let (authority, secret) = url.expose().strip_prefix("rendezvous://")?.split_once('/')?;
            let (host, port) = authority.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let port = port.parse().ok()?;
            let safe = !secret.is_empty() && !secret.contains(char::is_control);
            (!host.is_empty() && safe).then(|| Self { host: host.to_owned(), port, secret: Secret::new(secret) })
        };
        parts().ok_or(AttachError::Address)
    }
}

/// Connects stdin and `out` with the dyno until its side closes. `attached` is called when it answers. Gives back the status the
/// command reported, if it did.
pub(crate) fn attach(
    rendezvous: &Rendezvous,
    config: Arc<ClientConfig>,
    interactive: bool,
    out: &mut impl Write,
    attached: impl FnOnce(),
) -> Result<Option<u8>, AttachError> {
    let mut connection = Connection::open(rendezvous, config)?;
    connection.pending.extend_from_slice(rendezvous.secret.expose().as_bytes());
    connection.pending.extend_from_slice(b"\r\n");

    let mut received = Vec::new();
    // Byte by line, not by TLS record: program output may share the greeting's record.
    let output = loop {
        connection.wait(false)?;
        let open = connection.exchange(&mut received)?;
        if let Some(end) = received.iter().position(|byte| *byte == b'\n') {
            break received.split_off(end + 1);
        }
        if !open {
            return Err(AttachError::NoGreeting);
        }
    };
    if !received.starts_with(b"rendezvous") {
        return Err(AttachError::NoGreeting);
    }
    attached();
    let _raw = interactive.then(RawMode::enter).transpose().map_err(AttachError::Terminal)?;
    converse(&mut connection, output, interactive, out)
}

fn converse(connection: &mut Connection, mut received: Vec<u8>, interactive: bool, out: &mut impl Write) -> Result<Option<u8>, AttachError> {
    let mut marker = ExitMarker::default();
    let mut typing = true;
    let mut impatience = 0;
    loop {
        if !received.is_empty() {
            impatience = 0;
            let shown = marker.filter(&received);
            out.write_all(&shown).and_then(|()| out.flush()).map_err(AttachError::Output)?;
            received.clear();
            // The dyno's side keeps the line open for a moment for whoever has not said anything yet.
            if marker.came_last() && typing {
                connection.pending.push(EOT);
            }
        }
        // Nothing more is read from stdin while the dyno does not take what was read before.
        if connection.wait(typing && connection.pending.is_empty())? {
            let typed = read_stdin();
            impatience += typed.iter().filter(|byte| **byte == CTRL_C).count();
            if interactive && impatience >= PATIENCE {
                break;
            }
            if typed.is_empty() {
                typing = false;
                connection.pending.push(EOT);
            }
            connection.pending.extend(typed);
        }
        if !connection.exchange(&mut received)? {
            out.write_all(&marker.filter(&received)).map_err(AttachError::Output)?;
            break;
        }
    }
    let (rest, status) = marker.finish();
    out.write_all(&rest).and_then(|()| out.flush()).map_err(AttachError::Output)?;
    Ok(status)
}

/// What is there now; nothing at the end. An unreadable stdin has ended.
fn read_stdin() -> Vec<u8> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer[..]) {
            Ok(length) => {
                buffer.truncate(length);
                return buffer;
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => return Vec::new(),
        }
    }
}

struct Connection {
    tls: ClientConnection,
    socket: TcpStream,
    /// Bytes to send that TLS has not taken yet.
    pending: Vec<u8>,
}

impl Connection {
    fn open(rendezvous: &Rendezvous, config: Arc<ClientConfig>) -> Result<Self, AttachError> {
        let place = format!("{}:{}", rendezvous.host, rendezvous.port);
        let name = ServerName::try_from(rendezvous.host.clone()).map_err(|_| AttachError::Address)?;
        let connect = || -> io::Result<TcpStream> {
            let mut refused = io::Error::new(ErrorKind::NotFound, "there is no host of that name");
            for address in (rendezvous.host.as_str(), rendezvous.port).to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, CONNECT) {
                    Ok(socket) => return Ok(socket),
                    Err(error) => refused = error,
                }
            }
            Err(refused)
        };
        let prepare = |socket: TcpStream| socket.set_nonblocking(true).and_then(|()| socket.set_nodelay(true)).map(|()| socket);
        let socket = connect().and_then(prepare).map_err(|error| AttachError::Connect(place, error))?;
        Ok(Self { tls: ClientConnection::new(config, name)?, socket, pending: Vec::new() })
    }

    /// Waits until the socket can go on, or stdin has something if that is wanted; says whether it has.
    fn wait(&mut self, stdin_too: bool) -> Result<bool, AttachError> {
        self.send()?;
        let mut wanted = PollFlags::IN;
        if self.tls.wants_write() {
            wanted |= PollFlags::OUT;
        }
        let stdin = rustix::stdio::stdin();
        let mut descriptors = vec![PollFd::new(&self.socket, wanted)];
        if stdin_too {
            descriptors.push(PollFd::new(&stdin, PollFlags::IN));
        }
        loop {
            match poll(&mut descriptors, None) {
                Ok(_) => return Ok(descriptors.get(1).is_some_and(|stdin| !stdin.revents().is_empty())),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(AttachError::Broken(error.into())),
            }
        }
    }

    /// Sends and receives what is possible now; says whether the other side is still there.
    fn exchange(&mut self, received: &mut Vec<u8>) -> Result<bool, AttachError> {
        self.send()?;
        let mut open = true;
        match self.tls.read_tls(&mut self.socket) {
            Ok(0) => open = false,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock || error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => open = false,
            Err(error) => return Err(AttachError::Broken(error)),
        }
        if let Err(error) = self.tls.process_new_packets() {
            // The other side is to learn why (an untrusted certificate, most likely).
            let _ = self.tls.write_tls(&mut self.socket);
            return Err(error.into());
        }
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.tls.reader().read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(length) => received.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(open),
                // Closed without saying so: the exit status tells whether anything is missing.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
                Err(error) => return Err(AttachError::Broken(error)),
            }
        }
    }

    fn send(&mut self) -> Result<(), AttachError> {
        if !self.pending.is_empty() {
            let taken = self.tls.writer().write(&self.pending).map_err(AttachError::Broken)?;
            self.pending.drain(..taken);
        }
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A dyno that has ended takes no more input, but its last output may still be on the way.
                Err(error) if error.kind() == ErrorKind::BrokenPipe || error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => return Err(AttachError::Broken(error)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_taken_apart() {
        let parse = |url: &str| Rendezvous::parse(&Secret::new(url)).ok().map(|it| (it.host, it.port, it.secret.into_inner()));
        assert_eq!(parse("rendezvous://paas.test:5000/s3cret?x"), Some(("paas.test".into(), 5000, "s3cret?x".into())));
        assert_eq!(parse("rendezvous://[::1]:5000/s"), Some(("::1".into(), 5000, "s".into())));
        for wrong in
            ["https://h:1/s", "rendezvous://h/s", "rendezvous://h:x/s", "rendezvous://h:1/", "rendezvous://h:1", "rendezvous://:1/s", "rendezvous://h:1/a\r\nb"]
        {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
