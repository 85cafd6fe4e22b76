use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ports::{
    RuntimeError, Sandbox, Sandboxes,
    sandbox::{Finished, OutputSink, Program, SandboxSpec},
};

use crate::place::Place;

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl OutputSink for Kept {
    fn stdout(&mut self, bytes: &[u8]) {
        self.stdout.push_str(&String::from_utf8_lossy(bytes));
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.stderr.push_str(&String::from_utf8_lossy(bytes));
    }
}

const CACHE: &str = "/tmp/codon/tmp/cache";

pub(crate) fn spec(place: &Place, name: &str) -> SandboxSpec {
    SandboxSpec { app: place.app, stack: "heroku-24".parse().unwrap(), name: name.to_owned(), cache_dir: CACHE, memory_mib: 256, cpu_milli: 1000, pids: 100 }
}

pub(crate) fn bash(script: &str) -> Program {
    Program {
        argv: ["bash", "-c", script].map(str::to_owned).into(),
        env: vec![("STACK".to_owned(), "heroku-24".to_owned()), ("SECRET".to_owned(), "a b=c".to_owned())],
        working_dir: "/tmp".to_owned(),
    }
}

pub(crate) async fn run(sandbox: &dyn Sandbox, script: &str) -> (Finished, Kept) {
    let mut kept = Kept::default();
    let finished = sandbox.run(&bash(script), &mut kept).await.unwrap();
    (finished, kept)
}

fn ended(status: i32) -> Finished {
    Finished { status, out_of_memory: false }
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_mode(0o755);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

async fn files(archive: ports::ByteStream) -> BTreeMap<String, Vec<u8>> {
    let chunks: Vec<Bytes> = archive.try_collect().await.unwrap();
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(&chunks.concat()[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).unwrap();
        files.insert(entry.path().unwrap().display().to_string(), bytes);
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn what_is_put_in_is_worked_on_and_taken_out() {
    let place = Place::new().await;
    let sandbox = place.docker.open(&spec(&place, "b1")).await.unwrap();
    let big: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let archive = tar(&[("work/in", &big), ("work/run", b"#!/bin/sh\necho \"$SECRET in $PWD as $(id -u)\"; echo careful >&2; cp in out; exit 9\n")]);
    let chunks: Vec<_> = archive.chunks(10_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    sandbox.put("/tmp", stream::iter(chunks).boxed()).await.unwrap();

    let mut kept = Kept::default();
    let program = Program { argv: vec!["./run".to_owned()], working_dir: "/tmp/work".to_owned(), ..bash("") };
    // Docker makes parents as root; the program writes where its owner may.
    assert_eq!(run(&*sandbox, "stat -c %u /tmp/work/in").await.1.stdout, "1000\n");
    let finished = sandbox.run(&program, &mut kept).await.unwrap();
    assert_eq!(kept.stdout, "a b=c in /tmp/work as 1000\n");
    assert!(kept.stderr.starts_with("careful\n"), "{}", kept.stderr);
    assert_eq!(finished, ended(9));

    run(&*sandbox, "mkdir -p /tmp/result/deep; cp /tmp/work/in /tmp/result/deep/out; ln -s deep /tmp/result/link").await;
    let taken = files(sandbox.take("/tmp/result").await.unwrap()).await;
    assert_eq!(taken.keys().collect::<Vec<_>>(), ["result/", "result/deep/", "result/deep/out", "result/link"]);
    assert!(taken["result/deep/out"] == big);
    assert!(matches!(sandbox.take("/no/such").await, Err(RuntimeError::Refused(_))));
    sandbox.close().await.unwrap();
    place.sandboxes_go().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker engine: tests/run"]
async fn programs_that_are_run_together_answer_as_each_does_alone() {
    let place = Place::new().await;
    let sandbox = place.docker.open(&spec(&place, "s7")).await.unwrap();
    let flood = format!("head -c {} /dev/zero | tr '\\0' x", ports::sandbox::Kept::MOST + 2);
    let scripts = ["echo \"$PWD $STACK\"; echo no >&2; exit 3", "printf 'a\n0 1 0\nb'", "kill -KILL $$", flood.as_str(), "read line"];
    let programs = scripts.map(bash);
    let ran = sandbox.run_all(&programs).await.unwrap();
    for (program, together) in programs.iter().zip(&ran) {
        let mut alone = ports::sandbox::Kept::default();
        let finished = sandbox.run(program, &mut alone).await.unwrap();
        assert_eq!(
            (finished, alone.stdout, alone.stderr, alone.cut),
            (together.finished, together.kept.stdout.clone(), together.kept.stderr.clone(), together.kept.cut)
        );
    }
    assert_eq!(String::from_utf8_lossy(&ran[0].kept.stdout), "/tmp heroku-24\n");
    assert_eq!(ran.iter().map(|ran| ran.finished.status).collect::<Vec<_>>(), [3, 0, 137, 0, 1]);
    assert!(ran[3].kept.cut);
    let missing = Program { argv: vec!["/no/such".to_owned()], ..bash("") };
    assert_eq!(sandbox.run_all(&[missing]).await.unwrap()[0].finished.status, 127);
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker engine: tests/run"]
async fn a_build_begins_when_nothing_of_the_one_before_it_runs() {
    let place = Place::new().await;
    let first = place.docker.open(&spec(&place, "s8")).await.unwrap();
    assert_eq!(
        run(
            first.as_ref(),
            &format!("(setsid bash -c 'while :; do date +%N >{CACHE}/next && mv {CACHE}/next {CACHE}/beat; done' &); until [ -e {CACHE}/beat ]; do :; done")
        )
        .await
        .0,
        ended(0)
    );
    first.close().await.unwrap();
    let second = place.docker.open(&spec(&place, "s9")).await.unwrap();
    let (finished, kept) = run(second.as_ref(), &format!("cat {CACHE}/beat; sleep 0.5; cat {CACHE}/beat")).await;
    let (one, other) = kept.stdout.split_at(kept.stdout.len() / 2);
    assert!(finished == ended(0) && one == other && !one.is_empty(), "{}", kept.stdout);
    second.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn statuses_signals_and_missing_programs_are_told_apart() {
    let place = Place::new().await;
    let sandbox = place.docker.open(&spec(&place, "b1")).await.unwrap();
    for (script, status) in [("true", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("no-such-program", 127)] {
        assert_eq!(run(&*sandbox, script).await.0, ended(status), "{script}");
    }
    // Others that hold the output of a program that has ended do not hold up the build.
    let (finished, kept) = run(&*sandbox, "sleep 600 & echo started").await;
    assert_eq!((finished, kept.stdout.as_str()), (ended(0), "started\n"));
    sandbox.close().await.unwrap();
}

/// Hostile inputs 80, 81.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn memory_that_runs_out_is_said_so_each_time() {
    let place = Place::new().await;
    let sandbox = place.docker.open(&spec(&place, "b1")).await.unwrap();
    for _ in 0..2 {
        let (finished, _) = run(&*sandbox, "exec python3 -c 'x = bytearray(400 << 20)'").await;
        assert_eq!(finished, Finished { status: 137, out_of_memory: true });
        assert_eq!(run(&*sandbox, "exit 1").await.0, ended(1));
    }
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn the_cache_outlives_the_sandbox_until_it_is_purged() {
    let place = Place::new().await;
    let look = format!("cat {CACHE}/kept 2>/dev/null || echo empty; echo more > {CACHE}/kept");
    let mut said = Vec::new();
    for name in ["b1", "b2"] {
        let sandbox = place.docker.open(&spec(&place, name)).await.unwrap();
        said.push(run(&*sandbox, &look).await.1.stdout);
        sandbox.close().await.unwrap();
    }
    assert_eq!(said, ["empty\n", "more\n"]);
    place.docker.purge_cache(place.app).await.unwrap();
    let sandbox = place.docker.open(&spec(&place, "b3")).await.unwrap();
    assert_eq!(run(&*sandbox, &look).await.1.stdout, "empty\n");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn what_a_crash_left_open_is_swept_at_the_next_start() {
    let mut place = Place::new().await;
    let sandbox = place.docker.open(&spec(&place, "b1")).await.unwrap();
    // Not even dropped: the platform is gone at once.
    std::mem::forget(sandbox);
    assert_eq!(place.listed(&["ps", "--all", "--filter", "name=-build-"]).len(), 1);
    place.restart().await;
    assert_eq!(place.listed(&["ps", "--all", "--filter", "name=-build-"]), [""; 0]);
}

/// Hostile inputs 80, 81.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn builds_are_confined_and_own_their_folders() {
    let place = Place::new().await;
    let sandbox = place.docker.open(&spec(&place, "b1")).await.unwrap();
    let script = "grep -E 'CapBnd|NoNewPrivs' /proc/self/status | tr -d '\\t'; stat -c '%u %n' /app /tmp/codon/tmp/* | sort; stat -c %a /tmp; test -e /var/run/docker.sock || echo no socket";
    let (finished, kept) = run(&*sandbox, script).await;
    assert_eq!(finished, ended(0));
    assert_eq!(
        kept.stdout.lines().collect::<Vec<_>>(),
        [
            "CapBnd:0000000000000000",
            "NoNewPrivs:1",
            "1000 /app",
            "1000 /tmp/codon/tmp/buildpacks",
            "1000 /tmp/codon/tmp/cache",
            "1000 /tmp/codon/tmp/env",
            "1777",
            "no socket"
        ]
    );
    sandbox.close().await.unwrap();
}
