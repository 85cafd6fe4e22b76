//! Two connections that no longer speak HTTP, joined (WebSocket).

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use domain::ErrorCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::Instant,
};

use crate::{
    account::Account,
    buffer::{Buffer, Outbox, Pool, SMALL, poll_pass},
    client::Client,
    connect::Stream,
    dispatch::Reached,
    rescue::Fact,
    websocket::{Frames, GOODBYE},
    worker::Worker,
};

/// Both sides get so long to end a tunnel whose dyno, or router, is going away.
const GRACE: Duration = Duration::from_secs(10);
/// And so long to take the last bytes.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// What a tunnel begins with.
pub(crate) struct Joined {
    pub(crate) reached: Reached,
    /// What came from the dyno behind its handshake.
    pub(crate) from_dyno: Buffer,
    /// What the dyno has sent so far.
    pub(crate) received: u64,
    /// The protocol is WebSocket: it can be told to end.
    pub(crate) is_websocket: bool,
}

/// One direction.
struct Way {
    buffer: Buffer,
    /// What the router itself says.
    own: Outbox,
    /// What the dyno says, as long as somebody must know where its frames end.
    frames: Option<Frames>,
    leaving: Leaving,
    count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    /// At the end of this frame.
    Soon,
    /// Goodbye was said; nothing can follow it.
    Said,
}

/// Passes bytes both ways until either side closes, nothing moved in either direction for 55 s, or the dyno goes away and
/// the client was told so. What came behind the handshake goes first.
pub(crate) async fn tunnel<C: Stream>(worker: &Worker, client: Client<C>, joined: Joined, mut account: Account) {
    let Joined { mut reached, from_dyno, received, is_websocket } = joined;
    reached.io.prompt();
    reached.taken.becomes_tunnel();
    let dyno = reached.taken.dyno.clone();
    let mut going = std::pin::pin!(dyno.leaving.notified());
    going.as_mut().enable();
    let Client { mut io, inbox, mut timer, .. } = client;
    let mut up = Way::new(inbox, None);
    let mut down = Way::new(from_dyno, is_websocket.then(Frames::default));
    let idle = worker.router.settings.timeouts.between_bytes;
    let (mut moved, mut ends_at) = (Instant::now(), None);
    let fact = poll_fn(|cx| {
        if ends_at.is_none() && (worker.router.bell.is_stopping() || dyno.is_gone() || going.as_mut().poll(cx).is_ready()) {
            ends_at = Some(Instant::now() + GRACE);
            down.leave();
        }
        loop {
            match (up.pump(cx, &worker.pool, &mut io, &mut reached.io), down.pump(cx, &worker.pool, &mut reached.io, &mut io)) {
                (Flow::Ended, _) | (_, Flow::Ended) => return Poll::Ready(None),
                (Flow::Waits, Flow::Waits) => break,
                _ => moved = Instant::now(),
            }
        }
        if let Some(ends_at) = ends_at {
            return timer.poll(cx, ends_at.min(moved + idle)).map(|()| None);
        }
        timer.poll(cx, moved + idle).map(|()| Some(Fact::ClockRanOut(ErrorCode::H15IdleConnection)))
    })
    .await;
    account.passed_in_all(received + down.count);
    if let Some(fact) = fact {
        account.failed(fact);
    }
    account.close();
    // Either side's end is the other's. Whoever does not take it any more has left anyhow.
    let ends = async { tokio::join!(io.shutdown(), reached.io.shutdown()) };
    timer.limit(Instant::now() + LAST_BYTES, ends).await;
}

enum Flow {
    Moved,
    Waits,
    Ended,
}

impl Way {
    fn new(mut buffer: Buffer, frames: Option<Frames>) -> Self {
        let mut way = Self { buffer: Buffer::new(), own: Outbox::default(), frames, leaving: Leaving::No, count: 0 };
        std::mem::swap(&mut way.buffer, &mut buffer);
        way.look();
        way
    }

    /// The other side is to be told that this one ends.
    fn leave(&mut self) {
        if self.frames.is_some() {
            self.leaving = Leaving::Soon;
            self.look();
        }
    }

    /// Decides on what came in.
    fn look(&mut self) {
        match (&mut self.frames, self.leaving) {
            (None, _) => self.buffer.pass_all(),
            (Some(frames), Leaving::No) => {
                frames.advance(self.buffer.raw(), false);
                self.buffer.pass_all();
            }
            (Some(frames), Leaving::Soon) => {
                if !frames.is_between() {
                    let count = frames.advance(self.buffer.raw(), true);
                    self.buffer.pass(count);
                }
                if frames.is_between() {
                    self.leaving = Leaving::Said;
                    self.buffer.drop_raw();
                }
            }
            (Some(_), Leaving::Said) => self.buffer.drop_raw(),
        }
    }

    /// As far as it goes without waiting.
    fn pump(&mut self, cx: &mut Context<'_>, pool: &Pool, from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> Flow {
        let mut flow = Flow::Waits;
        let mut nothing = Outbox::default();
        loop {
            while !self.buffer.ready().is_empty() {
                match poll_pass(cx, to, &mut nothing, &mut self.buffer) {
                    Poll::Ready(Ok(_)) => flow = Flow::Moved,
                    Poll::Ready(Err(_)) => return Flow::Ended,
                    Poll::Pending => return flow,
                }
            }
            if self.leaving == Leaving::Said && self.own.bytes.is_empty() {
                self.own.bytes.extend_from_slice(&GOODBYE);
            }
            if !self.own.is_empty() {
                match poll_pass(cx, to, &mut self.own, &mut self.buffer) {
                    Poll::Ready(Ok(_)) => continue,
                    Poll::Ready(Err(_)) => return Flow::Ended,
                    Poll::Pending => return flow,
                }
            }
            match self.buffer.poll_fill(cx, from, pool, SMALL) {
                Poll::Ready(Ok(read @ 1..)) => {
                    self.count += read as u64;
                    flow = Flow::Moved;
                    self.look();
                }
                Poll::Ready(_) => return Flow::Ended,
                Poll::Pending => break,
            }
        }
        self.buffer.rest(pool);
        if let Poll::Ready(Err(_)) = Pin::new(to).poll_flush(cx) {
            return Flow::Ended;
        }
        flow
    }
}
