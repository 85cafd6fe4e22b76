//! An engine that comes later than the server.

use std::{fs, os::unix::net::UnixListener, process::Command, thread};

use e2e::{Installation, Repository, eventually};

const SERVER: &str = r#"const http = require("node:http");
const fs = require("node:fs");
const server = http.createServer((request, response) => {
  setTimeout(() => response.end(`${process.env.DYNO} ${process.env.COLOUR ?? "none"} ${fs.readFileSync("version", "utf8")}`), 10);
});
server.listen(process.env.PORT);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
"#;

fn web(installation: &Installation) -> Repository<'_> {
    let repository = installation.inline("web: node server.js\n", "true");
    repository.write("server.js", SERVER);
    repository.write("version", "one");
    repository.commit("A server");
    repository
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_server_that_is_there_before_the_engine_waits_for_it() {
    let installation = Installation::new();
    let repository = web(&installation);
    let app = repository.create();
    repository.push().ok();
    app.page("the first page", |page| page == "web.1 none one");
    let before = installation.containers(&app.name);
    installation.stop_server();

    // As if the engine had not been started yet: its socket is nowhere, and then a way to the real one.
    let log = installation.home.join("mypaasd.log");
    let said_before = fs::read_to_string(&log).unwrap().len();
    let socket = tempfile::tempdir().unwrap();
    let socket = socket.path().join("docker.sock");
    let mut server = Command::new(installation.source("target/debug/mypaasd"))
        .arg("--config")
        .arg(installation.home.join("config.toml"))
        .arg("all")
        .env("MYPAAS_DOCKER_SOCKET", &socket)
        .stderr(fs::OpenOptions::new().append(true).open(&log).unwrap())
        .spawn()
        .unwrap();
    let said = || fs::read_to_string(&log).unwrap()[said_before..].to_owned();
    eventually("it says that it waits", || said().contains("the Docker engine does not answer; waiting for it").then_some(()));
    assert!(server.try_wait().unwrap().is_none(), "it lives: {}", said());
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.unwrap(), std::os::unix::net::UnixStream::connect("/var/run/docker.sock").unwrap());
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    app.page("the page after the engine came", |page| page == "web.1 none one");
    assert_eq!(installation.containers(&app.name), before, "dynos are adopted");
    server.kill().unwrap();
    server.wait().unwrap();
    installation.quickstart().ok();
    app.page("the page after all", |page| page == "web.1 none one");
    assert_eq!(installation.containers(&app.name), before);
}
