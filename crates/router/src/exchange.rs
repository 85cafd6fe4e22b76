//! One request on one connection to a dyno: both directions at once, without a task of its own, under the request's clock.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
    time::Duration,
};

use domain::{ErrorCode, request_clock::RequestClock};
use tokio::time::Instant;

use crate::{
    account::Account,
    buffer::{Buffer, LARGE, SMALL, poll_pass},
    client::Client,
    connect::{DynoIo, Stream},
    http1::{
        body::{Body, Framing},
        response::{self, ResponseHead},
        write::{self, Manner},
    },
    rescue::Fact,
    splice::Pipe,
    worker::{Scratch, Worker},
};

/// What the client asked for, as far as the exchange needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) framing: Framing,
    /// The answer has no body, whatever its head says.
    pub(crate) is_head: bool,
    /// The client knows chunks and interim answers.
    pub(crate) is_1_1: bool,
    pub(crate) keep_alive: bool,
    pub(crate) may_upgrade: bool,
    /// The router said already that the client may go on.
    pub(crate) said_continue: bool,
    /// The dyno shall say that the client may go on.
    pub(crate) awaits_continue: bool,
    /// A further `Set-Cookie`.
    pub(crate) cookie: Option<String>,
}

/// What became of both connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The client may ask again.
    pub(crate) client_stays: bool,
    /// The dyno would take another request.
    pub(crate) dyno_stays: bool,
    /// The client has not sent all it wanted to.
    pub(crate) unread: bool,
    /// Both now speak another protocol.
    pub(crate) upgraded: bool,
}

pub(crate) struct Exchange<'x, C> {
    pub(crate) client: &'x mut Client<C>,
    pub(crate) scratch: &'x mut Scratch,
    pub(crate) dyno: &'x mut DynoIo,
    pub(crate) account: &'x mut Account,
    pub(crate) worker: &'x Worker,
    pub(crate) plan: &'x Plan,
    /// From the dyno.
    pub(crate) inbox: Buffer,
    up: Up,
    pub(crate) down: Down,
    /// What a large answer goes through.
    pub(crate) pipe: Option<Pipe>,
    pub(crate) clock: RequestClock,
    pub(crate) began: Instant,
    /// All bytes that the dyno sent.
    pub(crate) received: u64,
    ended: Ended,
    /// The dyno said that the client may go on.
    heard_continue: bool,
    /// The client has, or is getting, the head of the answer: what goes wrong now can only be told by cutting its connection.
    pub(crate) answering: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Up {
    /// Waits for the dyno's word that the client may go on.
    Held(Body),
    Sending(Body),
    Sent,
    /// The dyno reads no more. It may have answered before it closed, so this is no failure yet: what it sent is still read,
    /// and if that is nothing, its end tells.
    Deaf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    Head,
    Body(Body),
    Done,
}

impl<'x, C: Stream> Exchange<'x, C> {
    /// Ready to send what is in the scratch's box for the dyno.
    pub(crate) fn new(
        client: &'x mut Client<C>,
        scratch: &'x mut Scratch,
        dyno: &'x mut DynoIo,
        account: &'x mut Account,
        worker: &'x Worker,
        plan: &'x Plan,
    ) -> Self {
        let body = Body::new(plan.framing, true);
        scratch.answer.reset();
        let ended = Ended { client_stays: false, dyno_stays: false, unread: false, upgraded: false };
        Self {
            client,
            scratch,
            dyno,
            account,
            worker,
            plan,
            inbox: Buffer::new(),
            up: if plan.awaits_continue { Up::Held(body) } else { Up::Sending(body) },
            down: Down::Head,
            pipe: None,
            clock: RequestClock::started(worker.router.settings.timeouts.limits()),
            began: Instant::now(),
            received: 0,
            ended,
            heard_continue: false,
            answering: false,
        }
    }

    /// To the end of the answer.
    pub(crate) async fn run(&mut self) -> Result<Ended, Fact> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ended, Fact>> {
        self.poll_up(cx)?;
        let held = matches!(self.up, Up::Held(_));
        if self.poll_down(cx)?.is_ready() {
            self.ended.unread = !matches!(self.up, Up::Sent);
            self.ended.client_stays &= !self.ended.unread;
            self.ended.dyno_stays &= !self.ended.unread && self.inbox.is_empty();
            return Poll::Ready(Ok(self.ended));
        }
        if held {
            // What came down may have let the client go on.
            self.poll_up(cx)?;
        }
        self.inbox.rest(&self.worker.pool);
        self.client.inbox.rest(&self.worker.pool);
        ready!(self.client.timer.poll(cx, self.began + self.clock.deadline()));
        match self.clock.expired(self.began.elapsed()) {
            Some(ErrorCode::H28ClientConnectionIdle) if self.is_dyno_clogged() => Poll::Ready(Err(Fact::ClockRanOut(ErrorCode::H15IdleConnection))),
            Some(code) => Poll::Ready(Err(Fact::ClockRanOut(code))),
            None => Poll::Pending,
        }
    }

    /// The client sends, but the dyno does not take it.
    fn is_dyno_clogged(&self) -> bool {
        !self.scratch.to_dyno.is_empty() || !self.client.inbox.ready().is_empty()
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The request, towards the dyno; behind it, watches that the client is still there.
    fn poll_up(&mut self, cx: &mut Context<'_>) -> Result<(), Fact> {
        while let Up::Sending(mut body) | Up::Held(mut body) = self.up {
            let unseen = self.client.inbox.raw().len();
            if unseen > 0 && !body.is_done() {
                self.client.inbox.advance(&mut body).map_err(|_| Fact::BadChunk)?;
                // A client that does not wait needs nobody's word.
                self.up = Up::Sending(body);
                // Trailers are taken whole: of a part of them nothing is taken, and more must come first.
                if self.client.inbox.raw().len() < unseen {
                    continue;
                }
            }
            if !self.scratch.to_dyno.is_empty() || !self.client.inbox.ready().is_empty() {
                match poll_pass(cx, self.dyno, &mut self.scratch.to_dyno, &mut self.client.inbox) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(_)) => self.clock = self.clock.request_bytes(self.now()),
                    Poll::Ready(Err(_)) => {
                        self.up = Up::Deaf;
                        self.clock = self.clock.request_sent(self.now());
                    }
                }
            } else if body.is_done() {
                self.up = Up::Sent;
                self.clock = self.clock.request_sent(self.now());
            } else {
                let size = if matches!(body, Body::Length { left } if left > LARGE as u64) { LARGE } else { SMALL };
                match self.client.inbox.poll_fill(cx, &mut self.client.io, &self.worker.pool, size) {
                    Poll::Ready(Ok(0) | Err(_)) => return Err(Fact::ClientLeft),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Pending => return Ok(()),
                }
            }
        }
        if self.client.poll_left(cx, self.worker).is_ready() { Err(Fact::ClientLeft) } else { Ok(()) }
    }

    /// The answer, towards the client. Ready once the client has all of it.
    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fact>> {
        loop {
            // All that can be said of what came, so that it goes out in one piece.
            while self.down != Down::Done && !self.inbox.raw().is_empty() && self.take()? {}
            while !self.scratch.to_client.is_empty() || !self.inbox.ready().is_empty() {
                match ready!(poll_pass(cx, &mut self.client.io, &mut self.scratch.to_client, &mut self.inbox)) {
                    Ok(_) => self.clock = self.clock.request_bytes(self.now()),
                    Err(_) => return Poll::Ready(Err(Fact::ClientLeft)),
                }
            }
            if self.down == Down::Done {
                let flushed = ready!(self.client.poll_flush(cx));
                return Poll::Ready(flushed.map_err(|_| Fact::ClientLeft));
            }
            if ready!(self.poll_splice(cx))? {
                continue;
            }
            let size = match self.down {
                Down::Body(Body::Length { left }) if left > SMALL as u64 => LARGE,
                Down::Body(Body::UntilClose) if self.received > SMALL as u64 => LARGE,
                _ => SMALL,
            };
            match self.inbox.poll_fill(cx, self.dyno, &self.worker.pool, size) {
                Poll::Ready(Ok(count @ 1..)) => {
                    self.received += count as u64;
                    self.clock = self.clock.response_bytes(self.now());
                }
                Poll::Ready(end) => self.dyno_ended(&end)?,
                Poll::Pending => {
                    // So that nothing waits in a TLS session.
                    if let Poll::Ready(Err(_)) = self.client.poll_flush(cx) {
                        return Poll::Ready(Err(Fact::ClientLeft));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// There is no more from the dyno.
    pub(crate) fn dyno_ended(&mut self, end: &io::Result<usize>) -> Result<(), Fact> {
        match self.down {
            Down::Body(Body::UntilClose) if end.is_ok() => {
                self.down = Down::Done;
                Ok(())
            }
            Down::Head if self.received == 0 => Err(Fact::ClosedWithoutResponse),
            _ => Err(Fact::DynoBrokeOff),
        }
    }

    /// Reads on in what came from the dyno. False if more must come first.
    fn take(&mut self) -> Result<bool, Fact> {
        if let Down::Body(body) = &mut self.down {
            let before = self.inbox.raw().len();
            let data = self.inbox.advance(body).map_err(|_| Fact::DynoBrokeOff)?;
            self.account.passed(data as u64);
            let moved = self.inbox.raw().len() < before;
            if body.is_done() {
                self.down = Down::Done;
                return Ok(true);
            }
            return Ok(moved);
        }
        let head = self.inbox.raw();
        let Some(length) = self.scratch.answer.advance(head, &response::LIMITS).map_err(response::Unfit::from)? else { return Ok(false) };
        let response = response::understand(head, &self.scratch.answer, length, self.plan.is_head)?;
        match response.status {
            101 if self.plan.may_upgrade => self.switch(&response),
            101 => return Err(Fact::ResponseRestricted("unrequested upgrade")),
            status if status < 200 => self.interim(&response)?,
            _ => self.answer(&response)?,
        }
        self.inbox.used(length);
        self.scratch.answer.reset();
        Ok(true)
    }

    /// The dyno says something before its answer.
    fn interim(&mut self, response: &ResponseHead) -> Result<(), Fact> {
        if response.status == 100 && self.plan.awaits_continue && std::mem::replace(&mut self.heard_continue, true) {
            return Err(Fact::ResponseRestricted("unexpected continue"));
        }
        if let Up::Held(body) = self.up {
            self.up = Up::Sending(body);
        }
        let known = response.status == 100 && self.plan.said_continue;
        if !self.plan.is_1_1 || known {
            return Ok(());
        }
        if response.status == 100 {
            self.scratch.to_client.bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        } else {
            let manner = Manner { close: false, chunks: false, date: b"", cookie: None };
            write::response(&mut self.scratch.to_client.bytes, self.inbox.raw(), &self.scratch.answer, response, &manner);
        }
        Ok(())
    }

    /// The head of the answer itself.
    fn answer(&mut self, response: &ResponseHead) -> Result<(), Fact> {
        let framed = self.plan.is_1_1;
        let delimited = response.framing != Framing::UntilClose && (framed || response.framing != Framing::Chunked);
        let close = !delimited || !self.plan.keep_alive || !matches!(self.up, Up::Sent) || self.worker.router.bell.is_leaving();
        let date = self.worker.date(self.worker.router.clock.now());
        let manner = Manner { close, chunks: framed, date: &date, cookie: self.plan.cookie.as_deref().map(str::as_bytes) };
        write::response(&mut self.scratch.to_client.bytes, self.inbox.raw(), &self.scratch.answer, response, &manner);
        self.account.answered(response.status);
        self.answering = true;
        self.ended.client_stays = !close;
        self.ended.dyno_stays = response.keep_alive;
        let body = Body::new(response.framing, framed);
        self.down = if body.is_done() { Down::Done } else { Down::Body(body) };
        Ok(())
    }

    /// Both sides change their protocol.
    fn switch(&mut self, response: &ResponseHead) {
        let manner = Manner {
            close: false,
            chunks: false,
            date: &self.worker.date(self.worker.router.clock.now()),
            cookie: self.plan.cookie.as_deref().map(str::as_bytes),
        };
        write::response(&mut self.scratch.to_client.bytes, self.inbox.raw(), &self.scratch.answer, response, &manner);
        self.account.answered(101);
        self.answering = true;
        self.ended.upgraded = true;
        self.down = Down::Done;
    }
}
