//! Starting and stopping. Stopping leaves the dynos running; the next start adopts them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use api::Api;
use domain::AppId;
use engine::{Platform, Wake, drive, formation::Formations, leftovers::Leftovers, memory::MemoryWatch, webhooks::Deliveries};
use git::{Git, Sweep};
use logs::Logplex;
use ports::Chance;
use router::{LogSinkAdapter, RequestRouted, RequestSink, Router};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backup,
    config::Config,
    front::Ports,
    keys, leading,
    listen::{self, Behind, Front},
    notify, standby, tls, wire,
};

/// Requests and builds under way at a stop get so long to finish.
const GRACE: Duration = Duration::from_secs(25);

/// `mypaasd all`, or with routers in processes of their own `mypaasd control`.
pub(crate) async fn run(config: Config, with_router: bool) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::try_new(&config.log).context("log")?).with_writer(std::io::stderr).init();
    let clear = SocketAddr::new(config.listen.address, config.listen.port);
    let mut signals = Signals::listen()?;
    tokio::spawn(notify::signs_of_life());
    backup::unfinished(&config.home)?;
    wire::folders(&config)?;
    let api_port = Arc::new(bind(&config, config.api_port()).await?);
    let mut ports = Open::all(&config, clear, with_router).await?;
    let lock = if config.database_url().may_be_shared()? { keys::lock_with_others(&config.home) } else { keys::lock(&config.home) };
    let (lock, chance) = (lock?, Arc::new(Chance::from_os()));
    let store = wire::open_store(&config, &chance).await?;
    let mut deposed = match store.candidate(config.api_url(), keys::fingerprint(&config.home, &chance)?)? {
        None => tokio::spawn(std::future::pending()),
        Some(candidate) => {
            // Nobody is to wait at a door behind which nobody stands.
            drop(ports);
            let Some(leader) = standby::until_leading(&config, &store, candidate, &api_port, &mut signals).await? else { return Ok(()) };
            // On its own: whatever else takes long, signs of life do not wait for it.
            let deposed = tokio::spawn(leading::until_deposed(leader));
            ports = Open::all(&config, clear, with_router).await?;
            deposed
        }
    };
    let Open { router: router_ports, ssh: ssh_port } = ports;
    let wired = tokio::select! {
        wired = wire::online(&config, store, lock) => wired?,
        () = signals.told() => return Ok(()),
        _ = &mut deposed => match leading::begin_anew()? {},
    };
    let platform = wired.platform.clone();
    platform.recover().await.context("what the last run left unfinished could not be settled")?;
    let tls = TlsAcceptor::from(tls::server_config(&config.home, &config.listen.api_host)?);
    let git = Git::open(platform.clone(), config.home.join("repos"), config.home.join("run"), std::env::current_exe()?)
        .context("the git repositories could not be opened")?;

    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(drive(Formations::new(platform.clone()), platform.formation.clone(), stop.clone()));
    tasks.spawn(drive(MemoryWatch::new(platform.clone()), Wake::default(), stop.clone()));
    tasks.spawn(drive(Leftovers(platform.clone()), platform.leftovers.clone(), stop.clone()));
    tasks.spawn(drive(Deliveries { platform: platform.clone(), posts: wired.posts.clone() }, platform.outbox.clone(), stop.clone()));
    tasks.spawn(drive(Sweep(git.clone()), platform.repositories.clone(), stop.clone()));
    tasks.spawn(keep_lines(wired.logplex.clone(), stop.clone()));
    if let Some(ports) = router_ports {
        let app_connections = config.router.app_connections.unwrap_or(router::Settings::APP_CONNECTIONS);
        let settings = router::Settings { proto: "http", port: config.listen.port, shutdown_grace: GRACE, timeouts: router::Timeouts::HEROKU, app_connections };
        let events = Arc::new(Asked { platform: platform.clone(), lines: LogSinkAdapter(wired.logplex.clone()) });
        let router = Router::new(platform.routes(), events, wired.clock.clone(), wired.chance.clone(), settings);
        ports.serve(&router, &tasks, &stop)?;
    }
    if let Some(ssh_port) = ssh_port {
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
    tasks.spawn(listen::serve(Front { api, behind: Behind::Leading(git), platform, tls }, api_port, tasks.clone(), stop.clone()));
    notify::ready("leading");
    tracing::info!("ready\n{}", config.describe().trim_end());

    tokio::select! {
        () = signals.told() => {}
        _ = &mut deposed => match leading::begin_anew()? {},
    }
    notify::stopping();
    tracing::info!("stopping; dynos keep running");
    stop.cancel();
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    wired.docker.dismiss_spares().await;
    wired.logplex.save();
    Ok(())
}

/// The ports besides the API's, open and not served yet.
struct Open {
    router: Option<Ports>,
    ssh: Option<TcpListener>,
}

impl Open {
    async fn all(config: &Config, clear: SocketAddr, with_router: bool) -> anyhow::Result<Self> {
        let router = if with_router { Some(Ports::open(clear, &config.router)?) } else { None };
        let ssh = match config.ssh_port() {
            Some(port) => Some(bind(config, port).await?),
            None => None,
        };
        Ok(Self { router, ssh })
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

async fn bind(config: &Config, port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::new(config.listen.address, port);
    TcpListener::bind(address).await.with_context(|| format!("port {address} cannot be opened; is something else using it? MYPAAS_PORT chooses another"))
}

/// Hears whether somebody wants the process to stop, from [`Signals::listen`] on: whoever says that it is ready must listen
/// already, or the signal of someone who believes it kills what it should only stop.
pub(crate) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let heard = |kind| signal(kind).context("signals cannot be heard");
        Ok(Self { term: heard(SignalKind::terminate())?, int: heard(SignalKind::interrupt())? })
    }

    /// Ready once told to stop.
    pub(crate) async fn told(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
