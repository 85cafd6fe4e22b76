//! What the choice of dynos does to the slowest requests, when a few take long and dynos serve few at once.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::route::{Condition, Features, Route};
use futures_util::future::BoxFuture;
use ports::Chance;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    sync::{Semaphore, watch},
    time::{Instant, sleep},
};

use super::{
    super::harness::{GET, OK, SETTINGS, Said, backend, clock, read_head, shop, table},
    in_virtual_time,
};
use crate::{
    Router,
    connect::{Dial, Stream},
    worker::Worker,
};

const DYNOS: u16 = 10;
/// Requests that a dyno works at; more wait inside it, in order.
const THREADS: usize = 5;
const REQUESTS: usize = 5_000;
/// One in so many takes long.
const ONE_IN: usize = 200;
const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(3);

/// Dynos with so many threads each.
struct Threads {
    chance: Arc<Chance>,
    dynos: Mutex<HashMap<SocketAddr, Arc<Semaphore>>>,
}

impl Dial for Threads {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let threads = self.dynos.lock().unwrap().entry(address).or_insert_with(|| Arc::new(Semaphore::new(THREADS))).clone();
        let work = if self.chance.below(ONE_IN) == 0 { LONG } else { SHORT };
        let (ours, mut theirs) = duplex(4096);
        tokio::spawn(async move {
            read_head(&mut theirs).await;
            let thread = threads.acquire().await.unwrap();
            sleep(work).await;
            drop(thread);
            let _ = theirs.write_all(OK.as_bytes()).await;
        });
        Box::pin(async { Ok(Box::new(ours) as Box<dyn Stream>) })
    }
}

/// The times of requests in milliseconds, in order, with dynos this busy (in hundredths).
fn times(least_in_flight: bool, busy: u64) -> Vec<u64> {
    in_virtual_time(async {
        let chance = Arc::new(Chance::seeded(11));
        let features = Features { least_in_flight, ..Features::default() };
        let web = (1..=DYNOS).map(|index| backend(index, Condition::Up)).collect();
        let (_routes, receiver) = watch::channel(table(Route { features, ..shop(web) }));
        let dial = Arc::new(Threads { chance: chance.clone(), dynos: Mutex::default() });
        let router = Router::with_dial(receiver, Arc::new(Said::default()), clock(), Arc::new(Chance::seeded(12)), SETTINGS, dial);
        let worker = Worker::new(router.clone());
        // As many come as keep so much of all threads busy.
        let mean = (LONG.as_micros() + SHORT.as_micros() * (ONE_IN as u128 - 1)) / ONE_IN as u128;
        let between = mean * 100 / (u128::from(busy) * u128::from(DYNOS) * THREADS as u128);
        let mut clients = Vec::new();
        for _ in 0..REQUESTS {
            // Twice the mean at most, none at least: uneven, as clients are.
            sleep(Duration::from_micros(chance.below(usize::try_from(2 * between).unwrap()) as u64)).await;
            let (router, worker) = (router.clone(), worker.clone());
            clients.push(tokio::spawn(async move {
                let (mut client, theirs) = duplex(4096);
                router.tasks.spawn(worker.serve_connection(theirs, SETTINGS.peer([192, 0, 2, 7].into())));
                let began = Instant::now();
                client.write_all(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.unwrap();
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                u64::try_from(began.elapsed().as_millis()).unwrap()
            }));
        }
        let mut times = Vec::new();
        for client in clients {
            times.push(client.await.unwrap());
        }
        times.sort_unstable();
        times
    })
}

#[test]
fn least_in_flight_spares_the_slowest() {
    compare(&[70]);
}

/// What docs/ROUTER.md shows: `cargo test -p router balance -- --nocapture --include-ignored`.
#[test]
#[ignore = "it takes a minute, and shows no more than the one above"]
fn least_in_flight_in_a_table() {
    compare(&[50, 70, 85]);
}

fn compare(how_busy: &[u64]) {
    for &busy in how_busy {
        let [random, least] = [false, true].map(|least| {
            let times = times(least, busy);
            let [half, most, nearly_all] = [50, 95, 99].map(|percent| times[times.len() * percent / 100]);
            let waited = times.iter().filter(|time| !(20..=22).contains(*time) && !(3000..=3002).contains(*time)).count();
            eprintln!("{busy} % busy, least-in-flight {least}: p50 {half} ms, p95 {most} ms, p99 {nearly_all} ms, {waited} waited in a dyno");
            (nearly_all, waited)
        });
        assert!(least.0 <= random.0 && least.1 * 2 < random.1, "{busy} % busy: {random:?} {least:?}");
    }
}
