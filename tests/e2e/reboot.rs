//! A machine that starts again: the engine and the server come up in either order.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::{
    fs,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Child, Command},
    thread,
};

use e2e::{Installation, Repository, eventually};

const SERVER: &str = r#"const http = require("node:http");
http.createServer((request, response) => response.end(`${process.env.DYNO} ${process.env.COLOUR}`)).listen(process.env.PORT);
process.on("SIGTERM", () => process.exit(0));
"#;

fn app(installation: &Installation) -> Repository<'_> {
    let repository = installation.inline("web: node server.js\nworker: exec sleep 100000\n", "true");
    repository.write("server.js", SERVER);
    repository.commit("A server and a worker");
    repository
}

/// A server whose engine is not there yet: its socket is nowhere, until [`Late::engine`].
struct Late {
    server: Child,
    folder: tempfile::TempDir,
    log: std::path::PathBuf,
    said_before: usize,
}

impl Late {
    fn start(installation: &Installation) -> Self {
        let log = installation.home.join("mypaasd.log");
        let folder = tempfile::tempdir().unwrap();
        let server = Command::new(installation.source("target/debug/mypaasd"))
            .arg("--config")
            .arg(installation.home.join("config.toml"))
            .arg("all")
            .env("MYPAAS_DOCKER_SOCKET", folder.path().join("docker.sock"))
            .stderr(fs::OpenOptions::new().append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        let mut late = Self { server, folder, said_before: fs::metadata(&log).unwrap().len() as usize, log };
        eventually("it says that it waits", || late.said().contains("the Docker engine does not answer; waiting for it").then_some(()));
        assert!(late.server.try_wait().unwrap().is_none(), "it lives: {}", late.said());
        late
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()[self.said_before..]).into_owned()
    }

    /// The engine comes: a way to the real one.
    fn engine(&self) {
        let listener = UnixListener::bind(self.folder.path().join("docker.sock")).unwrap();
        thread::spawn(move || listener.incoming().for_each(|near| pass_on(&near.unwrap(), Path::new("/var/run/docker.sock"))));
    }

    /// Ends it, and leaves the installation as it was.
    fn end(mut self, installation: &Installation) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
        installation.start_server();
    }
}

fn pass_on(near: &UnixStream, to: &Path) {
    let far = UnixStream::connect(to).unwrap();
    for (from, to) in [(near, &far), (&far, near)] {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        thread::spawn(move || {
            // Either end may go away at any time.
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }
}

/// What a machine that is switched off does to dynos: processes end, mounts are no more; containers stay, stopped.
fn power_off(installation: &Installation) {
    let instance = fs::read_to_string(installation.home.join("keys/instance")).unwrap();
    let filter = format!("label=mypaas.instance={}", instance.trim());
    eventually("nothing runs", || {
        let running = installation.docker(&["ps", "-q", "--filter", &filter]).ok().stdout;
        let ids: Vec<&str> = running.split_whitespace().collect();
        // A spare ends by itself meanwhile.
        ids.iter().for_each(|id| drop(installation.docker(&["kill", id])));
        ids.is_empty().then_some(())
    });
    let home = installation.home.canonicalize().unwrap();
    let mounted = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let below = mounted.lines().filter_map(|line| line.split(' ').nth(4)).filter(|target| Path::new(target).starts_with(&home));
    for target in below.collect::<Vec<_>>().into_iter().rev() {
        assert!(Command::new("umount").args(["-l", "--", target]).status().unwrap().success(), "{target}");
    }
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_server_that_is_there_before_the_engine_waits_for_it_and_adopts_what_runs() {
    let installation = Installation::new();
    let repository = app(&installation);
    let app = repository.create();
    repository.push().ok();
    app.page("the first page", |page| page == "web.1 undefined");
    let before = installation.containers(&app.name);
    installation.stop_server();
    let late = Late::start(&installation);
    late.engine();
    app.page("the page after the engine came", |page| page == "web.1 undefined");
    assert_eq!(installation.containers(&app.name), before, "dynos are adopted");
    late.end(&installation);
    app.page("the page after all", |page| page == "web.1 undefined");
    assert_eq!(installation.containers(&app.name), before);
}

/// Three dynos; the machine goes and comes back; all three answer as before.
fn reboot(installation: &Installation, boot: impl FnOnce(&dyn Fn(&str))) {
    let repository = app(installation);
    let app = repository.create();
    repository.push().ok();
    repository.mypaas(&["config:set", "COLOUR=blue"]).ok();
    repository.mypaas(&["ps:scale", "web=2", "worker=1"]).ok();
    let all_up = |when: &str| {
        eventually(when, || {
            Some(repository.mypaas(&["ps"]).ok().stdout).filter(|ps| ["web.1: up", "web.2: up", "worker.1: up"].iter().all(|dyno| ps.contains(dyno)))
        });
        app.page(when, |page| page == "web.1 blue");
        app.page(when, |page| page == "web.2 blue");
    };
    all_up("three dynos before the reboot");
    let before = installation.containers(&app.name);
    installation.stop_server();
    power_off(installation);
    assert!(installation.containers(&app.name).is_empty(), "nothing of it runs");
    boot(&all_up);
    let after = eventually("no container too many", || Some(installation.containers(&app.name)).filter(|found| found.len() == 3));
    assert!(after.iter().all(|container| !before.contains(container)), "a dyno that ended is started anew, with the slug's files");
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn after_a_reboot_all_dynos_come_back_the_server_being_first() {
    let installation = Installation::new();
    reboot(&installation, |all_up| {
        let late = Late::start(&installation);
        late.engine();
        all_up("three dynos, with an engine that came later");
        late.end(&installation);
        all_up("three dynos after all");
    });
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn after_a_reboot_all_dynos_come_back_the_engine_being_first() {
    let installation = Installation::new();
    reboot(&installation, |all_up| {
        installation.start_server();
        all_up("three dynos, with an engine that was there");
    });
}
