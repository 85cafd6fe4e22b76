//! `mypaasd router --routes FILE`: the router by itself. It follows a table in a file, and its lines go to standard output.
//! With `--control URL` both are the control plane's: see [`controlled`].

pub(crate) mod controlled;
mod file;
mod follow;
mod stdout;

use std::{io::IsTerminal, net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context;
use ports::{Chance, clock::SystemClock};
use router::{Ends, LogSinkAdapter, Router};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use self::{file::Ids, follow::Follower, stdout::Stdout};
use crate::{
    config::Config,
    front::Ports,
    handover::{Estate, Predecessor},
    notify,
    signals::Signals,
};

/// Serves until told to stop, then lets requests come to their end.
pub(crate) async fn run(config: Config, path: &Path) -> anyhow::Result<()> {
    log_to_stderr(&config)?;
    let mut signals = Signals::listen()?;
    tokio::spawn(notify::signs_of_life());
    let (mut follower, first) = Follower::start(path, Ids::default())?;
    let mut before = Predecessor::meet(&config).await?;
    let ports = Ports::open(first.listen, &config.router, &mut before)?;
    let address = ports.address;
    let mut estate = ports.copies()?;
    estate.inherit(&before)?;
    let (routes, table) = watch::channel(Arc::new(first.table.clone()));
    let stdout = Stdout::start()?;
    let events = Arc::new(LogSinkAdapter(stdout.clone()));
    let router = Router::new(table, events, Arc::new(SystemClock), Arc::new(Chance::from_os()), settings(&first, address, &config));
    before.may_lead().await;
    let (ends, serving) = (Ends::default(), TaskTracker::new());
    ports.serve(&router, &serving, &ends)?;
    serving.close();
    tracing::info!("the router listens at {address}");
    before.is_over().await;
    notify::ready("routing");
    // Requests that have begun go on by the newest table.
    tokio::select! {
        never = follower.follow(&first, &routes) => match never {},
        () = until_ended(&config, &mut signals, estate, &ends, &serving) => {}
    }
    // Off the runtime: it waits for a reader that may be slow.
    tokio::task::spawn_blocking(move || stdout.end()).await?;
    Ok(())
}

/// Serves until told to stop or until another has taken over, and then on until what has begun has ended.
async fn until_ended(config: &Config, signals: &mut Signals, mut estate: Estate, ends: &Ends, serving: &TaskTracker) {
    if let Some(mut successor) = estate.until_handed_over(config, signals).await {
        successor.is_the_one(config).await;
        ends.leave.cancel();
        estate.close();
        tokio::select! {
            () = serving.wait() => return,
            () = successor.gone() => tracing::info!("the new program has ended"),
            () = signals.stop() => {}
        }
    } else {
        notify::stopping();
    }
    tracing::info!("stopping: no new connections; requests under way may finish");
    estate.close();
    ends.stop.cancel();
    serving.wait().await;
}

fn log_to_stderr(config: &Config) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).context("log")?;
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr).init();
    Ok(())
}

fn settings(file: &file::RoutesFile, address: SocketAddr, config: &Config) -> router::Settings {
    let app_connections = config.router.app_connections.unwrap_or(router::Settings::APP_CONNECTIONS);
    router::Settings { proto: "http", port: address.port(), shutdown_grace: file.drain, timeouts: file.timeouts, app_connections }
}
