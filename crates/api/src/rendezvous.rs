//! The rendezvous: where the client of an attached one-off dyno meets it (what `heroku run` connects to).
//!
//! The client shows its secret, the dyno starts, and from then on both sides are one stream of raw bytes until the
//! program ends or the client is gone.

use std::{io, sync::Arc, time::Duration};

use engine::{Platform, one_off::Session};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::Notify,
    time::Instant,
};

use crate::typed::Typed;

/// 256 bits in hex.
const SECRET: usize = 64;
/// Nobody may hold a connection open without showing a secret.
const SECRET_WITHIN: Duration = Duration::from_secs(30);
/// An end of transmission with nothing behind it for so long was one; bytes of a file that look like it go on.
const QUIET: Duration = Duration::from_millis(200);
/// A client whose input is at its end says so right after the greeting, and the official one breaks down if the connection has
/// ended by then: it stays open for so long unless the client has said something.
const SPEAKS_WITHIN: Duration = Duration::from_secs(1);
/// How long a program whose output has ended may take to end itself.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Serves one client. Whatever happens, the dyno does not outlive it.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(platform: Arc<Platform>, mut stream: S) -> io::Result<()> {
    let mut secret = [0; SECRET];
    match tokio::time::timeout(SECRET_WITHIN, stream.read_exact(&mut secret)).await {
        Ok(read) => read?,
        Err(_) => return stream.shutdown().await,
    };
    let known = std::str::from_utf8(&secret).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let Some(secret) = known else { return stream.shutdown().await };
    match platform.attach(secret).await {
        Ok(Some(session)) => talk(&platform, session, stream).await,
        Ok(None) => stream.shutdown().await,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an attached dyno could not be started");
            greet(&mut stream).await?;
            stream.write_all(b" !    The dyno could not be started. Please try again in a moment.\r\n").await?;
            stream.shutdown().await
        }
    }
}

/// The first bytes of the answer, alone: clients throw away everything that comes with them.
async fn greet(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    stream.write_all(b"rendezvous\r\n").await?;
    stream.flush().await
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send>(platform: &Platform, session: Session, mut stream: S) -> io::Result<()> {
    let Session { attached, one_off, terminal } = session;
    let conversation = async {
        greet(&mut stream).await?;
        let (spoke, until) = (Notify::new(), Instant::now() + SPEAKS_WITHIN);
        let (from_client, mut to_client) = tokio::io::split(stream);
        let shown = async {
            show(attached.output, &mut to_client).await?;
            // Whether it spoke or not: its time is up.
            let _ = tokio::time::timeout_at(until, spoke.notified()).await;
            Ok(())
        };
        let ended = tokio::select! {
            ended = shown => ended,
            () = listen(from_client, attached.input, terminal, &spoke) => Err(io::ErrorKind::ConnectionReset.into()),
        };
        if ended.is_ok() {
            to_client.shutdown().await?;
        }
        ended
    };
    let conversation = conversation.await;
    if conversation.is_ok() {
        // Its own end is what the log tells, not the end we would put to it.
        let ended = tokio::time::timeout(ENDS_WITHIN, platform.ended(&one_off)).await;
        tracing::debug!(dyno = %one_off.name, in_time = ended.is_ok(), "an attached dyno's output has ended");
    }
    platform.end_session(&one_off).await.map_err(io::Error::other)?;
    // A client that left is nothing unusual.
    if conversation.as_ref().is_err_and(is_gone) { Ok(()) } else { conversation }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted | io::ErrorKind::NotConnected)
}

/// What the program writes, until it ends. Each piece as it came: clients look for a line of theirs in one piece.
async fn show<S: AsyncWrite>(mut output: impl AsyncRead + Unpin, client: &mut WriteHalf<S>) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        // An engine that breaks off has no more to say.
        let read = output.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..read]).await?;
        client.flush().await?;
    }
}

/// What the client types, until it is gone.
async fn listen<S: AsyncRead>(mut client: ReadHalf<S>, input: impl AsyncWrite + Unpin, terminal: bool, spoke: &Notify) {
    let mut typed = Typed::new(terminal);
    let mut input = Some(input);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = client.read(&mut buffer);
        let read = if typed.holds_end() {
            match tokio::time::timeout(QUIET, read).await {
                Ok(read) => read,
                Err(_) => {
                    typed.ended();
                    close(&mut input).await;
                    continue;
                }
            }
        } else {
            read.await
        };
        let Ok(read @ 1..) = read else { return };
        let bytes = typed.take(&buffer[..read]);
        if !bytes.is_empty() || typed.holds_end() {
            spoke.notify_one();
        }
        // A program that no longer reads does not end the session: it may still have something to say.
        if let Some(open) = &mut input
            && (open.write_all(&bytes).await.is_err() || open.flush().await.is_err())
        {
            input = None;
        }
    }
}

async fn close(input: &mut Option<impl AsyncWrite + Unpin>) {
    if let Some(mut open) = input.take() {
        // It may have ended already; then there is nothing to close.
        let _ = open.shutdown().await;
    }
}
