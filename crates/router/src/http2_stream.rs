//! One HTTP/2 stream, as a connection that speaks HTTP/1.1 with one request on it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{RecvStream, SendStream, server::SendResponse};
use http::{HeaderMap, Request, Response, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http1::{
    body::{Body, Framing},
    head::HeadReader,
    name::Known,
    response::{self, LIMITS},
};

pub(crate) struct Adapter {
    /// Bytes for the router to read.
    inbox: Vec<u8>,
    read: usize,
    body: RecvStream,
    upload: Upload,
    respond: SendResponse<Bytes>,
    is_head: bool,
    answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upload {
    Plain,
    Chunked,
    Trailers,
    Done,
}

enum Answer {
    Head { bytes: Vec<u8>, lines: HeadReader },
    Body { body: Body, stream: SendStream<Bytes> },
    Done,
}

/// Written and not yet taken by the client.
const AT_ONCE: usize = 16 * 1024;

impl Adapter {
    /// The stream's request as text. What has no such text gets the way to say so.
    pub(crate) fn new(request: Request<RecvStream>, respond: SendResponse<Bytes>) -> Result<Self, SendResponse<Bytes>> {
        let (parts, body) = request.into_parts();
        let has_length = parts.headers.contains_key(header::CONTENT_LENGTH);
        let upload = match (body.is_end_stream(), has_length) {
            (true, _) => Upload::Done,
            (false, true) => Upload::Plain,
            (false, false) => Upload::Chunked,
        };
        let authority = parts.uri.authority().map(|authority| authority.as_str().to_owned());
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let agrees = authority.as_deref().is_none_or(|authority| host.is_none_or(|host| host.eq_ignore_ascii_case(authority)));
        let host = authority.clone().or_else(|| host.map(str::to_owned));
        let path = parts.uri.path_and_query().map(|path| path.as_str().to_owned());
        let (Some(host), Some(path), true) = (host, path, agrees && parts.method != http::Method::CONNECT) else { return Err(respond) };
        let mut inbox = format!("{} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n", parts.method).into_bytes();
        put_fields(&mut inbox, &parts.headers);
        if upload == Upload::Chunked {
            inbox.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        inbox.extend_from_slice(b"\r\n");
        let answer = Answer::Head { bytes: Vec::new(), lines: HeadReader::default() };
        Ok(Self { inbox, read: 0, body, upload, respond, is_head: parts.method == http::Method::HEAD, answer })
    }

    /// The next piece of the client's body, as text.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.upload {
            Upload::Plain | Upload::Chunked => match ready!(self.body.poll_data(cx)) {
                Some(Ok(data)) => {
                    // It may send as much again.
                    let _ = self.body.flow_control().release_capacity(data.len());
                    let chunked = self.upload == Upload::Chunked && !data.is_empty();
                    if chunked {
                        self.inbox.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                    }
                    self.inbox.extend_from_slice(&data);
                    if chunked {
                        self.inbox.extend_from_slice(b"\r\n");
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => self.upload = if self.upload == Upload::Chunked { Upload::Trailers } else { Upload::Done },
            },
            Upload::Trailers => {
                let trailers = ready!(self.body.poll_trailers(cx)).map_err(io::Error::other)?;
                self.inbox.extend_from_slice(b"0\r\n");
                put_fields(&mut self.inbox, &trailers.unwrap_or_default());
                self.inbox.extend_from_slice(b"\r\n");
                self.upload = Upload::Done;
            }
            // Ends only when the client takes its request back.
            Upload::Done => {
                let reset = match &mut self.answer {
                    Answer::Body { stream, .. } => ready!(stream.poll_reset(cx)),
                    Answer::Head { .. } | Answer::Done => ready!(self.respond.poll_reset(cx)),
                };
                return Poll::Ready(Err(reset.map_or_else(io::Error::other, |reason| io::Error::other(reason.description()))));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads on in the head of the answer.
    fn head(&mut self, text: &[u8]) -> io::Result<usize> {
        let Answer::Head { bytes, lines } = &mut self.answer else { return Ok(0) };
        let before = bytes.len();
        bytes.extend_from_slice(text);
        let Some(length) = lines.advance(bytes, &LIMITS).map_err(io::Error::other)? else { return Ok(text.len()) };
        let head = response::understand(bytes, lines, length, self.is_head).map_err(io::Error::other)?;
        let mut answer = Response::new(());
        *answer.status_mut() = http::StatusCode::from_u16(head.status).map_err(io::Error::other)?;
        for field in lines.fields.iter().filter(|field| !matches!(field.known, Known::Connection | Known::TransferEncoding | Known::KeepAlive | Known::Upgrade))
        {
            let name = http::HeaderName::from_bytes(field.name.of(bytes)).map_err(io::Error::other)?;
            let value = http::HeaderValue::from_bytes(field.value.of(bytes)).map_err(io::Error::other)?;
            answer.headers_mut().append(name, value);
        }
        let used = length - before;
        if head.status < 200 {
            // Nothing that an HTTP/2 client waits for.
            bytes.clear();
            lines.reset();
            return Ok(used);
        }
        let ends = matches!(head.framing, Framing::Empty | Framing::Length(0));
        let stream = self.respond.send_response(answer, ends).map_err(io::Error::other)?;
        self.answer = if ends { Answer::Done } else { Answer::Body { body: Body::new(head.framing, false), stream } };
        Ok(used)
    }
}

fn put_fields(to: &mut Vec<u8>, headers: &HeaderMap) {
    let mut cookies = Vec::new();
    for (name, value) in headers {
        match *name {
            header::HOST | header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE | header::EXPECT => {}
            // HTTP/2 sends them in crumbs.
            header::COOKIE => {
                if !cookies.is_empty() {
                    cookies.extend_from_slice(b"; ");
                }
                cookies.extend_from_slice(value.as_bytes());
            }
            _ => {
                for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                    to.extend_from_slice(part);
                }
            }
        }
    }
    if !cookies.is_empty() {
        for part in [&b"cookie: "[..], &cookies, b"\r\n"] {
            to.extend_from_slice(part);
        }
    }
}

impl AsyncRead for Adapter {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.read == this.inbox.len() {
            this.inbox.clear();
            this.read = 0;
            ready!(this.poll_body(cx))?;
        }
        let rest = &this.inbox[this.read..];
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        this.read += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Adapter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, text: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match &mut this.answer {
            Answer::Head { .. } => Poll::Ready(this.head(text)),
            // What stands behind the answer is nobody's.
            Answer::Done => Poll::Ready(Ok(text.len())),
            Answer::Body { body, stream } => {
                let mut piece = text[..text.len().min(AT_ONCE)].to_vec();
                let mut after = *body;
                let step = after.advance(&mut piece).map_err(io::Error::other)?;
                piece.truncate(step.kept);
                // Framing and an end need no window: a client that has all it asked for opens none.
                if !piece.is_empty() {
                    stream.reserve_capacity(piece.len());
                    while stream.capacity() == 0 {
                        match ready!(stream.poll_capacity(cx)) {
                            Some(Ok(_)) => {}
                            Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                            None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                        }
                    }
                }
                // What the window does not take of this piece waits in the stream, and the next piece for it.
                *body = after;
                let ends = body.is_done();
                if ends || !piece.is_empty() {
                    stream.send_data(Bytes::from(piece), ends).map_err(io::Error::other)?;
                }
                if ends {
                    this.answer = Answer::Done;
                }
                Poll::Ready(Ok(step.consumed.max(usize::from(ends))))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The end of an answer that only its end delimits.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Answer::Body { body: Body::UntilClose, stream } = &mut this.answer {
            let _ = stream.send_data(Bytes::new(), true);
            this.answer = Answer::Done;
        }
        Poll::Ready(Ok(()))
    }
}
