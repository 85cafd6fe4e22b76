//! HTTP/2 clients. Each stream is made a client of the HTTP/1 story of its own, so that both have one set of rules.

use std::{sync::Arc, time::Duration};

use h2::{Reason, server};
use tokio::time::timeout;

use crate::{
    bell::Phase,
    connect::Stream,
    flood::Guarded,
    http2_stream::Adapter,
    worker::{Peer, Worker},
};

/// Streams of one client at once.
const MAX_STREAMS: u32 = 100;
/// A head, unpacked.
const MAX_HEAD: u32 = 256 * 1024;
/// What a client may have sent of one body that nobody has read.
const WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Of one answer, on its way to the client.
const SEND_BUFFER: usize = 128 * 1024;
/// Streams that a client took back before we began.
const MAX_RESET: usize = 20;
/// Without a stream, a connection ends after so long.
const IDLE: Duration = Duration::from_secs(60);

/// Serves one client until either side has had enough.
pub(crate) async fn serve<C: Stream>(worker: Arc<Worker>, io: C, peer: Peer) {
    let guarded = Guarded::new(io, worker.router.floods.clone());
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(MAX_RESET)
        .max_concurrent_reset_streams(MAX_RESET);
    let Ok(Ok(mut connection)) = timeout(worker.router.settings.timeouts.head, builder.handshake::<_, bytes::Bytes>(guarded)).await else { return };
    let streams = tokio_util::task::TaskTracker::new();
    let bell = worker.router.bell.clone();
    let mut seat = None;
    let mut heard = Phase::Running;
    loop {
        let mut rung = std::pin::pin!(std::future::poll_fn(|cx| {
            seat.get_or_insert_with(|| bell.seat(cx.waker()));
            if bell.phase() > heard { std::task::Poll::Ready(bell.phase()) } else { std::task::Poll::Pending }
        }));
        let accepted = tokio::select! {
            accepted = timeout(IDLE, connection.accept()) => accepted,
            phase = &mut rung => {
                connection.graceful_shutdown();
                if phase >= Phase::Stopping {
                    break;
                }
                // What the client sends before it has heard of that is served.
                heard = phase;
                continue;
            }
        };
        match accepted {
            Ok(Some(Ok((request, respond)))) => match Adapter::new(request, respond) {
                Ok(adapter) => {
                    let peer = Peer { is_http2: true, ..peer.clone() };
                    let worker = worker.clone();
                    worker.router.tasks.spawn(streams.track_future(worker.clone().serve_connection(adapter, peer)));
                }
                Err(mut respond) => respond.send_reset(Reason::PROTOCOL_ERROR),
            },
            Ok(Some(Err(error))) => {
                if error.reason() == Some(Reason::ENHANCE_YOUR_CALM) {
                    worker.router.floods.calmed();
                }
                tracing::debug!(%error, "an HTTP/2 connection ended");
                return;
            }
            Ok(None) => return,
            Err(_) if streams.is_empty() => {
                connection.graceful_shutdown();
                break;
            }
            Err(_) => {}
        }
    }
    // What has begun comes to its end.
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        respond.send_reset(Reason::REFUSED_STREAM);
    }
}
