//! Two connections that no longer speak HTTP, joined (WebSocket).

use std::sync::Arc;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf, copy, split};
use tokio_util::sync::CancellationToken;

use crate::{connect::Link, event::Account, exchange::Exchange, rescue::Fact};

/// Copies both ways until either side closes, nothing moved in either direction for 55 s, or the router ends. Nobody reads
/// past the 101 before both sides have it.
pub(crate) async fn tunnel(client: OnUpgrade, dyno: OnUpgrade, exchange: Arc<Exchange>, link: Link, mut account: Account, force: CancellationToken) {
    let (client, dyno) = match tokio::try_join!(client, dyno) {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!(%error, "the connections could not be joined");
            account.failed(exchange.failure().unwrap_or(Fact::ClientLeft));
            return account.close();
        }
    };
    let (mut from_client, mut to_client) = split(TokioIo::new(client));
    let (mut from_dyno, mut to_dyno) = split(TokioIo::new(dyno));
    let ending = tokio::select! {
        () = pour(&mut from_client, &mut to_dyno) => None,
        () = pour(&mut from_dyno, &mut to_client) => None,
        code = exchange.expired() => Some(Fact::ClockRanOut(code)),
        () = force.cancelled() => None,
    };
    account.passed_in_all(exchange.received());
    if let Some(fact) = ending {
        account.failed(fact);
    }
    account.close();
    // Either side's end is the other's. Whoever does not take it any more has left anyhow.
    let _ = tokio::join!(to_client.shutdown(), to_dyno.shutdown());
    drop(link);
}

/// Ends when the source does, or when the sink takes no more.
async fn pour(from: &mut ReadHalf<TokioIo<Upgraded>>, to: &mut WriteHalf<TokioIo<Upgraded>>) {
    if let Err(error) = copy(from, to).await {
        tracing::debug!(%error, "a joined connection ended");
    }
}
