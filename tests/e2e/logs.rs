//! What an app writes, from its dynos to whoever reads it, while the server does not live for ever.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use e2e::{Installation, eventually};

const COUNTER: &str = r#"const fs = require("node:fs");
let n = 0;
setInterval(() => fs.writeSync(1 + (n % 2), `count ${n++} end\n`), 50);
"#;

fn numbers(text: &str) -> Vec<u64> {
    text.lines().filter_map(|line| line.split_once("app[counter.1]: count ")?.1.strip_suffix(" end")?.parse().ok()).collect()
}

/// Each number once, and those of either stream in order.
fn check(counted: &[u64], what: &str) {
    let mut all = counted.to_vec();
    all.sort_unstable();
    assert!(!all.is_empty() && all.iter().copied().eq(all[0]..=all[all.len() - 1]), "{what}: each once: {counted:?}");
    for stream in 0..2 {
        assert!(counted.iter().filter(|number| *number % 2 == stream).is_sorted(), "{what}: in order: {counted:?}");
    }
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn while_the_server_is_killed_again_and_again_no_line_is_lost_or_repeated() {
    let installation = Installation::new();
    let repository = installation.inline("counter: node counter.js\n", "true");
    repository.write("counter.js", COUNTER);
    repository.commit("A counter");
    let app = repository.create();
    repository.push().ok();
    repository.mypaas(&["ps:scale", "counter=1"]).ok();
    let read = || numbers(&repository.mypaas(&["logs", "-n", "1500", "-d", "counter.1", "-s", "app"]).ok().stdout);
    eventually("it counts", || (read().len() > 10).then_some(()));
    for round in 0..6 {
        installation.kill_server();
        // Sometimes the engine alone has some seconds of it.
        thread::sleep(Duration::from_millis(700 * (round % 3)));
        installation.start_server();
        let before = read().last().copied().unwrap_or_default();
        eventually("it is read on", || (read().last().copied().unwrap_or_default() > before + 10).then_some(()));
        let counted = read();
        assert_eq!(counted[0], 0, "round {round}");
        check(&counted, &format!("round {round}"));
    }
    drop(app);
}

/// What `mypaas logs --tail` shows of a flood and its count are all that was written; an idle neighbour's tail shows no more
/// than its own.
#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_tail_shows_every_line_or_counts_it() {
    const LINES: u64 = 400_000;
    let installation = Installation::new();
    let repository = installation.inline("flood: sh flood.sh\n", "true");
    // What comes right behind a flood may be dropped with it.
    repository.write("flood.sh", &format!("sleep 3\nseq -f 'count %.0f end' 0 {}\nsleep 5\necho over\nsleep 1000\n", LINES - 1));
    repository.commit("A flood");
    let app = repository.create();
    repository.push().ok();
    let mut tail: Command = installation.mypaas_command(repository.path(), &["logs", "--tail", "-n", "0", "-d", "flood.1", "-s", "app", "--no-color"]);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the tail starts");
    let shown = Arc::new(Mutex::new(Vec::new()));
    let lines = BufReader::new(tail.stdout.take().expect("it is piped"));
    let into = shown.clone();
    thread::spawn(move || lines.lines().map_while(Result::ok).for_each(|line| into.lock().expect("no panic").push(line)));
    repository.mypaas(&["ps:scale", "flood=1"]).ok();
    eventually("the end of it", || shown.lock().expect("no panic").iter().any(|line: &String| line.ends_with(": over")).then_some(()));
    tail.kill().expect("it runs");
    tail.wait().expect("it ran");
    let shown = shown.lock().expect("no panic");
    let count = |line: &String, mark: &str| line.split_once(mark).and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
    let came = shown.iter().filter(|line| line.contains(": count ")).count() as u64;
    let dropped: u64 = shown.iter().filter_map(|line| count(line, "Error L12: ")).sum();
    let missed: u64 = shown.iter().filter_map(|line| count(line, "This tail session dropped ")).sum();
    assert!(shown.iter().filter_map(|line| count(line, ": count ")).is_sorted());
    assert_eq!(came + dropped + missed, LINES, "{came} came, {dropped} dropped at the dyno, {missed} missed by the tail");
    drop(app);
}
