//! What a server has that outlives its leading: its ports, and the router, which answers while another process takes over, and
//! while this one begins anew because none did.

use std::{
    fs::File,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::Context;
use domain::{AppId, route::RouteTable};
use ports::{Chance, Clock};
use router::{Ends, RequestRouted, RequestSink, Router};
use secrecy::SecretString;
use tokio::{net::TcpListener, runtime::Handle, sync::watch};
use tokio_util::task::TaskTracker;

use crate::{
    backup,
    config::Config,
    front::Ports,
    handover::{Estate, Predecessor, Role, Successor},
    keys,
    lifecycle::GRACE,
    notify,
    router_alone::controlled::{Control, Reports, Telling, Updates},
    signals::{Signals, Told},
    wire,
};

/// Why a server leads no more.
pub(crate) enum Ended {
    Stopped,
    /// This one could lead.
    HandsOver(Successor),
}

/// What became of handing over.
pub(crate) enum Handed {
    /// There is nothing left to do here.
    Over,
    /// Nobody took over.
    Back,
}

pub(crate) struct House {
    pub(crate) signals: Signals,
    pub(crate) before: Predecessor,
    pub(crate) api: Option<std::net::TcpListener>,
    pub(crate) ssh: Option<std::net::TcpListener>,
    /// On the data folder: held until no task can write to it any more.
    pub(crate) lock: Option<File>,
    /// Open, and not served yet.
    ports: Option<Ports>,
    routing: Option<Routing>,
    telling: Option<Telling>,
    estate: Estate,
    with_router: bool,
    /// Of the runtime that outlives leading.
    outside: Handle,
}

/// A router that serves.
struct Routing {
    routes: watch::Sender<Arc<RouteTable>>,
    told: Arc<ToldTo>,
    ends: Ends,
    serving: TaskTracker,
}

impl House {
    pub(crate) async fn open(config: &Config, with_router: bool) -> anyhow::Result<Self> {
        let signals = Signals::listen()?;
        backup::unfinished(&config.home)?;
        wire::folders(config)?;
        let mut house = Self {
            signals,
            before: Predecessor::meet(config).await?,
            api: None,
            ssh: None,
            lock: None,
            ports: None,
            routing: None,
            telling: None,
            estate: Estate::default(),
            with_router,
            outside: Handle::current(),
        };
        house.estate.inherit(&house.before)?;
        let api = bind(config, config.api_port(), Role::Api, &mut house.before).await?;
        house.estate.add(Role::Api, vec![api.try_clone()?.into()]);
        house.api = Some(api);
        house.open_ports(config).await?;
        house.before.may_lead().await;
        Ok(house)
    }

    /// The ports besides the API's, if they are not open.
    pub(crate) async fn open_ports(&mut self, config: &Config) -> anyhow::Result<()> {
        if self.with_router && self.ports.is_none() && self.routing.is_none() {
            let clear = SocketAddr::new(config.listen.address, config.listen.port);
            let ports = Ports::open(clear, &config.router, &mut self.before)?;
            self.estate.append(ports.copies()?);
            self.ports = Some(ports);
        }
        if let Some(port) = config.ssh_port().filter(|_| self.ssh.is_none()) {
            let ssh = bind(config, port, Role::Ssh, &mut self.before).await?;
            self.estate.add(Role::Ssh, vec![ssh.try_clone()?.into()]);
            self.ssh = Some(ssh);
        }
        Ok(())
    }

    /// Nobody is to wait at a door behind which nobody stands; the API's is where one says so.
    pub(crate) fn close_ports(&mut self) -> anyhow::Result<()> {
        (self.ports, self.ssh) = (None, None);
        if let Some(routing) = self.routing.take() {
            routing.ends.stop.cancel();
        }
        self.estate.close();
        if let Some(api) = &self.api {
            self.estate.add(Role::Api, vec![api.try_clone()?.into()]);
        }
        Ok(())
    }

    /// The API's port, for the runtime in which this is called.
    pub(crate) fn api_port(&self) -> anyhow::Result<Arc<TcpListener>> {
        let api = self.api.as_ref().context("the API's port is closed")?;
        Ok(Arc::new(TcpListener::from_std(api.try_clone()?)?))
    }

    /// Likewise, of git over SSH.
    pub(crate) fn ssh_port(&self) -> anyhow::Result<Option<TcpListener>> {
        self.ssh.as_ref().map(|ssh| Ok(TcpListener::from_std(ssh.try_clone()?)?)).transpose()
    }

    /// Requests are served by this table, and told to `sink`, from now on. Who sends the next tables holds the sender.
    pub(crate) fn route(
        &mut self,
        config: &Config,
        table: Arc<RouteTable>,
        sink: Arc<dyn RequestSink>,
        clock: &Arc<dyn Clock>,
        chance: &Arc<Chance>,
    ) -> anyhow::Result<Option<watch::Sender<Arc<RouteTable>>>> {
        if let Some(routing) = &self.routing {
            routing.told.switch(sink);
            routing.routes.send_replace(table);
            return Ok(Some(routing.routes.clone()));
        }
        let Some(ports) = self.ports.take() else { return Ok(None) };
        let app_connections = config.router.app_connections.unwrap_or(router::Settings::APP_CONNECTIONS);
        let settings = router::Settings { proto: "http", port: config.listen.port, shutdown_grace: GRACE, timeouts: router::Timeouts::HEROKU, app_connections };
        let told = Arc::new(ToldTo(RwLock::new(sink)));
        let (routes, receiver) = watch::channel(table);
        let router = Router::new(receiver, told.clone(), clock.clone(), chance.clone(), settings);
        let (ends, serving) = (Ends::default(), TaskTracker::new());
        {
            // It goes on when this runtime has ended.
            let _outside = self.outside.enter();
            ports.serve(&router, &serving, &ends)?;
        }
        serving.close();
        self.routing = Some(Routing { routes: routes.clone(), told, ends, serving });
        Ok(Some(routes))
    }

    /// What was told meanwhile can be handed in: the API answers.
    pub(crate) fn answers_again(&mut self) {
        if let Some(telling) = self.telling.take() {
            self.outside.spawn(telling.end());
        }
    }

    /// Waits until told to stop, or until somebody could lead in place of this one.
    pub(crate) async fn until_ended(&mut self, config: &Config) -> Ended {
        loop {
            if self.signals.told().await == Told::Stop {
                return Ended::Stopped;
            }
            tracing::info!("told to hand over: starting the program and reading the config file as they are now");
            tokio::select! {
                started = Successor::start(config, &self.estate) => match started {
                    Ok(successor) => return Ended::HandsOver(successor),
                    Err(error) => tracing::error!("the new mypaasd did not take over: {error}; this one goes on as it was"),
                },
                () = self.signals.stop() => return Ended::Stopped,
            }
        }
    }

    /// No more connections. What has begun gets its grace.
    pub(crate) fn stop(&mut self) {
        (self.api, self.ssh, self.ports) = (None, None, None);
        self.estate.close();
        if let Some(routing) = &self.routing {
            routing.ends.stop.cancel();
        }
    }

    /// Ready when the router, told to stop, has ended.
    pub(crate) async fn has_stopped(&self) {
        if let Some(routing) = &self.routing {
            routing.serving.wait().await;
        }
    }

    /// Nothing is told to this process's platform any more: lines and wishes wait for whoever leads next.
    pub(crate) fn tell_the_next(&mut self, config: &Config) -> anyhow::Result<()> {
        if let Some(routing) = &self.routing {
            let reports = Arc::new(Reports::default());
            routing.told.switch(reports.clone());
            let control = Arc::new(next(config)?);
            let _outside = self.outside.enter();
            self.telling = Some(Telling::start(reports, control));
        }
        Ok(())
    }

    /// Lets the other lead. When it does, serves what has begun here until that has ended, by the other's routes.
    pub(crate) async fn hand_over(&mut self, config: &Config, mut successor: Successor) -> anyhow::Result<Handed> {
        let signs = tokio::spawn(notify::signs_of_life());
        let leads = tokio::select! {
            leads = successor.leads() => Some(leads),
            () = self.signals.stop() => None,
        };
        signs.abort();
        match leads {
            Some(Err(error)) => {
                tracing::error!("the new mypaasd did not take over: {error}; this one begins again, and apps are served meanwhile");
                return Ok(Handed::Back);
            }
            Some(Ok(())) => {
                successor.is_the_one(config).await;
                (self.api, self.ssh, self.ports) = (None, None, None);
                self.estate.close();
                let Some(routing) = &self.routing else { return Ok(Handed::Over) };
                routing.ends.leave.cancel();
                let mut updates = Updates::next(Arc::new(next(config)?), config.home.join("run/routes.json"));
                tokio::select! {
                    never = updates.follow(&routing.routes) => match never {},
                    () = routing.serving.wait() => {}
                    () = successor.gone() => {}
                    () = self.signals.stop() => {}
                }
            }
            None => {
                notify::stopping();
                drop(successor);
            }
        }
        self.ends().await;
        Ok(Handed::Over)
    }

    /// Waits until the router has ended, and all is told.
    pub(crate) async fn ends(&mut self) {
        self.stop();
        self.has_stopped().await;
        if let Some(telling) = self.telling.take() {
            telling.end().await;
        }
    }

    /// Nothing can lead here, and apps are served on by the last routes; nothing if there are none.
    pub(crate) async fn only_routes(&mut self, config: &Config, why: &anyhow::Error) -> Option<Ended> {
        self.routing.as_ref()?;
        tracing::error!("{why:#}; apps are served on by the last routes, and nothing else is done: see to it, then send SIGHUP");
        tokio::spawn(notify::signs_of_life());
        Some(self.until_ended(config).await)
    }
}

/// Whoever leads next on this machine listens at the same port.
fn next(config: &Config) -> anyhow::Result<Control> {
    let pass = SecretString::from(keys::secret_in(&keys::router_pass_file(&config.home))?);
    Ok(Control::here(SocketAddr::new(config.listen.address, config.api_port()), pass))
}

async fn bind(config: &Config, port: u16, role: Role, before: &mut Predecessor) -> anyhow::Result<std::net::TcpListener> {
    let address = SocketAddr::new(config.listen.address, port);
    if let Some(listener) = before.take_one(role, address) {
        listener.set_nonblocking(true)?;
        return Ok(listener);
    }
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("port {address} cannot be opened; is something else using it? MYPAAS_PORT chooses another"))?;
    Ok(listener.into_std()?)
}

/// Whom the router tells of requests, which changes while it serves.
struct ToldTo(RwLock<Arc<dyn RequestSink>>);

impl ToldTo {
    fn switch(&self, sink: Arc<dyn RequestSink>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = sink;
    }

    fn now(&self) -> Arc<dyn RequestSink> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl RequestSink for ToldTo {
    fn routed(&self, event: &RequestRouted) {
        self.now().routed(event);
    }

    fn waits_for_sleepers(&self, app: AppId) {
        self.now().waits_for_sleepers(app);
    }
}
