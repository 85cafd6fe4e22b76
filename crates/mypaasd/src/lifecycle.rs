//! Starting and stopping. Stopping leaves the dynos running; the next start adopts them.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use api::Api;
use domain::{AppId, route::RouteTable};
use engine::{Platform, Wake, drive, formation::Formations, leftovers::Leftovers, memory::MemoryWatch, webhooks::Deliveries};
use git::{Git, Sweep};
use logs::Logplex;
use ports::Chance;
use router::{LogSinkAdapter, RequestRouted, RequestSink};
use tokio::{runtime::Runtime, sync::watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Config,
    house::{Ended, Handed, House},
    keys, leading,
    listen::{self, Behind, Front},
    notify,
    standby::{self, Waited},
    tls, wire,
};

/// Requests and builds under way at a stop, or when another takes over, get so long to finish.
pub(crate) const GRACE: Duration = Duration::from_secs(25);

/// What still runs when all has been waited for (an idle connection to the database, most likely).
const LAST_TASKS: Duration = Duration::from_secs(5);

/// `mypaasd all`, or with routers in processes of their own `mypaasd control`.
///
/// There are two runtimes: in one is everything that leads, so that it ends with it and no task can go on by mistake when
/// another process leads; the other one, with the router and its ports, goes on until what it has begun has ended.
pub(crate) fn run(config: &Config, with_router: bool) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::try_new(&config.log).context("log")?).with_writer(std::io::stderr).init();
    let outside = runtime()?;
    let mut house = outside.block_on(House::open(config, with_router))?;
    loop {
        let inside = runtime()?;
        let ended = inside.block_on(lead(config, &mut house));
        inside.shutdown_timeout(LAST_TASKS);
        house.lock = None;
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => match outside.block_on(house.only_routes(config, &error)) {
                Some(ended) => ended,
                None => return Err(error),
            },
        };
        match ended {
            Ended::Stopped => {
                outside.block_on(house.ends());
                return Ok(());
            }
            Ended::HandsOver(successor) => match outside.block_on(house.hand_over(config, successor))? {
                Handed::Over => return Ok(()),
                Handed::Back => {}
            },
        }
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the async runtime could not be started")
}

/// Leads, once it is this one's turn, until told to stop or to hand over.
async fn lead(config: &Config, house: &mut House) -> anyhow::Result<Ended> {
    tokio::spawn(notify::signs_of_life());
    house.lock = Some(if config.database_url().may_be_shared()? { keys::lock_with_others(&config.home) } else { keys::lock(&config.home) }?);
    let chance = Arc::new(Chance::from_os());
    let api_port = house.api_port()?;
    let store = wire::open_store(config, &chance).await?;
    let mut deposed = match store.candidate(config.api_url(), keys::fingerprint(&config.home, &chance)?)? {
        None => tokio::spawn(std::future::pending()),
        Some(candidate) => match standby::until_leading(config, &store, candidate, &api_port, house).await? {
            // On its own: whatever else takes long, signs of life do not wait for it.
            Waited::Leads(leader) => tokio::spawn(leading::until_deposed(*leader)),
            Waited::Ended(ended) => return Ok(ended),
        },
    };
    house.open_ports(config).await?;
    let wired = tokio::select! {
        wired = wire::online(config, store.clone()) => wired?,
        () = house.signals.stop() => return Ok(Ended::Stopped),
        _ = &mut deposed => match leading::begin_anew()? {},
    };
    let platform = wired.platform.clone();
    platform.recover().await.context("what the last run left unfinished could not be settled")?;
    let tls = TlsAcceptor::from(tls::server_config(&config.home, &config.listen.api_host)?);
    let git = Git::open(platform.clone(), config.home.join("repos"), config.home.join("run"), std::env::current_exe()?)
        .context("the git repositories could not be opened")?;

    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let mut table = platform.routes();
    tasks.spawn(drive(Formations::new(platform.clone()), platform.formation.clone(), stop.clone()));
    tasks.spawn(drive(MemoryWatch::new(platform.clone()), Wake::default(), stop.clone()));
    tasks.spawn(drive(Leftovers(platform.clone()), platform.leftovers.clone(), stop.clone()));
    tasks.spawn(drive(Deliveries { platform: platform.clone(), posts: wired.posts.clone() }, platform.outbox.clone(), stop.clone()));
    tasks.spawn(drive(Sweep(git.clone()), platform.repositories.clone(), stop.clone()));
    tasks.spawn(keep_lines(wired.logplex.clone(), stop.clone()));
    if let Some(ssh_port) = house.ssh_port()? {
        let host_key = keys::ssh_host_key(&config.home, &wired.chance)?;
        tracing::info!(fingerprint = host_key.fingerprint(), "git answers over SSH with this host key");
        tasks.spawn(git::ssh::serve(git.clone(), host_key, ssh_port, tasks.clone(), stop.clone()));
    }
    let api = api::router(Api {
        platform: platform.clone(),
        logplex: wired.logplex.clone(),
        sessions: wired.sessions.clone(),
        router_pass: Arc::new(keys::router_pass(&config.home, &wired.chance)?),
        stopping: stop.clone(),
    });
    let behind = Behind::Leading(git);
    tasks.spawn(listen::serve(Front { api, behind, platform: platform.clone(), tls }, api_port, tasks.clone(), stop.clone()));
    // Whoever asks for an app before its dynos were looked at waits at the door.
    let known = async { platform.routes_are_known() || table.changed().await.is_ok() };
    let ended = tokio::select! {
        _ = known => None,
        () = house.signals.stop() => Some(Ended::Stopped),
        _ = &mut deposed => match leading::begin_anew()? {},
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            let sink = Arc::new(Asked { platform, lines: LogSinkAdapter(wired.logplex.clone()) });
            let now = table.borrow_and_update().clone();
            if let Some(routes) = house.route(config, now, sink, &wired.clock, &wired.chance)? {
                tokio::spawn(pass_on(table, routes));
            }
            house.answers_again();
            house.before.is_over().await;
            notify::ready("leading");
            tracing::info!("ready\n{}", config.describe().trim_end());
            tokio::select! {
                ended = house.until_ended(config) => ended,
                _ = &mut deposed => match leading::begin_anew()? {},
            }
        }
    };
    if matches!(ended, Ended::Stopped) {
        notify::stopping();
        tracing::info!("stopping; dynos keep running");
        house.stop();
    } else {
        house.tell_the_next(config)?;
    }
    stop.cancel();
    tasks.close();
    let under_way = async {
        tasks.wait().await;
        if matches!(ended, Ended::Stopped) {
            house.has_stopped().await;
        }
    };
    if tokio::time::timeout(GRACE, under_way).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    wired.docker.dismiss_spares().await;
    wired.logplex.save();
    // Nobody writes any more, whatever else has not ended.
    if tokio::time::timeout(LAST_TASKS, store.close()).await.is_err() {
        tracing::warn!("a transaction did not end in time, and is taken back");
    }
    Ok(ended)
}

/// The router's table is the platform's, as long as this one leads.
async fn pass_on(mut table: watch::Receiver<Arc<RouteTable>>, routes: watch::Sender<Arc<RouteTable>>) {
    while table.changed().await.is_ok() {
        let now = table.borrow_and_update().clone();
        routes.send_replace(now);
    }
}

/// Writes lines down as they come.
async fn keep_lines(logplex: Arc<Logplex>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(logs::kept::EVERY)).await.is_some() {
        let logplex = logplex.clone();
        // A save that panics is one save less.
        let _ = tokio::task::spawn_blocking(move || logplex.save()).await;
    }
}

/// Where requests are told: in the apps' logs, and to the platform, which wakes whom nobody asked for.
struct Asked {
    platform: Arc<Platform>,
    lines: LogSinkAdapter,
}

impl RequestSink for Asked {
    fn routed(&self, event: &RequestRouted) {
        self.platform.asked_for(event.app);
        self.lines.routed(event);
    }

    fn waits_for_sleepers(&self, app: AppId) {
        self.platform.asked_for(app);
    }
}
