//! HTTP with one client.

use std::{net::IpAddr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{connect::Stream, exchange::ClientSide, listen::Router, wire::ClientIo};

/// Heroku: 1,000 headers.
const MAX_HEADERS: usize = 1000;
/// The largest head; also how much of an answer may wait for the client.
const MAX_BUFFER: usize = 512 * 1024;
/// How long, and how much, a client may go on sending what nobody reads, so that it gets to read its answer.
const LINGER_LIMIT: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 1024 * 1024;

impl Router {
    /// Serves a client until either side has had enough.
    pub(crate) async fn serve_connection<I: Stream>(self: Arc<Self>, io: I, peer: IpAddr, shutdown: CancellationToken) {
        let side = Arc::new(ClientSide::default());
        let service = {
            let (router, side) = (self.clone(), side.clone());
            service_fn(move |request| router.clone().answer(request, peer, side.clone()))
        };
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.timeouts.head)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_BUFFER)
            .title_case_headers(true)
            .serve_connection(TokioIo::new(ClientIo::new(io, side.clone())), service)
            .with_upgrades();
        let mut stopping = false;
        loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, %peer, "a client's connection ended");
                        return;
                    }
                    break;
                }
                () = shutdown.cancelled(), if !stopping => {
                    stopping = true;
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
                () = side.cut.cancelled() => return,
                () = self.force.cancelled() => return,
            }
        }
        if side.has_unread()
            && let Some(parts) = connection.into_parts()
        {
            linger(parts.io.into_inner(), &self.force).await;
        }
    }
}

/// Reads and discards. A socket closed on unread bytes is reset, and the client would lose the answer that tells it why.
async fn linger(mut io: impl AsyncRead + Unpin, force: &CancellationToken) {
    let discard = async {
        let mut buffer = vec![0; 16 * 1024];
        let mut left = LINGER_BYTES;
        while let Ok(count @ 1..) = io.read(&mut buffer).await {
            left = left.saturating_sub(count);
            if left == 0 {
                break;
            }
        }
    };
    tokio::select! {
        _ = timeout(LINGER_LIMIT, discard) => {}
        () = force.cancelled() => {}
    }
}
