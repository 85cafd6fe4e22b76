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
    connect::{DynoIo, Stream},
    rescue::Fact,
    worker::Worker,
};

/// Passes bytes both ways until either side closes, or nothing moved in either direction for 55 s. What came behind the
/// handshake goes first. `received` is what the dyno has sent so far.
pub(crate) async fn tunnel<C: Stream>(
    worker: &Worker,
    client: &mut Client<C>,
    mut dyno: DynoIo,
    mut from_dyno: Buffer,
    mut received: u64,
    mut account: Account,
) {
    dyno.prompt();
    client.inbox.pass_all();
    from_dyno.pass_all();
    let mut moved = Instant::now();
    let Client { io, inbox, timer, .. } = client;
    let fact = poll_fn(|cx| {
        loop {
            let up = pump(cx, &worker.pool, io, &mut dyno, inbox);
            let down = pump(cx, &worker.pool, &mut dyno, io, &mut from_dyno);
            match (up, down) {
                (Flow::Ended, _) | (_, Flow::Ended) => return Poll::Ready(None),
                (Flow::Waits, Flow::Waits) => break,
                (_, Flow::Moved(count)) => received += count,
                (Flow::Moved(_), Flow::Waits) => {}
            }
            moved = Instant::now();
        }
        timer.poll(cx, moved + worker.router.settings.timeouts.between_bytes).map(|()| Some(Fact::ClockRanOut(ErrorCode::H15IdleConnection)))
    })
    .await;
    account.passed_in_all(received);
    if let Some(fact) = fact {
        account.failed(fact);
    }
    account.close();
    // Either side's end is the other's. Whoever does not take it any more has left anyhow.
    let ends = async { tokio::join!(io.shutdown(), dyno.shutdown()) };
    timer.limit(Instant::now() + Duration::from_secs(5), ends).await;
}

enum Flow {
    /// So many bytes came in.
    Moved(u64),
    Waits,
    Ended,
}

/// One direction, as far as it goes without waiting.
fn pump<F, T>(cx: &mut Context<'_>, pool: &Pool, from: &mut F, to: &mut T, buffer: &mut Buffer) -> Flow
where
    F: AsyncRead + Unpin,
    T: AsyncWrite + Unpin,
{
    let mut count = 0;
    let mut nothing = Outbox::default();
    let mut written = false;
    loop {
        while !buffer.ready().is_empty() {
            match poll_pass(cx, to, &mut nothing, buffer) {
                Poll::Ready(Ok(_)) => written = true,
                Poll::Ready(Err(_)) => return Flow::Ended,
                Poll::Pending => return if written || count > 0 { Flow::Moved(count) } else { Flow::Waits },
            }
        }
        match buffer.poll_fill(cx, from, pool, SMALL) {
            Poll::Ready(Ok(read @ 1..)) => {
                count += read as u64;
                buffer.pass_all();
            }
            Poll::Ready(_) => return Flow::Ended,
            Poll::Pending => break,
        }
    }
    buffer.rest(pool);
    if let Poll::Ready(Err(_)) = Pin::new(to).poll_flush(cx) {
        return Flow::Ended;
    }
    if written || count > 0 { Flow::Moved(count) } else { Flow::Waits }
}
