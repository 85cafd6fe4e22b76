//! `dyno-init` as an ordinary process: what it runs, and how it says how that ended.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

fn dyno_init(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dyno-init"));
    command.args(arguments).env("HOME", home).stdin(Stdio::null());
    command
}

fn said(output: &Output) -> (String, Option<i32>) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn the_profile_comes_first_in_alphabetical_order_and_then_the_command_in_home() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".profile.d")).unwrap();
    fs::write(home.path().join(".profile.d/b.sh"), "export ORDER=\"$ORDER b\"; set -- clobbered").unwrap();
    fs::write(home.path().join(".profile.d/a.sh"), "export ORDER=\"$ORDER a\"").unwrap();
    fs::write(home.path().join(".profile.d/not-a-script.txt"), "export ORDER=wrong").unwrap();
    fs::write(home.path().join(".profile"), "export ORDER=\"$ORDER profile\"").unwrap();
    let output = dyno_init(home.path(), &["--profile", "--", "X='a b' && echo \"$ORDER|$X|$(basename \"$PWD\")|$dyno_profile\""]).output().unwrap();
    let folder = home.path().file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(said(&output), (format!(" a b profile|a b|{folder}|\n"), Some(0)));

    let output = dyno_init(home.path(), &["--", "echo \"[$ORDER]\""]).output().unwrap();
    assert_eq!(said(&output), ("[]\n".to_owned(), Some(0)));
}

#[test]
fn it_ends_as_the_command_ends() {
    let home = tempfile::tempdir().unwrap();
    for (command, status) in [("true", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137), ("no-such-program", 127), ("if", 2)] {
        let output = dyno_init(home.path(), &["--profile", "--", command]).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{command}");
    }
}

#[test]
fn a_termination_reaches_children_too() {
    let home = tempfile::tempdir().unwrap();
    let command = "trap 'wait; echo outer; exit 3' TERM; (trap 'echo inner; exit 0' TERM; echo ready; while :; do sleep 0.05; done) & wait";
    let mut child = dyno_init(home.path(), &["--", command]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    std::io::Read::read_to_string(&mut stdout, &mut line).unwrap();
    assert_eq!(line, "ready\ninner\nouter\n");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn what_is_left_behind_is_ended() {
    let home = tempfile::tempdir().unwrap();
    // The pipe is closed only when the straggler, which holds it too, has ended.
    let output = dyno_init(home.path(), &["--", "sleep 1000 & exit 5"]).output().unwrap();
    assert_eq!(output.status.code(), Some(5));
}

/// Everything the app wrote comes through the gate or is counted, whatever its last words are; both streams, and what is
/// written where there is no line end.
#[test]
fn output_passes_a_gate_and_what_it_drops_is_counted() {
    let home = tempfile::tempdir().unwrap();
    let command = "seq 1 200000; echo to errors >&2; echo past > /dev/stdout; printf 'no end'; exit 3";
    let output = dyno_init(home.path(), &["--log", "2000,1000000", "--", command]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).unwrap();
    let lost = |text: &str| text.lines().filter_map(|line| line.strip_prefix("Error L12: ")?.split(' ').next()?.parse::<usize>().ok()).sum::<usize>();
    let kept = text.lines().filter(|line| !line.starts_with("Error L12: ")).collect::<Vec<_>>();
    assert_eq!(kept.len() + lost(&text), 200_002);
    assert!(kept[..2_000].iter().enumerate().all(|(at, line)| *line == (at + 1).to_string()), "{:?}", kept.first());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors == "to errors\n" || lost(&errors) == 1, "{errors}");

    let output = dyno_init(home.path(), &["--log", "2000,1000000", "--", "echo a; printf 'no end'; echo e >&2"]).output().unwrap();
    assert_eq!((said(&output).0.as_str(), &output.stderr[..]), ("a\nno end", &b"e\n"[..]));
}

/// A log that nobody reads does not hold up the app.
#[test]
fn an_app_is_not_held_up_by_its_log() {
    let home = tempfile::tempdir().unwrap();
    let command = "seq 1 1000000; touch done";
    let mut child = dyno_init(home.path(), &["--log", "4000000000,4000000000", "--", command]).stdout(Stdio::piped()).spawn().unwrap();
    while !home.path().join("done").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it waits for its last words to be read");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let lost: usize = text.lines().filter_map(|line| line.strip_prefix("Error L12: ")?.split(' ').next()?.parse::<usize>().ok()).sum();
    let kept = text.lines().filter(|line| !line.starts_with("Error L12: ")).count();
    assert!(lost > 0 && kept + lost == 1_000_000, "{kept} {lost}");
}

#[test]
fn wrong_arguments_are_explained() {
    let home = tempfile::tempdir().unwrap();
    let output = dyno_init(home.path(), &["ls", "-l"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: dyno-init"));
}
