//! `mypaasd router --control URL`: the router in a process of its own, by the control plane's routes. When that is away, the
//! last routes hold, also over a restart of the router; what is to be told to it waits, within bounds.

mod call;
mod reports;
mod table;
mod updates;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use ports::{Chance, clock::SystemClock};
use router::{Router, Timeouts};
use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{call::Control, reports::Reports, updates::Updates};
use crate::{
    config::Config,
    front::Ports,
    keys::{private_folder, router_pass_file, secret_in},
    lifecycle::Signals,
};

/// Requests under way at a stop get so long, and then what is left to be told.
const GRACE: Duration = Duration::from_secs(25);
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Serves until told to stop, then lets requests come to their end.
pub(crate) async fn run(config: Config, urls: &[String], pass: Option<&Path>) -> anyhow::Result<()> {
    super::log_to_stderr(&config)?;
    let pass = secret_in(&pass.map_or_else(|| router_pass_file(&config.home), Path::to_owned))?;
    let control = Arc::new(Control::parse(urls, SecretString::from(pass), config.build.extra_ca_file.as_deref())?);
    let kept = private_folder(&config.home.join("router"))?.join("routes.json");

    let stop = CancellationToken::new();
    let mut signals = Signals::listen()?;
    let Some(mut updates) = Updates::begin(control.clone(), kept, signals.told()).await? else { return Ok(()) };
    let ports = Ports::open(SocketAddr::new(config.listen.address, config.listen.port), &config.router)?;
    let address = ports.address;
    let (routes, table) = watch::channel(updates.first());
    let reports = Arc::new(Reports::default());
    let app_connections = config.router.app_connections.unwrap_or(router::Settings::APP_CONNECTIONS);
    let settings = router::Settings { proto: "http", port: address.port(), shutdown_grace: GRACE, timeouts: Timeouts::HEROKU, app_connections };
    let router = Router::new(table, reports.clone(), Arc::new(SystemClock), Arc::new(Chance::from_os()), settings);
    let serving = TaskTracker::new();
    ports.serve(&router, &serving, &stop)?;
    serving.close();
    let (silent, telling) = (CancellationToken::new(), TaskTracker::new());
    telling.spawn(reports::tell(reports, control, silent.clone()));
    telling.close();
    tracing::info!("the router listens at {address}");
    tokio::select! {
        never = updates.follow(&routes) => match never {},
        () = signals.told() => {}
    }
    tracing::info!("stopping: no new connections; requests under way may finish");
    stop.cancel();
    serving.wait().await;
    silent.cancel();
    if tokio::time::timeout(LAST_WORDS, telling.wait()).await.is_err() {
        tracing::warn!("the last lines are lost: the control plane takes none");
    }
    Ok(())
}

async fn unless_told<T>(told: impl Future<Output = ()>, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<Option<T>> {
    tokio::select! {
        done = work => done.map(Some),
        () = told => Ok(None),
    }
}
