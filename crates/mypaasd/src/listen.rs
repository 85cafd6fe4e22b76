//! The API's port. It speaks HTTP in clear and over TLS, and the rendezvous of attached dynos over TLS, told apart by the
//! first byte: a TLS hello is 0x16, an HTTP method begins with a capital, a rendezvous secret with a lowercase hex digit.

use std::{
    convert::Infallible,
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use api::rendezvous;
use axum::body::Body;
use engine::Platform;
use git::Git;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use store::Db;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_service::Service;

use crate::standby;

/// A client that has connected says something within this time.
const FIRST_BYTE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) api: axum::Router,
    pub(crate) behind: Behind,
    pub(crate) platform: Arc<Platform>,
    pub(crate) tls: TlsAcceptor,
}

/// Who answers what is not the API's alone.
#[derive(Clone)]
pub(crate) enum Behind {
    Leading(Arc<Git>),
    /// Another control plane leads.
    StandingBy(Db),
}

/// Serves until told to stop; requests under way are finished by the tracker's owner waiting for it.
pub(crate) async fn serve(front: Front, listener: Arc<TcpListener>, connections: TaskTracker, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match stream {
            Ok((stream, peer)) => {
                let (front, stop) = (front.clone(), stop.clone());
                connections.spawn(async move {
                    if let Err(error) = front.connection(stream, peer.ip(), stop).await {
                        tracing::debug!(error = &error as &dyn std::error::Error, "a connection to the API ended badly");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: give others time to end.
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection to the API could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Front {
    async fn connection(self, stream: TcpStream, peer: IpAddr, stop: CancellationToken) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut first = [0];
        if in_time(stream.peek(&mut first)).await? == 0 {
            return Ok(());
        }
        if first[0] != 0x16 {
            return self.http(stream, peer, stop).await;
        }
        let mut stream = in_time(self.tls.accept(stream)).await?;
        if in_time(stream.read(&mut first)).await? == 0 {
            return Ok(());
        }
        let stream = Rewound { first: Some(first[0]), inner: stream };
        match self.behind {
            _ if first[0].is_ascii_uppercase() => self.http(stream, peer, stop).await,
            Behind::Leading(_) => rendezvous::serve(self.platform, stream).await,
            Behind::StandingBy(_) => Ok(()),
        }
    }

    async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S, peer: IpAddr, stop: CancellationToken) -> io::Result<()> {
        let service = service_fn(move |request: Request<Incoming>| {
            let front = self.clone();
            async move { Ok::<_, Infallible>(front.answer(request, peer).await) }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(FIRST_BYTE).half_close(true);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let mut told = false;
        loop {
            tokio::select! {
                done = connection.as_mut() => return done.map_err(io::Error::other),
                () = stop.cancelled(), if !told => {
                    told = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    async fn answer(mut self, mut request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        // For whoever watches over the process, and for balancers; neither says anything that needs a token.
        match (request.uri().path(), &self.behind) {
            ("/health", Behind::Leading(_)) => return Response::new(Body::from("ok\n")),
            ("/health", Behind::StandingBy(_)) => return Response::new(Body::from("standby\n")),
            ("/ready", Behind::Leading(_)) => return Response::new(Body::from("ok\n")),
            _ => {}
        }
        match self.behind {
            Behind::Leading(git) if git::is_git_path(request.uri().path()) => {
                request.extensions_mut().insert(git::Peer(peer));
                return git::handle(git, request).await.map(Body::new);
            }
            Behind::Leading(_) => {}
            Behind::StandingBy(store) => {
                if let Some(refusal) = standby::refusal(request.method(), request.uri().path(), store.leader().as_deref()) {
                    return refusal;
                }
            }
        }
        request.extensions_mut().insert(api::Peer(peer));
        match self.api.call(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(FIRST_BYTE, work).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// A stream of which one byte was read already.
struct Rewound<S> {
    first: Option<u8>,
    inner: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0
            && let Some(first) = self.first.take()
        {
            buffer.put_slice(&[first]);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
