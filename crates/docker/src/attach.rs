//! One-off dynos with someone at the other end.
//!
//! The connection is made here and not by the client library, which takes a terminal's bytes for frames when they look
//! like the head of one, and cannot switch off the engine's own key sequence for detaching.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bollard::query_parameters::ResizeContainerTTYOptions;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Method, Request, StatusCode, client::conn::http1, header, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use ports::{
    RuntimeError,
    runtime::{Attached, ContainerKey, OneOffSpec},
};
use tokio::{
    io::{AsyncWrite, WriteHalf, split},
    net::UnixStream,
};

use crate::{connect::Engine, containers::Made, demux::Demux, error::refused, spec::Streams};

type Connection = TokioIo<Upgraded>;

/// Ctrl-P Ctrl-Q would cut the connection on a terminal. There is no way to say "none", so: a byte that no keyboard and no
/// UTF-8 text has, eight times.
const NEVER_DETACH: &str = "%ff,%ff,%ff,%ff,%ff,%ff,%ff,%ff";

/// Makes the container, connects to it, and only then starts it, so that not a byte is missed.
pub(crate) async fn run(engine: &Arc<Engine>, spec: &OneOffSpec) -> Result<Attached, RuntimeError> {
    engine.make_ready(&spec.container.image).await?;
    let _one_of_few = engine.starts.acquire().await.map_err(|error| RuntimeError::Refused(error.to_string()))?;
    let id = match engine.make(&spec.container, Streams::Attached(spec.terminal)).await? {
        Made::Ready { id, place } => {
            engine.furnish(place.as_deref(), spec.container.image.slug).await?;
            id
        }
        Made::Started => return Err(RuntimeError::Refused(format!("{} was started before", spec.container.key.dyno))),
    };
    let (output, input) = split(connect(engine, &id).await?);
    engine.start(&id).await?;
    let Some((columns, rows)) = spec.terminal else {
        return Ok(Attached { output: Box::new(Demux::new(output)), input: Box::new(input) });
    };
    // A terminal has no size before it is started.
    give_size(engine, &id, (columns, rows)).await;
    Ok(Attached { output: Box::new(output), input: Box::new(Typing { input, ended: false }) })
}

/// Gives the terminal of a dyno that runs another size; its programs are sent SIGWINCH by the kernel.
pub(crate) async fn resize(engine: &Engine, key: &ContainerKey, size: (u16, u16)) -> Result<(), RuntimeError> {
    if let Some(found) = engine.find(key, 1).await? {
        give_size(engine, &found.id, size).await;
    }
    Ok(())
}

/// One that has ended in between, or has no terminal, is left as it is.
async fn give_size(engine: &Engine, id: &str, (columns, rows): (u16, u16)) {
    let size = ResizeContainerTTYOptions { h: rows.into(), w: columns.into() };
    if let Err(error) = engine.api.resize_container_tty(id, size).await {
        tracing::debug!(container = id, %error, "the terminal could not be resized");
    }
}

async fn connect(engine: &Engine, id: &str) -> Result<Connection, RuntimeError> {
    let unreachable = |error: hyper::Error| RuntimeError::Unreachable(Box::new(error));
    let socket = UnixStream::connect(&engine.socket).await.map_err(|error| RuntimeError::Unreachable(Box::new(error)))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(unreachable)?;
    engine.spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    let version = engine.api.client_version();
    let path =
        format!("/v{}.{}/containers/{id}/attach?stream=1&stdin=1&stdout=1&stderr=1&detachKeys={NEVER_DETACH}", version.major_version, version.minor_version);
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, "docker")
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "tcp")
        .body(Empty::<Bytes>::new())
        .map_err(|error| RuntimeError::Refused(error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(unreachable)?;
    let status = answer.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let message = answer.into_body().collect().await.map_err(unreachable)?.to_bytes();
        let message = String::from_utf8_lossy(&message).into_owned();
        return Err(refused(bollard::errors::Error::DockerResponseServerError { status_code: status.as_u16(), message }));
    }
    let upgraded = hyper::upgrade::on(answer).await.map_err(unreachable)?;
    Ok(TokioIo::new(upgraded))
}

/// What is typed on a terminal. A terminal cannot be half closed, and the engine would stop sending its output: the end of
/// the input is said with the character for it.
struct Typing {
    input: WriteHalf<Connection>,
    ended: bool,
}

const END_OF_TRANSMISSION: &[u8] = b"\x04";

impl AsyncWrite for Typing {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ended {
            let written = ready!(Pin::new(&mut self.input).poll_write(cx, END_OF_TRANSMISSION))?;
            self.ended = written > 0;
        }
        self.poll_flush(cx)
    }
}
