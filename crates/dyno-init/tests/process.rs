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

#[test]
fn wrong_arguments_are_explained() {
    let home = tempfile::tempdir().unwrap();
    let output = dyno_init(home.path(), &["ls", "-l"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: dyno-init"));
}
