//! Two processes on one PostgreSQL, one of which is killed, or frozen for a while.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use databases::Database;
use ports::Chance;
use store::{Db, SealKey};

use super::*;

/// Another process of this test's program. It ends when this one does.
struct Plane {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Plane {
    fn start(url: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "leading::tests::a_plane_of_its_own", "--ignored", "--nocapture", "--test-threads=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(process.stdin.as_mut().unwrap(), "{url}").unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines }
    }

    /// The lines until one that begins like this, that one last.
    fn until(&mut self, beginning: &str) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended without {beginning:?}: {said:?}");
            said.push(line.trim().to_owned());
            if said.last().unwrap().starts_with(beginning) {
                return said;
            }
        }
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, "--", &self.process.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Leads as soon as it may, says so, and writes without end; until it is deposed.
#[test]
#[ignore = "a process that other tests start"]
#[expect(clippy::print_stdout, reason = "who started it listens")]
fn a_plane_of_its_own() {
    let mut url = String::new();
    std::io::stdin().lock().read_line(&mut url).unwrap();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
        let chance = Arc::new(Chance::from_os());
        let db = Db::open(url.trim(), SealKey::new(1, [7; 32]), chance).await.unwrap();
        let mut candidate = db.candidate("http://localhost:5001".to_owned(), "keys".to_owned()).unwrap().unwrap();
        println!("\nstands by");
        let leader = until_leading(&mut candidate).await.unwrap();
        println!("leads {}", leader.term());
        let mut deposed = tokio::spawn(until_deposed(leader));
        for number in 0_u64.. {
            println!("begins {number}");
            let wrote = match db.write().await {
                Ok(tx) => tx.commit().await.is_ok(),
                Err(_) => false,
            };
            println!("{} {number}", if wrote { "wrote" } else { "lost" });
            if tokio::time::timeout(Duration::from_millis(5), &mut deposed).await.is_ok() {
                break;
            }
        }
        println!("deposed");
    });
}

/// Where PostgreSQL is.
async fn on_postgres(test: impl AsyncFnOnce(&str)) {
    let work = async {
        let folder = tempfile::tempdir().unwrap();
        test(&databases::postgres_url(folder.path()).await).await;
    };
    databases::run(Database::Postgres, work).await;
}

#[tokio::test]
async fn the_next_leads_when_the_leader_is_killed() {
    on_postgres(async |url| {
        let mut one = Plane::start(url);
        one.until("leads 1");
        let mut other = Plane::start(url);
        other.until("stands by");
        one.until("wrote 3");
        one.process.kill().unwrap();
        other.until("leads 2");
        other.until("wrote 3");
    })
    .await;
}

#[tokio::test]
async fn a_leader_that_was_frozen_writes_nothing_more_and_notices() {
    on_postgres(async |url| {
        let mut one = Plane::start(url);
        one.until("leads 1");
        let mut other = Plane::start(url);
        other.until("stands by");
        one.until("wrote 3");
        one.signal("-STOP");
        other.until("leads 2");
        other.until("wrote 3");
        one.signal("-CONT");
        let said = one.until("deposed");
        // What was begun before it was frozen may have been written then; whatever began later is lost.
        let stopped = said.iter().position(|line| line.starts_with("lost")).expect("it tried");
        assert!(said[stopped..].iter().all(|line| !line.starts_with("wrote")), "{said:?}");
        other.until("wrote 6");
    })
    .await;
}
