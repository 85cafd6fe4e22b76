//! `mypaasd router --routes FILE`: the router by itself. It follows a table in a file, and its lines go to standard output.
//! With `--control URL` both are the control plane's: see [`controlled`].

pub(crate) mod controlled;
mod file;
mod follow;
mod stdout;

use std::{io::IsTerminal, net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context;
use ports::{Chance, clock::SystemClock};
use router::{LogSinkAdapter, Router};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{file::Ids, follow::Follower, stdout::Stdout};
use crate::{config::Config, front::Ports, lifecycle::Signals};

/// Serves until told to stop, then lets requests come to their end.
pub(crate) async fn run(config: Config, path: &Path) -> anyhow::Result<()> {
    log_to_stderr(&config)?;
    let mut signals = Signals::listen()?;
    let (mut follower, first) = Follower::start(path, Ids::default())?;
    let ports = Ports::open(first.listen, &config.router)?;
    let address = ports.address;
    let (routes, table) = watch::channel(Arc::new(first.table.clone()));
    let stdout = Stdout::start()?;
    let events = Arc::new(LogSinkAdapter(stdout.clone()));
    let router = Router::new(table, events, Arc::new(SystemClock), Arc::new(Chance::from_os()), settings(&first, address, &config));
    let stop = CancellationToken::new();
    let serving = TaskTracker::new();
    ports.serve(&router, &serving, &stop)?;
    serving.close();
    tracing::info!("the router listens at {address}");
    tokio::select! {
        never = follower.follow(&first, &routes) => match never {},
        () = signals.told() => {}
    }
    tracing::info!("stopping: no new connections; requests under way may finish");
    stop.cancel();
    serving.wait().await;
    // Off the runtime: it waits for a reader that may be slow.
    tokio::task::spawn_blocking(move || stdout.end()).await?;
    Ok(())
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
