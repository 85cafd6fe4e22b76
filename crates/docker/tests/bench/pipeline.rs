//! Lines through this process alone: into an app's log, out to a drain and a tail.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use domain::{AppId, Drain, LogLine, Source};
use futures_util::StreamExt;
use jiff::Timestamp;
use logs::{Filter, Logplex, Outlet, TailEvent};
use ports::{Chance, Clock, LogSink, clock::SystemClock};
use tokio::time::Instant;

use crate::{Receiver, cpu, given, resident};

pub(crate) fn logplex() -> Logplex {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = Arc::new(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
    Logplex::new().with_outlet(Outlet { tls, may_reach: |_| true, hosts: Vec::new(), clock: Arc::new(SystemClock), chance: Arc::new(Chance::from_os()) })
}

pub(crate) fn drain(app: AppId, port: u16) -> Drain {
    let url = format!("syslog://127.0.0.1:{port}").parse().unwrap();
    Drain {
        id: Chance::from_os().id(Timestamp::UNIX_EPOCH),
        app,
        token: "d.3f1a7c52-9c1e-4d2b-8a55-0d6f0c2b1e77".to_owned(),
        url,
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn app() -> AppId {
    Chance::from_os().id(Timestamp::UNIX_EPOCH)
}

fn line(text: String) -> LogLine {
    LogLine { at: SystemClock.now(), source: Source::App, process: "web.1".to_owned(), text }
}

/// As fast as it goes, never so far ahead that lines would be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a benchmark"]
async fn lines_in_process() {
    let lines = given("LINES", 2_000_000);
    let padding = "x".repeat(80);
    for with_tail in [false, true] {
        let (logs, app) = (Arc::new(logplex()), app());
        let mut receiver = Receiver::new();
        logs.drain_to(app, vec![drain(app, receiver.port)]);
        let read = Arc::new(AtomicU64::new(if with_tail { 0 } else { u64::MAX }));
        if with_tail {
            let (mut tail, read) = (logs.tail(app, Filter::default(), 0, None), read.clone());
            tokio::spawn(async move {
                while let Some(event) = tail.next().await {
                    if let TailEvent::Dropped { count, .. } = event {
                        panic!("the tail missed {count}");
                    }
                    read.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let (began, cpu_before) = (Instant::now(), cpu(std::process::id()));
        let writer = {
            let (logs, padding, read) = (logs.clone(), padding.clone(), read.clone());
            thread::spawn(move || {
                let mut came = 0;
                for number in 0..lines {
                    // The receiver's own count is asked for now and then only: it costs a turn.
                    while number > came.min(read.load(Ordering::Relaxed)) + 8_000 {
                        came = receiver.count();
                    }
                    logs.write(app, line(format!("line~ {number} {padding}")));
                }
                receiver.until(lines)
            })
        };
        let came = tokio::task::spawn_blocking(move || writer.join().unwrap()).await.unwrap();
        let (took, cost) = (began.elapsed().as_secs_f64(), cpu(std::process::id()) - cpu_before);
        assert_eq!(came, lines);
        let what = if with_tail { "to a drain and a tail" } else { "to a drain" };
        println!("in process, {what}: {:.0} lines/s, {:.0} lines per processor second", lines as f64 / took, lines as f64 / cost);
    }
}

/// From the write to the reader of a tail, at an even rate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a benchmark"]
async fn write_to_tail() {
    let (rate, seconds) = (given("RATE", 10_000), given("SECONDS", 10));
    let (logs, app) = (Arc::new(logplex()), app());
    let mut tail = logs.tail(app, Filter::default(), 0, None);
    let began = Instant::now();
    let writer = {
        let logs = logs.clone();
        thread::spawn(move || {
            for turn in 0..seconds * 1_000 {
                for _ in 0..rate / 1_000 {
                    logs.write(app, line(format!("{}", began.elapsed().as_nanos())));
                }
                thread::sleep(Duration::from_millis(turn + 1).saturating_sub(began.elapsed()));
            }
        })
    };
    let mut delays = Vec::new();
    while delays.len() < usize::try_from(seconds * rate).unwrap() {
        match tail.next().await.unwrap() {
            TailEvent::Line { line, .. } => delays.push(began.elapsed() - Duration::from_nanos(line.text.parse().unwrap())),
            TailEvent::Dropped { count, .. } => panic!("missed {count}"),
        }
    }
    writer.join().unwrap();
    delays.sort_unstable();
    let at = |share: f64| delays[(delays.len() as f64 * share) as usize];
    println!("write to tail at {rate} lines/s: p50 {:?}, p99 {:?}, longest {:?}", at(0.5), at(0.99), delays[delays.len() - 1]);
}

/// An app with one line, one drain that has sent it, and nothing more to say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a benchmark"]
async fn idle_apps() {
    const APPS: u64 = 500;
    let logs = logplex();
    for drains in [0, 1] {
        let mut receiver = Receiver::new();
        let before = resident();
        for _ in 0..APPS {
            let app = app();
            if drains > 0 {
                logs.drain_to(app, vec![drain(app, receiver.port)]);
            }
            logs.write(app, line("line~".to_owned()));
        }
        let came = tokio::task::spawn_blocking(move || (receiver.until(APPS * drains), receiver)).await.unwrap();
        assert_eq!(came.0, APPS * drains);
        println!("memory per idle app with {drains} drains: {} bytes", resident().saturating_sub(before) / APPS);
    }
}
