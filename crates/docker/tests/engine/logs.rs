//! What dynos write, when it is too much, and when the platform is not always there to read it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use docker::{Docker, LogRate, Settings};
use domain::{AppId, LogLine};
use ports::{
    LogSink, Runtime,
    clock::SystemClock,
    log_sink::{KeptLines, KeptOf},
};

use crate::place::{Place, Way, docker};

/// The lines of a dyno, and those that notices of L12 tell of.
fn said(logs: &KeptLines, dyno: &str) -> (Vec<String>, u64) {
    let prefix = format!("app[{dyno}]: ");
    let lines = logs.texts().into_iter().filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned));
    let (notices, lines): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("Error L12: "));
    (lines, notices.iter().map(|notice| notice.split(' ').nth(2).unwrap().parse::<u64>().unwrap()).sum())
}

/// Hostile inputs 83.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_flood_is_dropped_and_counted_and_a_neighbour_loses_nothing() {
    const FLOOD: u64 = 20_000_000;
    let place = Place::with(|settings| settings.log_rate = LogRate { lines: 2_000, bytes: 1 << 20 }).await;
    place.docker.ensure_running(&place.spec("worker.1", 1, &format!("seq 1 {FLOOD}; echo end >&2"))).await.unwrap();
    place.docker.ensure_running(&place.spec("web.1", 1, "for i in $(seq 1 300); do echo $i; sleep 0.01; done")).await.unwrap();
    assert_eq!(place.docker.wait(&place.key("web.1")).await.unwrap(), Some(0));
    assert_eq!(place.docker.wait(&place.key("worker.1")).await.unwrap(), Some(0));
    for dyno in ["web.1", "worker.1"] {
        place.docker.ensure_gone(&place.key(dyno), 1).await.unwrap();
    }
    assert_eq!(said(&place.logs, "web.1"), ((1..=300).map(|n| n.to_string()).collect(), 0));
    let (lines, lost) = said(&place.logs, "worker.1");
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(lines.len() as u64 + lost, FLOOD + 1, "{} lines, {lost} lost", lines.len());
    assert!(numbers[..2_000].iter().copied().eq(1..=2_000) && numbers.is_sorted(), "whole lines, in order");
    assert!(lost > FLOOD / 2, "{lost}");
}

/// The gate cannot be gone around: neither by the first process's own output nor by its memory.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_dyno_cannot_write_past_the_gate() {
    let place = Place::new().await;
    let command = "for at in /proc/1/fd/1 /proc/1/fd/2; do (echo forged > $at) 2> /dev/null && echo open; done; echo past > /dev/stdout; cat /proc/1/environ 2> /dev/null | wc -c; echo end";
    place.docker.ensure_running(&place.spec("worker.1", 1, command)).await.unwrap();
    place.until_logged("end").await;
    assert_eq!(said(&place.logs, "worker.1").0, ["past", "0", "end"]);
}

/// What one life of the platform writes to what outlives it: nothing more once it is dead, though its tasks may still run.
struct Mortal {
    outlives: Arc<KeptLines>,
    dead: Mutex<bool>,
}

impl Mortal {
    fn die(&self) {
        *self.dead.lock().unwrap() = true;
    }
}

impl LogSink for Mortal {
    fn write(&self, app: AppId, line: LogLine) {
        let dead = self.dead.lock().unwrap();
        if !*dead {
            self.outlives.write(app, line);
        }
    }

    fn forget(&self, _: AppId) {}

    fn kept_of(&self, app: AppId, process: &str) -> Option<KeptOf> {
        self.outlives.kept_of(app, process)
    }
}

/// Both streams of one dyno, at any moment of which the platform may die, with the last lines not written down.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn over_restarts_no_line_that_the_engine_has_is_lost_or_repeated() {
    const LINES: u64 = 6_000;
    let place = Place::of(Way::Mounted).await;
    let command = format!(
        "python3 -c \"\nimport sys, time\nfor n in range({LINES}):\n  print(n, 'x' * 25000 if n % 500 == 0 else '', file=sys.stderr if n % 3 == 0 else sys.stdout, flush=True)\n  if n % 5 == 0: time.sleep(0.005)\n\"; sleep 600"
    );
    let logs = Arc::new(KeptLines::default());
    let connect = async || {
        let settings = Settings { spares: 0, ..place.settings() };
        let sink = Arc::new(Mortal { outlives: logs.clone(), dead: Mutex::default() });
        (Docker::connect(settings, place.blobs.clone(), Arc::new(SystemClock), sink.clone()).await.unwrap(), sink)
    };
    place.docker.ensure_running(&place.spec("worker.1", 1, &command)).await.unwrap();
    let mut restarts = 0;
    let numbers = loop {
        let (life, sink) = connect().await;
        life.list().await.unwrap();
        let before = logs.texts().len();
        for _ in 0..1_000 {
            let now = logs.texts();
            // Not at one and the same place each time.
            if now.len() > before + 150 * (restarts + 1) || now.iter().any(|line| line.contains(&format!(": {} ", LINES - 1))) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sink.die();
        drop(life);
        restarts += 1;
        let lines = logs.texts();
        if lines.iter().any(|line| line.contains(&format!(": {} ", LINES - 1))) {
            break lines;
        }
        logs.cut(lines.len() - lines.len().min(37 * restarts));
    };
    let mut times: BTreeMap<u64, usize> = BTreeMap::new();
    let mut last = [None; 2];
    let mut pieces = 0;
    for line in &numbers {
        let text = line.strip_prefix("app[worker.1]: ").unwrap();
        match text.split(' ').next().unwrap().parse::<u64>() {
            Ok(number) => {
                *times.entry(number).or_default() += 1;
                let stream = usize::from(number % 3 == 0);
                assert!(last[stream] < Some(number), "{number} after {:?}", last[stream]);
                last[stream] = Some(number);
            }
            // The second and third piece of a long line.
            Err(_) => pieces += 1,
        }
    }
    assert!(restarts >= 3, "{restarts}");
    let wrong: Vec<_> = (0..LINES).filter(|number| times.get(number) != Some(&1)).take(10).collect();
    assert!(wrong.is_empty(), "not once: {wrong:?}, {restarts} restarts");
    assert_eq!(pieces, 2 * LINES / 500, "pieces of long lines");
    place.docker.ensure_gone(&place.key("worker.1"), 1).await.unwrap();
}

/// More was written while nobody read than the engine keeps: the log says so.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_gap_that_the_engine_left_is_told() {
    let place = Place::of(Way::Mounted).await;
    let logs = Arc::new(KeptLines::default());
    let connect = async || {
        let settings = Settings { spares: 0, ..place.settings() };
        Docker::connect(settings, place.blobs.clone(), Arc::new(SystemClock), logs.clone()).await.unwrap()
    };
    // The engine says only a moment later when it began. It keeps 20 MB; a dyno gets at most some 2 MB a second past its own limit (L12).
    let command = "sleep 1; echo first; while [ ! -e go ]; do sleep 0.05; done; for i in $(seq 1 18); do head -c 4000000 /dev/zero | tr '\\0' x; echo; sleep 1; done; echo last; sleep 600";
    place.docker.ensure_running(&place.spec("worker.1", 1, command)).await.unwrap();
    let until = async |text: &str| {
        for _ in 0..6_000 {
            if logs.texts().iter().any(|line| line.ends_with(text)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{text} was never logged");
    };
    let life = connect().await;
    life.list().await.unwrap();
    until(": first").await;
    drop(life);
    let container = place.listed(&["ps", "--filter", "label=mypaas.dyno=worker.1"]).remove(0);
    docker(&["exec", &container, "touch", "go"]);
    for _ in 0..6_000 {
        if docker(&["logs", "--tail", "1", &container]).contains("last") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let life = connect().await;
    life.list().await.unwrap();
    until(": last").await;
    assert!(logs.texts().iter().any(|line| line.starts_with("heroku[worker.1]: Error L13: messages lost since ")), "{} lines", logs.texts().len());
    drop(life);
    place.docker.ensure_gone(&place.key("worker.1"), 1).await.unwrap();
}
