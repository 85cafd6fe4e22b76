//! `mypaasd router --control URL`: the router in a process of its own, by the control plane's routes. When that is away, the
//! last routes hold, also over a restart of the router; what is to be told to it waits, within bounds.

mod call;
mod reports;
mod table;
mod updates;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use ports::{Chance, clock::SystemClock};
use router::{Ends, Router, Timeouts};
use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::{call::Control, reports::Reports, updates::Updates};
use crate::{
    config::Config,
    front::Ports,
    handover::Predecessor,
    keys::{private_folder, router_pass_file, secret_in},
    notify,
    signals::Signals,
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

    let mut signals = Signals::listen()?;
    tokio::spawn(notify::signs_of_life());
    let Some(mut updates) = Updates::begin(control.clone(), kept, signals.stop()).await? else { return Ok(()) };
    let mut before = Predecessor::meet(&config).await?;
    let ports = Ports::open(SocketAddr::new(config.listen.address, config.listen.port), &config.router, &mut before)?;
    let address = ports.address;
    let mut estate = ports.copies()?;
    estate.inherit(&before)?;
    let (routes, table) = watch::channel(updates.first());
    let reports = Arc::new(Reports::default());
    let app_connections = config.router.app_connections.unwrap_or(router::Settings::APP_CONNECTIONS);
    let settings = router::Settings { proto: "http", port: address.port(), shutdown_grace: GRACE, timeouts: Timeouts::HEROKU, app_connections };
    let router = Router::new(table, reports.clone(), Arc::new(SystemClock), Arc::new(Chance::from_os()), settings);
    before.may_lead().await;
    let (ends, serving) = (Ends::default(), TaskTracker::new());
    ports.serve(&router, &serving, &ends)?;
    serving.close();
    let telling = Telling::start(reports, control);
    tracing::info!("the router listens at {address}");
    before.is_over().await;
    notify::ready("routing");
    tokio::select! {
        never = updates.follow(&routes) => match never {},
        () = super::until_ended(&config, &mut signals, estate, &ends, &serving) => {}
    }
    telling.end().await;
    Ok(())
}

/// Hands in what is to be told.
pub(crate) struct Telling {
    silent: CancellationToken,
    tasks: TaskTracker,
}

impl Telling {
    pub(crate) fn start(reports: Arc<Reports>, control: Arc<Control>) -> Self {
        let (silent, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(reports::tell(reports, control, silent.clone()));
        tasks.close();
        Self { silent, tasks }
    }

    /// Nothing comes any more.
    pub(crate) async fn end(self) {
        self.silent.cancel();
        if tokio::time::timeout(LAST_WORDS, self.tasks.wait()).await.is_err() {
            tracing::warn!("the last lines are lost: the control plane takes none");
        }
    }
}

async fn unless_told<T>(told: impl Future<Output = ()>, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<Option<T>> {
    tokio::select! {
        done = work => done.map(Some),
        () = told => Ok(None),
    }
}
