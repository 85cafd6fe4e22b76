//! What became of requests, on its way to the control plane: in batches, within bounds. No request waits for it.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api_types::{RouterLine, RouterReport};
use domain::AppId;
use http::Method;
use router::{RequestRouted, RequestSink};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

use super::call::{CallError, Control};

/// Waiting lines take at most so many bytes; newer ones are lost then, and counted.
const WAITING: usize = 32 << 20;
/// One report, in bytes of its lines. The control plane reads bodies of a megabyte.
const BATCH: usize = 256 << 10;
/// A longer line is cut, in bytes.
const LONGEST: usize = 64 << 10;
/// Lines are gathered for so long.
const GATHER: Duration = Duration::from_millis(100);
/// Between attempts to hand a report in.
const AGAIN: Duration = Duration::from_secs(1);

/// What waits to be told.
#[derive(Default)]
pub(crate) struct Reports {
    waiting: Mutex<Waiting>,
    /// There is something.
    more: Notify,
    /// There is something that a request waits for.
    urgent: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<(AppId, jiff::Timestamp, String)>,
    bytes: usize,
    awaited: HashSet<AppId>,
    lost: u64,
}

impl Reports {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next report, if there is anything to tell.
    fn take(&self) -> Option<RouterReport> {
        let mut waiting = self.waiting();
        let mut report = RouterReport {
            awaited: waiting.awaited.drain().map(|app| app.to_string()).collect(),
            lost: std::mem::take(&mut waiting.lost),
            ..RouterReport::default()
        };
        let mut bytes = 0;
        while bytes < BATCH
            && let Some((app, at, text)) = waiting.lines.pop_front()
        {
            bytes += text.len();
            report.lines.push(RouterLine { app: app.to_string(), at: at.to_string(), text });
        }
        waiting.bytes -= bytes;
        (report != RouterReport::default()).then_some(report)
    }
}

impl RequestSink for Reports {
    fn routed(&self, event: &RequestRouted) {
        let mut text = event.line();
        // A client may name thousands of addresses that it came from; nobody reads so many.
        text.truncate(text.floor_char_boundary(LONGEST));
        let mut waiting = self.waiting();
        if waiting.bytes + text.len() > WAITING {
            waiting.lost += 1;
            return;
        }
        waiting.bytes += text.len();
        let first = waiting.lines.is_empty();
        waiting.lines.push_back((event.app, event.at, text));
        drop(waiting);
        if first {
            self.more.notify_one();
        }
    }

    fn waits_for_sleepers(&self, app: AppId) {
        if self.waiting().awaited.insert(app) {
            self.more.notify_one();
            self.urgent.notify_one();
        }
    }
}

/// Hands reports in, each until it is taken, until told to end with what is left. One whose answer got lost is handed in again;
/// one that the control plane does not understand never will be understood, and goes.
pub(super) async fn tell(reports: Arc<Reports>, control: Arc<Control>, end: CancellationToken) {
    loop {
        tokio::select! {
            () = reports.more.notified() => {}
            () = end.cancelled() => {}
        }
        tokio::select! {
            () = sleep(GATHER) => {}
            () = reports.urgent.notified() => {}
            () = end.cancelled() => {}
        }
        while let Some(mut report) = reports.take() {
            let mut said = false;
            while let Err(error) = hand_in(&control, &report).await {
                if matches!(error, CallError::Status(status) if status.is_client_error()) {
                    tracing::error!("{} lines of requests are lost: the control plane: {error}", report.lines.len());
                    break;
                }
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!("lines of requests wait: the control plane: {error}");
                }
                tokio::select! {
                    () = sleep(AGAIN) => {}
                    () = reports.urgent.notified() => {
                        let awaited = std::mem::take(&mut reports.waiting().awaited);
                        report.awaited.extend(awaited.into_iter().map(|app| app.to_string()));
                        sleep(GATHER).await;
                    }
                }
            }
        }
        if end.is_cancelled() {
            return;
        }
    }
}

async fn hand_in(control: &Control, report: &RouterReport) -> Result<(), CallError> {
    let json = serde_json::to_vec(report).unwrap_or_default();
    control.call(Method::POST, "/mypaas/router/reports", json).await.map(drop)
}

#[cfg(test)]
mod tests {
    use http::Version;

    use super::*;

    fn event(path: String) -> RequestRouted {
        RequestRouted {
            app: AppId::from_uuid(uuid::Uuid::nil()),
            name: "shop".parse().unwrap(),
            at: "2026-11-21T03:00:00Z".parse().unwrap(),
            method: Method::GET,
            path,
            agent: None,
            host: "shop.test".to_owned(),
            request_id: "id".to_owned(),
            fwd: "10.0.0.1".to_owned(),
            dyno: None,
            connect: None,
            service: None,
            status: 200,
            bytes: None,
            version: Version::HTTP_11,
            tls: None,
            code: None,
            detail: None,
            cause: None,
        }
    }

    #[test]
    fn reports_are_small_and_in_order_and_what_is_too_much_is_counted() {
        let reports = Reports::default();
        let long = "x".repeat(1 << 20);
        for number in 0..520 {
            reports.routed(&event(format!("/{number}/{long}")));
        }
        let report = reports.take().unwrap();
        assert_eq!((report.lines.len(), report.lines[0].text.len(), report.lost), (BATCH / LONGEST, LONGEST, 8));
        assert!(report.lines[0].text.contains("path=\"/0/"));
        assert!(reports.take().unwrap().lines[0].text.contains("path=\"/4/"));
        while reports.take().is_some() {}
        assert_eq!(reports.waiting().bytes, 0);
        for number in 0..5000 {
            reports.routed(&event(format!("/{number}")));
        }
        let sizes: Vec<usize> = std::iter::from_fn(|| reports.take()).map(|report| report.lines.len()).collect();
        assert!(sizes.len() > 1 && sizes.iter().sum::<usize>() == 5000, "{sizes:?}");
    }

    #[test]
    fn an_app_that_is_waited_for_is_told_once_a_report() {
        let (reports, app) = (Reports::default(), AppId::from_uuid(uuid::Uuid::nil()));
        reports.waits_for_sleepers(app);
        reports.waits_for_sleepers(app);
        assert_eq!(reports.take().unwrap().awaited, [app.to_string()]);
        assert_eq!(reports.take(), None);
    }
}
