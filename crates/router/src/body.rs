//! The two bodies of a request on their way through. Nothing is stored; both are watched to their end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::{
    connect::Link,
    event::Account,
    exchange::{ClientSide, Exchange},
    rescue::Fact,
};

/// What a client gets: a page of ours or a dyno's answer.
pub(crate) type Answer = Either<Full<Bytes>, Relay>;

/// The client's body on its way to the dyno.
pub(crate) struct Upload {
    inner: Incoming,
    side: Arc<ClientSide>,
    exchange: Option<Arc<Exchange>>,
    complete: bool,
}

impl Upload {
    pub(crate) fn new(inner: Incoming, side: Arc<ClientSide>) -> Self {
        let complete = inner.is_end_stream();
        Self { inner, side, exchange: None, complete }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.inner.is_end_stream()
    }

    /// This is where it goes.
    pub(crate) fn to(mut self, exchange: &Arc<Exchange>) -> Self {
        if self.complete {
            exchange.upload_done();
        }
        self.exchange = Some(exchange.clone());
        self
    }

    fn done(&mut self) {
        self.complete = true;
        if let Some(exchange) = &self.exchange {
            exchange.upload_done();
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(_)) if self.inner.is_end_stream() => self.done(),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                if let Some(exchange) = &self.exchange {
                    exchange.fail(Fact::of_upload(error));
                }
            }
            None => self.done(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.complete {
            self.side.left_unread();
        }
    }
}

/// The dyno's body on its way to the client. Ends the request's account with it.
pub(crate) struct Relay {
    inner: Incoming,
    exchange: Arc<Exchange>,
    account: Option<Account>,
    /// Kept until the answer is through: without it the dyno's connection closes.
    _link: Link,
}

impl Relay {
    pub(crate) fn new(inner: Incoming, exchange: Arc<Exchange>, link: Link, account: Account) -> Self {
        Self { inner, exchange, account: Some(account), _link: link }
    }

    /// The account ends here, once: with the first reason for which there is no more, if there is one.
    fn end(&mut self, otherwise: Option<Fact>) {
        let Some(mut account) = self.account.take() else { return };
        if let Some(fact) = otherwise {
            account.failed(self.exchange.failure().unwrap_or(fact));
        }
        account.close();
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(data), Some(account)) = (frame.data_ref(), &mut self.account) {
                    account.passed(data.len() as u64);
                }
            }
            Some(Err(_)) => self.end(Some(Fact::DynoBrokeOff)),
            None => self.end(None),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.inner.is_end_stream() {
            // hyper asks no further once a length is complete.
            self.end(None);
        } else if let Some(fact) = self.exchange.failure() {
            self.end(Some(fact));
        }
        // Else the account falls with us, and says that the client left.
    }
}
