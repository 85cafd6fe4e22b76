//! Large bodies between two plain sockets: the kernel moves them through a pipe, and nobody copies them.

use std::{
    any::Any,
    io,
    os::fd::OwnedFd,
    sync::Mutex,
    task::{Context, Poll, ready},
};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::{io::Interest, net::TcpStream};

use crate::{
    connect::{DynoIo, Stream},
    exchange::{Down, Exchange},
    http1::body::Body,
    rescue::Fact,
    worker::lock,
};

/// With less to come a pipe is not worth its making, in bytes.
const WORTH_IT: u64 = 256 * 1024;
/// What a pipe holds, if the kernel lets us.
const HOLDS: usize = 256 * 1024;
/// Then others on this thread have their turn: so often a pipe may be filled in one go.
const TURNS: usize = 16;
/// Kept for later.
const KEPT: usize = 32;
const FLAGS: SpliceFlags = SpliceFlags::NONBLOCK.union(SpliceFlags::MOVE);

/// Pipes with nothing in them. One set per worker, so that nobody waits for the lock.
#[derive(Default)]
pub(crate) struct Pipes(Mutex<Vec<Pipe>>);

pub(crate) struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
    held: usize,
}

impl Pipes {
    /// None: there are no more file descriptors, and bytes go the long way.
    fn take(&self) -> Option<Pipe> {
        if let Some(pipe) = lock(&self.0).pop() {
            return Some(pipe);
        }
        let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // Else it holds the usual 64 KB: the user has many pipes already.
        let _ = fcntl_setpipe_size(&into, HOLDS);
        Some(Pipe { out, into, held: 0 })
    }

    fn give(&self, pipe: Pipe) {
        let mut kept = lock(&self.0);
        // What somebody else's body has left behind must reach nobody.
        if pipe.held == 0 && kept.len() < KEPT {
            kept.push(pipe);
        }
    }
}

impl Pipe {
    /// Only while it is empty: a pipe that is full would look like a socket that has nothing. 0 is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>, from: &TcpStream, most: u64) -> Poll<io::Result<usize>> {
        let most = usize::try_from(most).unwrap_or(HOLDS).min(HOLDS);
        loop {
            match from.try_io(Interest::READABLE, || Ok(splice(from, None, &self.into, None, most, FLAGS)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(from.poll_read_ready(cx))?,
                Ok(count) => {
                    self.held = count;
                    return Poll::Ready(Ok(count));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_empty(&mut self, cx: &mut Context<'_>, to: &TcpStream) -> Poll<io::Result<()>> {
        while self.held > 0 {
            match to.try_io(Interest::WRITABLE, || Ok(splice(&self.out, None, to, None, self.held, FLAGS)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(to.poll_write_ready(cx))?,
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.held -= count,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<C: Stream> Exchange<'_, C> {
    /// Whether the rest of the answer's body goes through a pipe, and then goes on with that. Only while no byte of it waits
    /// here. Ready with true once the body has come to its end.
    pub(crate) fn poll_splice(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fact>> {
        let (Some(client), DynoIo::Tcp(dyno)) = (raw_io(&self.client.io), &*self.dyno) else { return Poll::Ready(Ok(false)) };
        let Some(mut pipe) = self.pipe.take().or_else(|| if self.is_worth_a_pipe() { self.worker.pipes.take() } else { None }) else {
            return Poll::Ready(Ok(false));
        };
        for _ in 0..TURNS {
            match pipe.poll_empty(cx, client) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Fact::ClientLeft)),
                Poll::Pending => {
                    self.pipe = Some(pipe);
                    return Poll::Pending;
                }
            }
            self.clock = self.clock.request_bytes(self.began.elapsed());
            let most = match self.down {
                Down::Body(Body::Length { left }) => left,
                Down::Body(Body::UntilClose) => u64::MAX,
                Down::Head | Down::Body(Body::Chunked(_)) | Down::Done => 0,
            };
            if most == 0 {
                self.worker.pipes.give(pipe);
                self.down = Down::Done;
                return Poll::Ready(Ok(true));
            }
            match pipe.poll_fill(cx, dyno, most) {
                Poll::Ready(Ok(count @ 1..)) => {
                    let count = count as u64;
                    if let Down::Body(Body::Length { left }) = &mut self.down {
                        *left -= count;
                    }
                    self.received += count;
                    self.account.passed(count);
                    self.clock = self.clock.response_bytes(self.began.elapsed());
                }
                Poll::Ready(end) => {
                    self.worker.pipes.give(pipe);
                    return Poll::Ready(self.dyno_ended(&end).map(|()| true));
                }
                Poll::Pending => {
                    self.pipe = Some(pipe);
                    return Poll::Pending;
                }
            }
        }
        self.pipe = Some(pipe);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_worth_a_pipe(&self) -> bool {
        match self.down {
            Down::Body(Body::Length { left }) => left >= WORTH_IT,
            Down::Body(Body::UntilClose) => self.received >= WORTH_IT,
            Down::Head | Down::Body(Body::Chunked(_)) | Down::Done => false,
        }
    }
}

/// The client's socket, if there is nothing between it and us.
fn raw_io<C: Stream>(io: &C) -> Option<&TcpStream> {
    (io as &dyn Any).downcast_ref()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (one, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn a_pipe_is_filled_up_to_what_is_asked_and_emptied_whole() {
        let ((mut dyno, from), (to, mut client)) = (pair().await, pair().await);
        let pipes = Pipes::default();
        let mut pipe = pipes.take().unwrap();
        dyno.write_all(b"hello, world").await.unwrap();
        assert_eq!(poll_fn(|cx| pipe.poll_fill(cx, &from, 5)).await.unwrap(), 5);
        poll_fn(|cx| pipe.poll_empty(cx, &to)).await.unwrap();
        let mut came = [0; 5];
        client.read_exact(&mut came).await.unwrap();
        assert_eq!(&came, b"hello");
        assert_eq!(poll_fn(|cx| pipe.poll_fill(cx, &from, u64::MAX)).await.unwrap(), 7);
        // With something in it, it is nobody else's.
        pipes.give(pipe);
        assert!(lock(&pipes.0).is_empty());
        drop(dyno);
        let mut pipe = pipes.take().unwrap();
        assert_eq!(poll_fn(|cx| pipe.poll_fill(cx, &from, u64::MAX)).await.unwrap(), 0);
        pipes.give(pipe);
        assert_eq!(lock(&pipes.0).len(), 1);
    }
}
