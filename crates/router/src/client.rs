//! The client's side of a connection, between and around its requests.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use crate::{
    buffer::{Buffer, SMALL},
    connect::Stream,
    http1::request::{LIMITS, Refusal, RequestHead, understand},
    page::Page,
    timer::Timer,
    worker::{Peer, Scratch, Worker},
};

/// For a page of ours to be taken.
const SAY_LIMIT: Duration = Duration::from_secs(60);
/// What a client may send ahead while it waits for an answer.
const AHEAD: usize = 64 * 1024;
/// How long, and how much, a client may go on sending what nobody reads, so that it gets to read its answer.
const LINGER_LIMIT: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 1024 * 1024;

pub(crate) struct Client<C> {
    pub(crate) io: C,
    pub(crate) peer: Peer,
    pub(crate) inbox: Buffer,
    pub(crate) timer: Timer,
    /// Only while there is a request.
    pub(crate) scratch: Option<Box<Scratch>>,
}

/// What a client came with.
pub(crate) enum Next {
    Request(RequestHead),
    Refused(Refusal),
    /// Nothing, and nobody needs to be told.
    End,
}

impl<C: Stream> Client<C> {
    pub(crate) const fn new(io: C, peer: Peer) -> Self {
        Self { io, peer, inbox: Buffer::new(), timer: Timer::new(), scratch: None }
    }

    /// Waits for a request's head.
    pub(crate) async fn next(&mut self, worker: &Worker) -> Next {
        let deadline = Instant::now() + worker.router.settings.timeouts.head;
        if let Some(scratch) = &mut self.scratch {
            scratch.lines.reset();
        }
        let mut fresh = !self.inbox.is_empty();
        poll_fn(|cx| {
            loop {
                if std::mem::take(&mut fresh)
                    && let Some(next) = self.read(worker)
                {
                    return Poll::Ready(next);
                }
                if self.inbox.is_empty() && worker.router.bell.is_stopping() {
                    return Poll::Ready(Next::End);
                }
                match self.inbox.poll_fill(cx, &mut self.io, &worker.pool, SMALL) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Next::End),
                    Poll::Ready(Ok(_)) => fresh = true,
                    Poll::Pending => {
                        let begun = self.scratch.as_ref().is_some_and(|scratch| scratch.lines.has_first_line());
                        if self.inbox.is_empty()
                            && let Some(scratch) = self.scratch.take()
                        {
                            worker.put_back(scratch);
                        }
                        ready!(self.timer.poll(cx, deadline));
                        return Poll::Ready(if begun { Next::Refused(Refusal::Timeout) } else { Next::End });
                    }
                }
            }
        })
        .await
    }

    fn read(&mut self, worker: &Worker) -> Option<Next> {
        let scratch = self.scratch.get_or_insert_with(|| {
            let mut scratch = worker.scratch();
            scratch.lines.reset();
            scratch
        });
        let head = self.inbox.raw();
        match scratch.lines.advance(head, &LIMITS) {
            Ok(None) => None,
            Ok(Some(length)) => Some(understand(head, &scratch.lines, length).map_or_else(Next::Refused, Next::Request)),
            Err(bad) => Some(Next::Refused(bad.into())),
        }
    }

    /// Ready once the client has left. What it sends ahead is kept.
    pub(crate) fn poll_left(&mut self, cx: &mut Context<'_>, worker: &Worker) -> Poll<()> {
        while self.inbox.has_room(AHEAD) {
            match ready!(self.inbox.poll_fill(cx, &mut self.io, &worker.pool, SMALL)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        Poll::Pending
    }

    /// The work, or nothing if the client leaves first.
    pub(crate) async fn unless_left<T>(&mut self, worker: &Worker, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll_left(cx, worker).map(|()| None),
        })
        .await
    }

    /// Writes all of this. False if the client does not take it.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> bool {
        let Self { io, timer, .. } = self;
        let write = async {
            io.write_all(bytes).await?;
            io.flush().await
        };
        matches!(timer.limit(Instant::now() + SAY_LIMIT, write).await, Some(Ok(())))
    }

    /// Writes a page of ours and ends the connection. `unread`: the client may still be sending.
    pub(crate) async fn turn_away(mut self, worker: &Worker, page: &Page, without_body: bool, unread: bool) {
        let date = worker.date(worker.router.clock.now());
        if self.say(&page.bytes(&date, without_body)).await {
            self.end(unread).await;
        }
    }

    /// Ends the connection. A socket closed on unread bytes is reset, and the client would lose the answer that tells it why:
    /// so they are read and discarded first.
    pub(crate) async fn end(&mut self, unread: bool) {
        if !unread && self.peer.tls.is_none() && !self.peer.is_http2 {
            return;
        }
        let Self { io, timer, .. } = self;
        let linger = async {
            if io.shutdown().await.is_err() || !unread {
                return;
            }
            let mut buffer = vec![0; SMALL];
            let mut left = LINGER_BYTES;
            while let Ok(count @ 1..) = io.read(&mut buffer).await {
                left = left.saturating_sub(count);
                if left == 0 {
                    break;
                }
            }
        };
        timer.limit(Instant::now() + LINGER_LIMIT, linger).await;
    }

    /// Everything written is on its way.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }
}
