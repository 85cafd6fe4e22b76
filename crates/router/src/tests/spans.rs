//! One value per request: its line, its app's counters and its span say the same.

use std::{cell::RefCell, collections::BTreeMap, sync::Once};

use domain::route::Condition;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use super::harness::{GET, OK, World, backend, shop};

type Fields = BTreeMap<&'static str, String>;

thread_local! {
    /// The spans of this thread's requests, once it listens.
    static SPANS: RefCell<Option<Vec<Fields>>> = const { RefCell::new(None) };
}

/// Keeps the fields of spans of requests of the threads that listen.
///
/// It is the subscriber of the whole process, because a thread that has none
/// may be the first to come by a span's place in the code, and would then
/// switch that place off for all of them.
struct Listener;

struct Keep<'f>(&'f mut Fields);

impl Visit for Keep<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Listener {
    /// From here on this thread's spans are kept.
    fn listen() {
        static SET: Once = Once::new();
        SET.call_once(|| tracing::subscriber::set_global_default(Listener).expect("no other test sets one"));
        SPANS.set(Some(Vec::new()));
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "router::request"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        SPANS.with_borrow_mut(|spans| {
            let Some(spans) = spans else { return Id::from_u64(u64::MAX) };
            let mut fields = Fields::new();
            span.record(&mut Keep(&mut fields));
            spans.push(fields);
            Id::from_u64(spans.len() as u64)
        })
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        SPANS.with_borrow_mut(|spans| {
            let fields = usize::try_from(span.into_u64() - 1).ok().and_then(|index| spans.as_mut()?.get_mut(index));
            if let Some(fields) = fields {
                values.record(&mut Keep(fields));
            }
        });
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn line_metrics_and_span_say_the_same() {
    Listener::listen();
    let close = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let world = World::answering(OK);
    world.exchange(&close).await;
    let refused = World::new(shop(vec![backend(1, Condition::Up)]));
    refused.refuses(1);
    refused.exchange(&close).await;
    let spans = SPANS.take().unwrap_or_default();
    assert_eq!(spans.len(), 2, "{spans:?}");
    for (world, span) in [&world, &refused].into_iter().zip(&spans) {
        let line = world.line().await;
        for (field, of_line) in [("dyno", "dyno="), ("status", "status="), ("request_id", "request_id="), ("host", "host="), ("method", "method=")] {
            assert!(line.contains(&format!(" {of_line}{} ", span[field])), "{field} of {span:?} is not in {line}");
        }
        for (field, of_line) in [("connect_ms", "connect="), ("service_ms", "service=")] {
            let value = span.get(field).map_or(String::new(), |value| format!("{value}ms"));
            assert!(line.contains(&format!(" {of_line}{value} ")), "{field} of {span:?} is not in {line}");
        }
        assert!(line.contains(&format!(" bytes={} ", span.get("bytes").map_or("", String::as_str))), "{span:?} {line}");
    }
    assert_eq!((spans[0].get("code"), spans[1].get("code").map(String::as_str)), (None, Some("H21")));
    assert_eq!(spans[0]["app"], "shop");
    // And the counters.
    let (served, failed) = (world.router.metrics(), refused.router.metrics());
    assert!(served.contains("requests_total{app=\"shop\",status=\"2xx\"} 1") && served.contains("bytes_total{app=\"shop\"} 5"), "{served}");
    assert!(failed.contains("requests_total{app=\"shop\",status=\"5xx\"} 1") && failed.contains("errors_total{app=\"shop\",code=\"H21\"} 1"), "{failed}");
}

/// Every metric is in docs/ROUTER.md, and nothing else is.
#[tokio::test(start_paused = true)]
async fn metrics_are_documented() {
    let docs = include_str!("../../../../docs/ROUTER.md");
    let metrics = World::answering(OK).router.metrics();
    let names: std::collections::BTreeSet<&str> = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let documented = docs.lines().filter_map(|line| line.strip_prefix("| `mypaas_router_")).filter_map(|rest| rest.split(['`', '{']).next());
    let documented = documented.map(|name| format!("mypaas_router_{name}")).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names.into_iter().map(str::to_owned).collect::<std::collections::BTreeSet<_>>(), documented);
}
