//! `dyno-init` as the first process of a container.

#![expect(clippy::unwrap_used, reason = "a test fails so")]

use std::process::{Command, Output};

/// Any image with bash does.
const IMAGE: &str = "mypaas/heroku-24:run-runtimes";

/// Runs a command under it; a container of its own, removed afterwards.
fn run(options: &[&str], command: &str) -> Output {
    let program = format!("{}:/dyno-init:ro", env!("CARGO_BIN_EXE_dyno-init"));
    let mut docker = Command::new("docker");
    docker.args(["run", "--rm", "--network=none", "--user=1000:1000", "--cap-drop=ALL", "--env=HOME=/tmp", "--volume", &program]);
    docker.args(options).args(["--entrypoint=/dyno-init", IMAGE, "--profile", "--", command]).output().unwrap()
}

fn said(output: &Output) -> (String, Option<i32>) {
    (String::from_utf8_lossy(&output.stdout).replace('\r', ""), output.status.code())
}

#[test]
#[ignore = "needs Docker"]
fn it_is_static_and_reports_the_status() {
    assert_eq!(said(&run(&[], "echo $PPID; exit 9")), ("1\n".to_owned(), Some(9)));
    assert_eq!(run(&[], "kill -KILL $$").status.code(), Some(137));
}

#[test]
#[ignore = "needs Docker"]
fn orphans_are_reaped() {
    // The orphan's parent is gone before it ends; it must not stay behind as a zombie.
    let command = "bash -c '(sleep 0.2; exit 3) & echo $! > /tmp/pid'; while [ -e /proc/$(cat /tmp/pid) ]; do sleep 0.05; done; echo reaped";
    assert_eq!(said(&run(&[], command)), ("reaped\n".to_owned(), Some(0)));
}

#[test]
#[ignore = "needs Docker"]
fn a_termination_reaches_every_process_even_in_another_session() {
    let command = "setsid bash -c 'trap \"echo far; exit\" TERM; touch /tmp/ready; while :; do sleep 0.05; done' & \
                   trap 'wait; echo near; exit 4' TERM; while [ ! -e /tmp/ready ]; do sleep 0.05; done; kill -TERM 1; wait";
    assert_eq!(said(&run(&[], command)), ("far\nnear\n".to_owned(), Some(4)));
}

#[test]
#[ignore = "needs Docker"]
fn what_ignores_the_farewell_does_not_keep_the_container() {
    let command = "setsid bash -c 'trap \"\" TERM; touch /tmp/ready; sleep 1000' & while [ ! -e /tmp/ready ]; do sleep 0.05; done; exit 6";
    assert_eq!(run(&[], command).status.code(), Some(6));
}

#[test]
#[ignore = "needs Docker"]
fn on_a_terminal_a_shell_has_job_control() {
    // Without it, an interactive bash says so and `fg` has nothing to work on.
    let output = run(&["--tty"], "bash -i -c 'set -m; sleep 0.1 & fg > /dev/null; echo status $?'");
    let (text, status) = said(&output);
    assert!(text.ends_with("status 0\n") && !text.contains("no job control"), "{text}");
    assert_eq!(status, Some(0));
}

#[test]
#[ignore = "needs Docker"]
fn on_a_terminal_an_interrupt_is_for_the_foreground_only() {
    // What the kernel does at ^C: an interrupt to the whole foreground group, dyno-init included.
    let output = run(&["--tty"], "trap 'echo caught' INT; kill -INT 0; kill -INT 1; sleep 0.1; echo still here");
    assert_eq!(said(&output), ("caught\nstill here\n".to_owned(), Some(0)));
}
