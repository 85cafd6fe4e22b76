//! A backup of a running installation, and a machine that has nothing but that.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use e2e::{Answer, Installation, eventually};

const SERVER: &str = r#"const http = require("node:http");
http.createServer((request, response) => response.end(`${process.env.DYNO} ${process.env.COLOUR}`)).listen(process.env.PORT);
process.on("SIGTERM", () => process.exit(0));
"#;

fn mypaasd(installation: &Installation, words: &[&str]) -> Answer {
    let mut command = Command::new(installation.source("target/debug/mypaasd"));
    command.arg("--config").arg(installation.home.join("config.toml")).args(words).output().unwrap().into()
}

/// Leaves nothing of the installation but its config file and what tests know it by.
fn lose_everything(installation: &Installation) {
    let instance = fs::read_to_string(installation.home.join("keys/instance")).unwrap();
    let listed = installation.docker(&["ps", "-aq", "--filter", &format!("label=mypaas.instance={}", instance.trim())]).ok().stdout;
    let containers: Vec<&str> = listed.split_whitespace().collect();
    if !containers.is_empty() {
        installation.docker(&[&["rm", "-f"], containers.as_slice()].concat()).ok();
    }
    let home = installation.home.canonicalize().unwrap();
    let mounted = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let below = mounted.lines().filter_map(|line| line.split(' ').nth(4)).filter(|target| Path::new(target).starts_with(&home));
    for target in below.collect::<Vec<_>>().into_iter().rev() {
        assert!(Command::new("umount").args(["-l", "--", target]).status().unwrap().success(), "{target}");
    }
    for entry in fs::read_dir(&home).unwrap() {
        let (name, path) = entry.map(|entry| (entry.file_name().into_string().unwrap(), entry.path())).unwrap();
        if name.starts_with("mypaas.db") {
            fs::remove_file(path).unwrap();
        } else if ["keys", "tls", "blobs", "repos", "slugs", "dynos", "logs"].contains(&name.as_str()) {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_backup_gives_every_app_back_on_an_empty_machine() {
    let installation = Installation::new();
    let repository = installation.inline("web: node server.js\nworker: exec sleep 100000\n", "true");
    repository.write("server.js", SERVER);
    repository.commit("A server and a worker");
    let app = repository.create();
    repository.push().ok();
    repository.mypaas(&["config:set", "COLOUR=blue"]).ok();
    repository.mypaas(&["domains:add", &format!("www.{}.example.com", app.name)]).ok();
    repository.mypaas(&["ps:scale", "web=2", "worker=1"]).ok();
    app.page("the second dyno", |page| page == "web.2 blue");
    let told = || [["releases", "--json"], ["config", "--json"], ["domains", "--json"]].map(|words| repository.mypaas(&words).ok().stdout);
    let before = told();

    let folder = tempfile::tempdir().unwrap();
    let (file, passphrase) = (folder.path().join("it.backup"), folder.path().join("passphrase"));
    fs::write(&passphrase, "correct horse battery staple\n").unwrap();
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
    let words = |command| [command, file.to_str().unwrap(), "--passphrase-file", passphrase.to_str().unwrap()];
    let said = mypaasd(&installation, &words("backup")).ok().stderr;
    assert!(said.contains("It was read back and is whole."), "{said}");
    let running = mypaasd(&installation, &words("restore")).refused();
    assert!(running.contains("a backup is restored into an empty data folder only"), "{running}");

    installation.stop_server();
    lose_everything(&installation);
    mypaasd(&installation, &words("restore")).ok();
    installation.start_server();
    eventually("the dynos that ran", || {
        let ps = repository.mypaas(&["ps"]).ok().stdout;
        ["web.1: up", "web.2: up", "worker.1: up"].iter().all(|dyno| ps.contains(dyno)).then_some(())
    });
    app.page("the first dyno", |page| page == "web.1 blue");
    assert_eq!(told(), before, "releases, config and domains");
    // What was pushed is there: the next push is one commit more.
    repository.write("Procfile", "web: node server.js\n");
    repository.commit("No worker");
    let pushed = repository.push().ok().stderr;
    assert!(pushed.contains("..") && pushed.contains("main -> main"), "{pushed}");
    app.page("the page after the push", |page| page.ends_with("blue"));
}
