use domain::Source;
use ports::{Chance, LogSink};
use tempfile::TempDir;

use super::*;
use crate::{filter::Filter, ring::BOUNDS};

fn app() -> AppId {
    Chance::seeded(7).id(Timestamp::UNIX_EPOCH)
}

fn open(folder: &TempDir) -> Logplex {
    Logplex::new().kept_in(folder.path(), &[app()]).unwrap()
}

fn say(logs: &Logplex, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let at = Timestamp::from_nanosecond(i128::from(number) + 1_800_000_000_000_000_123).unwrap();
        logs.write(app(), LogLine { at, source: Source::App, process: "web.1".into(), text: format!("line  {number} é") });
    }
}

fn all(logs: &Logplex) -> Vec<Numbered> {
    logs.history(app(), &Filter::default(), 10_000)
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join(format!("{}.log", app()))
}

#[test]
fn a_log_is_the_same_after_a_restart_and_its_numbers_go_on() {
    let folder = TempDir::new().unwrap();
    let logs = open(&folder);
    say(&logs, 0..1_000);
    logs.save();
    say(&logs, 1_000..2_000);
    logs.write(app(), LogLine { at: Timestamp::UNIX_EPOCH, source: Source::Heroku, process: "router".into(), text: String::new() });
    logs.save();
    let before = all(&logs);
    let again = open(&folder);
    assert_eq!((before.len(), all(&again)), (BOUNDS.lines, before.clone()));
    let kept = again.kept_of(app(), "web.1").unwrap();
    assert_eq!(kept.newest.as_nanosecond(), 1_800_000_000_000_002_122);
    // Of the oldest's time there may have been more.
    assert_eq!((kept.from.as_nanosecond(), kept.times.len()), (1_800_000_000_000_000_625, 1_498));
    assert_eq!(again.kept_of(app(), "web.2"), None);
    say(&again, 5_000..5_001);
    assert_eq!(all(&again).last().unwrap().seq, before.last().unwrap().seq + 1);
}

#[test]
fn whatever_a_crash_leaves_is_read_as_far_as_it_goes() {
    let folder = TempDir::new().unwrap();
    let logs = open(&folder);
    say(&logs, 0..100);
    logs.save();
    let whole = fs::read(file(&folder)).unwrap();
    for cut in (0..whole.len()).step_by(13) {
        fs::write(file(&folder), &whole[..cut]).unwrap();
        let lines = all(&open(&folder));
        assert_eq!(lines.len(), whole[..cut].iter().filter(|&&byte| byte == b'\n').count(), "cut at {cut}");
    }
    let mut damaged = whole.clone();
    damaged[100..200].fill(0);
    fs::write(file(&folder), &damaged).unwrap();
    let logs = open(&folder);
    let lines = all(&logs);
    assert!((90..100).contains(&lines.len()) && lines.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq), "{}", lines.len());
    // What comes next mends the file.
    say(&logs, 100..101);
    logs.save();
    assert_eq!(all(&open(&folder)), all(&logs));
}

#[test]
fn a_file_does_not_grow_beyond_twice_what_is_kept_and_goes_with_its_app() {
    let folder = TempDir::new().unwrap();
    let logs = open(&folder);
    let mut longest = 0;
    for round in 0..100 {
        say(&logs, round * 1_000..(round + 1) * 1_000);
        logs.save();
        longest = longest.max(fs::metadata(file(&folder)).unwrap().len());
    }
    assert!(longest < SMALL + 100_000, "{longest}");
    assert_eq!(all(&open(&folder)), all(&logs));
    logs.forget(app());
    logs.save();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fs::write(folder.path().join("stray.new"), "x").unwrap();
    open(&folder);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
