//! Raw HTTP on a socket, for either side.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use crate::world::patience;

/// One end of a connection.
pub(crate) struct Conn {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// The head of a message, as it was on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) lines: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

impl Head {
    /// Every value of this name, in order, whatever the name's case.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.lines.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a name that must be there once.
    #[track_caller]
    pub(crate) fn one(&self, name: &str) -> &str {
        let all = self.all(name);
        assert!(all.len() == 1, "{name} is there {} times in {self:#?}", all.len());
        all[0]
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    /// Of a response.
    #[track_caller]
    pub(crate) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status in {:?}", self.first))
    }

    /// Of a request.
    #[track_caller]
    pub(crate) fn target(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_else(|| panic!("no target in {:?}", self.first))
    }

    pub(crate) fn closes(&self) -> bool {
        self.all("connection").iter().any(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Conn {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket takes options");
        stream.set_read_timeout(Some(patience())).expect("a socket takes options");
        stream.set_write_timeout(Some(patience())).expect("a socket takes options");
        Self { stream, buffer: Vec::new() }
    }

    #[track_caller]
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("the router takes connections"))
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("it takes what is sent");
        self
    }

    /// Sends as much of this as the other side takes.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    pub(crate) fn finish_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads to the empty line.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Head {
        let text = self.until("\r\n\r\n");
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let split = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
            (name.to_owned(), value.trim().to_owned())
        };
        Head { first, lines: lines.map(split).collect() }
    }

    #[track_caller]
    pub(crate) fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end.as_bytes()) {
                let text: Vec<u8> = self.buffer.drain(..at + end.len()).collect();
                return String::from_utf8_lossy(&text).into_owned();
            }
            if let Some(ended) = self.more() {
                panic!("{ended:?} before {end:?} came; got {:?}", String::from_utf8_lossy(&self.buffer));
            }
        }
    }

    #[track_caller]
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            if let Some(ended) = self.more() {
                panic!("{ended:?} after {} of {count} bytes: {:?}", self.buffer.len(), String::from_utf8_lossy(&self.buffer));
            }
        }
        self.buffer.drain(..count).collect()
    }

    /// The first line, if one comes before the end.
    pub(crate) fn first_line(&mut self) -> Option<String> {
        while !self.buffer.contains(&b'\n') && self.more().is_none() {}
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        Some(String::from_utf8_lossy(&self.buffer[..end]).into_owned())
    }

    /// Whether something came that was not read yet.
    pub(crate) fn has_more(&self) -> bool {
        self.stream.set_nonblocking(true).expect("a socket takes options");
        let came = self.stream.peek(&mut [0]).is_ok();
        self.stream.set_nonblocking(false).expect("a socket takes options");
        came
    }

    /// Reads these words next.
    #[track_caller]
    pub(crate) fn expect(&mut self, words: &str) {
        let got = self.exactly(words.len());
        assert_eq!(String::from_utf8_lossy(&got), words);
    }

    /// Everything to the connection's end.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Some(end) = self.more() {
                return (std::mem::take(&mut self.buffer), end);
            }
        }
    }

    /// The connection ends, and nothing more comes before.
    #[track_caller]
    pub(crate) fn ends(&mut self) {
        let (rest, _) = self.rest();
        assert!(rest.is_empty(), "more came: {:?}", String::from_utf8_lossy(&rest));
    }

    /// A body in chunks, and its trailers.
    #[track_caller]
    pub(crate) fn chunks(&mut self) -> (Vec<u8>, Vec<String>) {
        let mut body = Vec::new();
        loop {
            let line = self.until("\r\n");
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap_or_else(|_| panic!("no chunk size: {line:?}"));
            if size == 0 {
                break;
            }
            body.extend(self.exactly(size));
            self.expect("\r\n");
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.until("\r\n");
            if line == "\r\n" {
                return (body, trailers);
            }
            trailers.push(line.trim_end().to_owned());
        }
    }

    /// The body that belongs to this head.
    #[track_caller]
    pub(crate) fn body(&mut self, head: &Head) -> Vec<u8> {
        if head.all("transfer-encoding").iter().any(|coding| coding.eq_ignore_ascii_case("chunked")) {
            assert!(!head.has("content-length"), "two lengths in {head:#?}");
            return self.chunks().0;
        }
        match head.all("content-length").as_slice() {
            [] if head.first.starts_with("HTTP/") => self.rest().0,
            [] => Vec::new(),
            [length] => self.exactly(length.parse().unwrap_or_else(|_| panic!("no length: {length:?}"))),
            _ => panic!("many lengths in {head:#?}"),
        }
    }

    /// The next response, which has a body.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Message {
        let head = self.head();
        let body = self.body(&head);
        Message { head, body }
    }

    /// The next response has this status and this body.
    #[track_caller]
    pub(crate) fn gets(&mut self, status: u16, body: &str) -> Head {
        let message = self.response();
        assert_eq!((message.head.status(), String::from_utf8_lossy(&message.body).as_ref()), (status, body), "{:#?}", message.head);
        message.head
    }

    /// Reads more into the buffer. Says how the connection ended, if it did.
    #[track_caller]
    fn more(&mut self) -> Option<End> {
        let mut bytes = [0; 64 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => Some(End::Closed),
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                None
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(End::Reset),
            Err(error) => panic!("nothing came: {error}; got {:?}", String::from_utf8_lossy(&self.buffer[..self.buffer.len().min(300)])),
        }
    }
}
