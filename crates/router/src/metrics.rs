//! What became of requests, counted per app, as Prometheus reads it. Fed by the same value as the log line.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{event::RequestRouted, worker::lock};

/// Upper bounds of the times of service, in milliseconds.
const BOUNDS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30_000];

/// One app's counters.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By the status's first digit; 0 for none.
    statuses: [AtomicU64; 6],
    /// Rare, so a lock may guard it.
    codes: Mutex<BTreeMap<&'static str, u64>>,
    times: [AtomicU64; BOUNDS.len() + 1],
    milliseconds: AtomicU64,
    bytes: AtomicU64,
}

impl Metrics {
    /// A request has ended.
    pub(crate) fn record(&self, event: &RequestRouted) {
        self.statuses[usize::from(event.status / 100).min(5)].fetch_add(1, Relaxed);
        if let Some(code) = event.code {
            *lock(&self.codes).entry(code.code()).or_default() += 1;
        }
        self.bytes.fetch_add(event.bytes.unwrap_or(0), Relaxed);
        // A tunnel's life is no time that anybody waited.
        if let Some(service) = event.service
            && event.status != 101
        {
            let took = u64::try_from(service.as_millis()).unwrap_or(0);
            self.times[BOUNDS.partition_point(|bound| *bound < took)].fetch_add(1, Relaxed);
            self.milliseconds.fetch_add(took, Relaxed);
        }
    }
}

/// How much is going on at an app right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) requests: usize,
    pub(crate) tunnels: usize,
}

/// All apps' counters as text, by app name.
pub(crate) fn text(apps: &[(String, &Metrics, Open)]) -> String {
    let mut text = String::new();
    let mut put = |name: &str, kind: &str, help: &str, lines: &dyn Fn(&mut String, &str, &Metrics, Open)| {
        line(&mut text, format_args!("# HELP mypaas_router_{name} {help}\n# TYPE mypaas_router_{name} {kind}"));
        for (app, metrics, open) in apps {
            lines(&mut text, app, metrics, *open);
        }
    };
    put("requests_total", "counter", "Requests that have ended, by the first digit of their status.", &|text, app, metrics, _| {
        for (digit, count) in metrics.statuses.iter().enumerate().filter(|(_, count)| count.load(Relaxed) > 0) {
            line(text, format_args!("mypaas_router_requests_total{{app=\"{app}\",status=\"{digit}xx\"}} {}", count.load(Relaxed)));
        }
    });
    put("errors_total", "counter", "Requests that failed, by Heroku's code.", &|text, app, metrics, _| {
        for (code, count) in lock(&metrics.codes).iter() {
            line(text, format_args!("mypaas_router_errors_total{{app=\"{app}\",code=\"{code}\"}} {count}"));
        }
    });
    put("service_seconds", "histogram", "From the connection to the dyno to the end of the answer.", &|text, app, metrics, _| {
        let mut sum = 0;
        for (index, count) in metrics.times.iter().enumerate() {
            sum += count.load(Relaxed);
            let bound = BOUNDS.get(index).map_or("+Inf".to_owned(), |bound| format!("{}", *bound as f64 / 1000.0));
            line(text, format_args!("mypaas_router_service_seconds_bucket{{app=\"{app}\",le=\"{bound}\"}} {sum}"));
        }
        let seconds = metrics.milliseconds.load(Relaxed) as f64 / 1000.0;
        line(text, format_args!("mypaas_router_service_seconds_sum{{app=\"{app}\"}} {seconds}"));
        line(text, format_args!("mypaas_router_service_seconds_count{{app=\"{app}\"}} {sum}"));
    });
    put("bytes_total", "counter", "Bytes of answers.", &|text, app, metrics, _| {
        line(text, format_args!("mypaas_router_bytes_total{{app=\"{app}\"}} {}", metrics.bytes.load(Relaxed)));
    });
    put("open_requests", "gauge", "Requests that are served or wait.", &|text, app, _, open| {
        line(text, format_args!("mypaas_router_open_requests{{app=\"{app}\"}} {}", open.requests));
    });
    put("open_tunnels", "gauge", "WebSockets and the like.", &|text, app, _, open| {
        line(text, format_args!("mypaas_router_open_tunnels{{app=\"{app}\"}} {}", open.tunnels));
    });
    text
}

pub(crate) fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).and_then(|()| text.write_char('\n')).expect("a String takes everything");
}
