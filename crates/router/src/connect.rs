//! How a dyno is reached. Tests put their own dynos behind this.

use std::{io, net::SocketAddr};

use futures_util::future::BoxFuture;
use hyper::body::Body;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};

use crate::{exchange::Exchange, rescue::Fact, wire::DynoIo};

/// A connection, of whatever kind.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// Opens connections to dynos.
pub trait Dial: Send + Sync {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;
}

/// Straight to the address.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

/// The largest response head, and how much of a response may wait for a slow client (Heroku: 1 MB per connection).
const MAX_BUFFER: usize = 1024 * 1024;
/// Heroku's limit for requests, generous for responses.
const MAX_HEADERS: usize = 1000;

/// One connection for one request, driven by its own task so that both directions move independently. Dropped, it closes.
pub(crate) struct Link(JoinHandle<()>);

impl Drop for Link {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Speaks HTTP on a fresh connection.
pub(crate) async fn link<B>(
    stream: Box<dyn Stream>,
    exchange: &std::sync::Arc<Exchange>,
) -> Result<(hyper::client::conn::http1::SendRequest<B>, Link), hyper::Error>
where
    B: Body<Data = bytes::Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let io = TokioIo::new(DynoIo::new(stream, exchange.clone()));
    let (sender, connection) =
        hyper::client::conn::http1::Builder::new().max_headers(MAX_HEADERS).max_buf_size(MAX_BUFFER).title_case_headers(true).handshake(io).await?;
    let exchange = exchange.clone();
    let task = tokio::spawn(async move {
        let driven = async {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "the connection to the dyno ended");
            }
            // The client may still be taking what came; the clock runs until this task is dropped.
            std::future::pending::<()>().await;
        };
        let expired = async {
            // Said before the connection goes, so that whoever notices its end finds the reason.
            exchange.fail(Fact::ClockRanOut(exchange.expired().await));
            exchange.cut_if_answering();
        };
        tokio::select! {
            () = driven => {}
            () = expired => {}
        }
    });
    Ok((sender, Link(task)))
}
