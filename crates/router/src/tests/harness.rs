//! One app, `shop.localhost`, with as many dynos as a test wants, each a small script.

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    AppId,
    route::{Backend, Condition, Features, Pages, Route, RouteTable},
};
use futures_util::future::BoxFuture;
use ports::{Chance, clock::TokioClock};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::watch,
};

use crate::{
    RequestRouted, RequestSink, Router, Settings, Timeouts,
    connect::{Dial, Stream},
    worker::Worker,
};

pub(super) const SETTINGS: Settings =
    Settings { proto: "http", port: 8080, shutdown_grace: Duration::from_secs(5), timeouts: Timeouts::HEROKU, app_connections: Settings::APP_CONNECTIONS };
pub(super) const GET: &str = "GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";
pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

type Script = Arc<dyn Fn(DuplexStream) -> BoxFuture<'static, ()> + Send + Sync>;

/// What a dyno does with a connection.
enum Manner {
    /// With so many bytes on their way.
    Accepts(Script, usize),
    Refuses,
    NeverAnswers,
}

/// Dynos by address.
#[derive(Default)]
pub(super) struct Dynos(Mutex<HashMap<SocketAddr, Manner>>);

impl Dial for Dynos {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        match self.0.lock().unwrap().get(&address) {
            Some(Manner::Accepts(script, size)) => {
                let (ours, theirs) = duplex(*size);
                tokio::spawn(script(theirs));
                Box::pin(async { Ok(Box::new(ours) as Box<dyn Stream>) })
            }
            Some(Manner::NeverAnswers) => Box::pin(std::future::pending()),
            Some(Manner::Refuses) | None => Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }),
        }
    }
}

impl Dynos {
    /// A dyno that does this, with so many bytes on their way.
    pub(super) fn serve<F: Future<Output = ()> + Send + 'static>(&self, index: u16, size: usize, script: impl Fn(DuplexStream) -> F + Send + Sync + 'static) {
        self.0.lock().unwrap().insert(address(index), Manner::Accepts(Arc::new(move |io| Box::pin(script(io))), size));
    }
}

/// Keeps what the router says.
#[derive(Default)]
pub(super) struct Said(Mutex<Vec<RequestRouted>>);

impl RequestSink for Said {
    fn routed(&self, event: &RequestRouted) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Said {
    pub(super) fn all(&self) -> Vec<RequestRouted> {
        self.0.lock().unwrap().clone()
    }
}

pub(super) struct World {
    pub(super) router: Arc<Router>,
    pub(super) routes: watch::Sender<Arc<RouteTable>>,
    pub(super) dynos: Arc<Dynos>,
    pub(super) said: Arc<Said>,
    pub(super) worker: Arc<Worker>,
}

pub(super) fn address(index: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 5000 + index))
}

pub(super) fn backend(index: u16, condition: Condition) -> Backend {
    Backend { dyno: format!("web.{index}").parse().unwrap(), address: Some(address(index)), condition }
}

pub(super) fn shop(web: Vec<Backend>) -> Route {
    Route {
        app: AppId::from_uuid(uuid::Uuid::nil()),
        name: "shop".parse().unwrap(),
        maintenance: false,
        blank: false,
        suspension: None,
        features: Features::default(),
        pages: Pages::default(),
        web,
    }
}

pub(super) fn table(route: Route) -> Arc<RouteTable> {
    Arc::new(RouteTable { hosts: HashMap::from([("shop.localhost".to_owned(), Arc::new(route))]) })
}

pub(super) fn clock() -> Arc<TokioClock> {
    Arc::new(TokioClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap()))
}

impl World {
    pub(super) fn new(route: Route) -> Self {
        Self::set_up(route, SETTINGS)
    }

    /// One dyno that does this, and no more connections than that.
    pub(super) fn limited<F: Future<Output = ()> + Send + 'static>(most: usize, script: impl Fn(DuplexStream) -> F + Send + Sync + 'static) -> Self {
        let world = Self::set_up(shop(vec![backend(1, Condition::Up)]), Settings { app_connections: most, ..SETTINGS });
        world.dyno(1, script);
        world
    }

    fn set_up(route: Route, settings: Settings) -> Self {
        let (routes, table) = watch::channel(table(route));
        let (dynos, said) = (Arc::new(Dynos::default()), Arc::new(Said::default()));
        let router = Router::with_dial(table, said.clone(), clock(), Arc::new(Chance::seeded(1)), settings, dynos.clone());
        let worker = Worker::new(router.clone());
        Self { router, routes, dynos, said, worker }
    }

    /// One dyno that is up and does this.
    pub(super) fn with_dyno<F: Future<Output = ()> + Send + 'static>(script: impl Fn(DuplexStream) -> F + Send + Sync + 'static) -> Self {
        let world = Self::new(shop(vec![backend(1, Condition::Up)]));
        world.dyno(1, script);
        world
    }

    /// One dyno that answers everything with this once it has read a head.
    pub(super) fn answering(response: &'static str) -> Self {
        Self::with_dyno(move |mut io| async move {
            read_head(&mut io).await;
            io.write_all(response.as_bytes()).await.unwrap();
        })
    }

    pub(super) fn dyno<F: Future<Output = ()> + Send + 'static>(&self, index: u16, script: impl Fn(DuplexStream) -> F + Send + Sync + 'static) {
        self.dynos.serve(index, 64 * 1024, script);
    }

    pub(super) fn refuses(&self, index: u16) {
        self.set(index, Manner::Refuses);
    }

    pub(super) fn never_answers(&self, index: u16) {
        self.set(index, Manner::NeverAnswers);
    }

    fn set(&self, index: u16, manner: Manner) {
        self.dynos.0.lock().unwrap().insert(address(index), manner);
    }

    /// A client's end of a new connection.
    pub(super) fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(64 * 1024);
        self.router.tasks.spawn(self.worker.clone().serve_connection(theirs, SETTINGS.peer([192, 0, 2, 7].into())));
        ours
    }

    /// Sends this and reads until the router closes.
    pub(super) async fn exchange(&self, request: &str) -> String {
        let mut client = self.connect();
        client.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        client.read_to_end(&mut response).await.unwrap();
        String::from_utf8(response).unwrap()
    }

    /// The one line that the router said, waiting for it.
    pub(super) async fn line(&self) -> String {
        for _ in 0..1000 {
            if !self.said.all().is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let said = self.said.all();
        assert_eq!(said.len(), 1, "{said:?}");
        said[0].line()
    }
}

/// Reads to the end of a head; panics if there is none.
pub(super) async fn read_head(io: &mut (impl AsyncRead + Unpin)) -> String {
    read_until(io, "\r\n\r\n").await
}

pub(super) async fn read_until(io: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let Ok(byte) = io.read_u8().await else { panic!("ended after {:?}", String::from_utf8_lossy(&text)) };
        text.push(byte);
    }
    String::from_utf8(text).unwrap()
}

/// A head's lines `name: value` with this name, whatever its case.
pub(super) fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    head.lines().filter_map(|line| line.split_once(": ")).filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}
