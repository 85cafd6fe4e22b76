use std::collections::BTreeMap;

use domain::Source;
use futures_util::{FutureExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use ports::Chance;

use super::*;

fn app() -> AppId {
    Chance::seeded(7).id(Timestamp::UNIX_EPOCH)
}

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000 + second)
}

fn line(process: &str, second: i64, text: &str) -> LogLine {
    LogLine { at: at(second), source: Source::App, process: process.to_owned(), text: text.to_owned() }
}

fn texts(lines: &[Numbered]) -> Vec<&str> {
    lines.iter().map(|numbered| numbered.line.text.as_str()).collect()
}

/// Everything a tail can say without waiting.
fn now(tail: &mut (impl Stream<Item = TailEvent> + Unpin)) -> Vec<String> {
    std::iter::from_fn(|| tail.next().now_or_never().flatten())
        .map(|event| match event {
            TailEvent::Line { line, .. } => line.text,
            TailEvent::Dropped { count, since } => format!("dropped {count} since {}", since.as_second() - 1_000),
        })
        .collect()
}

#[test]
fn history_is_in_the_order_of_arrival_and_the_last_lines_that_match() {
    let logs = Logplex::new();
    logs.write(app(), line("web.1", 5, "a"));
    logs.write(app(), line("web.2", 3, "b"));
    logs.write(app(), line("web.1", 4, "c\nd"));
    assert_eq!(texts(&logs.history(app(), &Filter::default(), 100)), ["a", "b", "c", "d"]);
    let web_1 = Filter { dyno: Some("web.1".into()), source: None, but_logplex: false };
    assert_eq!(texts(&logs.history(app(), &web_1, 2)), ["c", "d"]);
    assert_eq!(texts(&logs.history(app(), &web_1, 0)), [""; 0]);
    assert_eq!(texts(&logs.history(Chance::seeded(8).id(at(0)), &Filter::default(), 100)), [""; 0]);
}

#[test]
fn an_app_keeps_so_many_lines_and_so_many_bytes() {
    let logs = Logplex::new();
    for number in 0..2_000 {
        logs.write(app(), line("web.1", 0, &number.to_string()));
    }
    let kept = logs.history(app(), &Filter::default(), usize::MAX);
    assert_eq!((kept.len(), kept[0].line.text.as_str()), (1_500, "500"));
    for _ in 0..450 {
        logs.write(app(), line("web.1", 0, &"x".repeat(10_000)));
    }
    let bytes: usize = logs.history(app(), &Filter::default(), usize::MAX).iter().map(|numbered| numbered.line.text.len()).sum();
    assert!((3 << 20..=4 << 20).contains(&bytes), "{bytes}");
}

#[test]
fn a_tail_starts_with_history_and_goes_on_live() {
    let logs = Logplex::new();
    for text in ["a", "b", "c"] {
        logs.write(app(), line("web.1", 0, text));
    }
    let mut tail = logs.tail(app(), Filter::default(), 2, None);
    logs.write(app(), line("web.1", 0, "d"));
    assert_eq!(now(&mut tail), ["b", "c", "d"]);
    assert_eq!(now(&mut tail), [""; 0]);
    logs.write(app(), line("web.1", 0, "e"));
    assert_eq!(now(&mut tail), ["e"]);
}

#[test]
fn a_tail_of_an_app_that_has_said_nothing_waits_for_its_first_line() {
    let logs = Logplex::new();
    let mut tail = logs.tail(app(), Filter::default(), 100, None);
    assert_eq!(now(&mut tail), [""; 0]);
    logs.write(app(), line("web.1", 0, "first"));
    assert_eq!(now(&mut tail), ["first"]);
}

#[test]
fn a_reader_that_comes_back_goes_on_where_it_was() {
    let logs = Logplex::new();
    for text in ["a", "b", "c", "d"] {
        logs.write(app(), line("web.1", 0, text));
    }
    let kept = logs.history(app(), &Filter::default(), 100);
    let resumed = |after| now(&mut logs.tail(app(), Filter::default(), 1, Some(after)));
    assert_eq!(resumed(kept[1].seq), ["c", "d"]);
    assert_eq!(resumed(kept[3].seq), [""; 0]);
    // From before a restart, and from a clock that was ahead.
    assert_eq!(resumed(12), ["a", "b", "c", "d"]);
    assert_eq!(resumed(u64::MAX), ["d"]);
}

#[test]
fn a_slow_reader_is_told_what_it_missed() {
    let logs = Logplex::bounded(Bounds { lines: 3, waiting: 3, bytes: 1 << 20 });
    let web_1 = Filter { dyno: Some("web.1".into()), source: None, but_logplex: false };
    let mut all = logs.tail(app(), Filter::default(), 100, None);
    let mut some = logs.tail(app(), web_1, 100, None);
    logs.write(app(), line("web.1", 0, "0"));
    assert_eq!(now(&mut all), ["0"]);
    for second in 1..=9 {
        logs.write(app(), line(if second % 2 == 0 { "web.2" } else { "web.1" }, second, &second.to_string()));
    }
    // Of 0 to 9, 7 to 9 are left.
    assert_eq!(now(&mut all), ["dropped 6 since 1", "7", "8", "9"]);
    assert_eq!(now(&mut some), ["dropped 4 since 0", "7", "9"]);
    logs.write(app(), line("web.1", 10, "10"));
    assert_eq!(now(&mut all), ["10"]);
    assert_eq!(now(&mut some), ["10"]);
}

/// Whoever was away for longer than lines are kept is told so, and goes on with what there is.
#[test]
fn a_reader_that_comes_back_late_is_told_what_it_missed() {
    let logs = Logplex::bounded(Bounds { lines: 3, waiting: 3, bytes: 1 << 20 });
    let say = |seconds: std::ops::Range<i64>| seconds.for_each(|second| logs.write(app(), line("web.1", second, &second.to_string())));
    say(0..3);
    let seen = logs.history(app(), &Filter::default(), 100)[1].seq;
    say(3..8);
    assert_eq!(now(&mut logs.tail(app(), Filter::default(), 1, Some(seen))), ["dropped 3 since 5", "5", "6", "7"]);
    assert_eq!(now(&mut logs.tail(app(), Filter::default(), 1, Some(seen + 3))), ["5", "6", "7"]);
    // A number from before there was this log.
    assert_eq!(now(&mut logs.tail(app(), Filter::default(), 1, Some(12))), ["5", "6", "7"]);
}

/// A log is longer while somebody is behind, up to a bound, and short again when nobody is.
#[test]
fn lines_wait_for_whoever_is_behind() {
    let logs = Logplex::bounded(Bounds { lines: 3, waiting: 6, bytes: 1 << 20 });
    let kept = || logs.history(app(), &Filter::default(), 100).len();
    let mut tail = logs.tail(app(), Filter::default(), 0, None);
    let say = |seconds: std::ops::Range<i64>| seconds.for_each(|second| logs.write(app(), line("web.1", second, &second.to_string())));
    say(0..6);
    assert_eq!((kept(), now(&mut tail).join(" ")), (6, "0 1 2 3 4 5".to_owned()));
    say(6..7);
    assert_eq!(kept(), 3);
    say(7..14);
    assert_eq!((kept(), now(&mut tail).join(" ")), (6, "dropped 2 since 6 8 9 10 11 12 13".to_owned()));
    drop(tail);
    say(14..15);
    assert_eq!(kept(), 3);
}

#[tokio::test]
async fn a_tail_ends_when_its_app_is_forgotten_and_last_words_bring_nothing_back() {
    let logs = Arc::new(Logplex::new());
    logs.write(app(), line("web.1", 0, "a"));
    let mut tail = logs.tail(app(), Filter::default(), 100, None);
    assert_eq!(now(&mut tail), ["a"]);
    let waiting = tokio::spawn(async move { tail.next().await });
    tokio::task::yield_now().await;
    logs.forget(app());
    assert_eq!(waiting.await.unwrap(), None);
    logs.write(app(), line("web.1", 0, "last words"));
    assert!(logs.history(app(), &Filter::default(), 100).is_empty());
    assert_eq!(logs.tail(app(), Filter::default(), 100, None).next().await, None);
    assert!(lock(&logs.apps).channels.is_empty());
}

#[test]
fn a_tail_that_is_dropped_leaves_nothing_behind() {
    let logs = Logplex::bounded(Bounds { lines: 1, waiting: 1, bytes: 1 << 20 });
    drop(logs.tail(app(), Filter::default(), 1, None));
    let channel = logs.channel(app()).unwrap();
    assert!(format!("{:?}", lock(&channel.ring)).contains("cursors: {}"));
}

/// Eight writers on real threads, a tail that starts somewhere in the middle: every line once, in order for each writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_repeated_between_history_and_live() {
    const WRITERS: usize = 8;
    const LINES: usize = 150;
    let logs = Arc::new(Logplex::new());
    let started = Arc::new(tokio::sync::Barrier::new(WRITERS + 1));
    for writer in 0..WRITERS {
        let (logs, started) = (logs.clone(), started.clone());
        tokio::spawn(async move {
            for number in 0..LINES {
                if number == LINES / 3 {
                    started.wait().await;
                }
                logs.write(app(), line(&format!("web.{writer}"), 0, &number.to_string()));
                tokio::task::yield_now().await;
            }
        });
    }
    started.wait().await;
    // All lines fit in the ring: nothing may be dropped, however slow the machine is.
    let tail = logs.tail(app(), Filter::default(), 1_500, None);
    let events: Vec<TailEvent> = tail.take(WRITERS * LINES).collect().await;
    let mut by_writer: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut last = 0;
    for event in events {
        let TailEvent::Line { seq, line } = event else { panic!("{event}") };
        assert!(seq > last);
        last = seq;
        by_writer.entry(line.process).or_default().push(line.text.parse().unwrap());
    }
    assert_eq!(by_writer.len(), WRITERS);
    assert!(by_writer.values().all(|numbers| numbers.iter().copied().eq(0..LINES)), "{by_writer:?}");
}
