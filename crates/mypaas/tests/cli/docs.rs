//! `docs/cli`: what its console blocks show is what the program does.
//!
//! A block's `$ ` lines are run by a shell, one after the other, in one folder per page; below each stands what it says on both
//! streams, and `? N` if it fails with status N. `MYPAAS_UPDATE_DOCS=1` writes what is said into the pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::demo;
use crate::support::{Home, Server};

/// How pages call the server.
const SHOWN: &str = "https://paas.example.com";

fn pages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli");
    let mut pages: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    pages
}

/// A logged-in person in an app's repository.
fn home(server: &Server) -> Home {
    let home = Home::new();
    home.mypaas_with(&["login", "--server", &server.url, "--email", "me@example.com", "--password-stdin"], "x\n");
    home.git(&["init", "-q", "-b", "main"]);
    home.git(&["remote", "add", "mypaas", &format!("{}/shop.git", server.url)]);
    fs::create_dir(home.path(".ssh")).unwrap();
    fs::write(home.path(".ssh/id_ed25519.pub"), "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPx5 me@laptop\n").unwrap();
    fs::write(home.path("work/Procfile"), "web: echo \"listening on $PORT\"; sleep 60\n").unwrap();
    fs::write(home.path("work/.env"), "GREETING='it is open'\n").unwrap();
    fs::write(home.path("password"), "x\n").unwrap();
    home
}

fn run(home: &Home, server: &Server, line: &str) -> String {
    let line = line.replace(SHOWN, &server.url);
    let program = Path::new(env!("CARGO_BIN_EXE_mypaas")).parent().unwrap();
    let path = std::env::join_paths([program.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap()))).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec 2>&1\n{line}")]).current_dir(home.path("work")).env_clear();
    command.env("PATH", path).env("HOME", home.path("")).env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C").env("EDITOR", "true");
    let output = command.output().unwrap();
    let mut said = String::from_utf8(output.stdout).unwrap().replace(&server.url, SHOWN);
    said = said.replace(server.url.trim_start_matches("http://"), "paas.example.com").replace(&home.path("").display().to_string(), "~/");
    if !said.is_empty() && !said.ends_with('\n') {
        said.push('\n');
    }
    if !output.status.success() {
        said.push_str(&format!("? {}\n", output.status.code().unwrap()));
    }
    said
}

/// The page with what its commands say now.
fn as_it_is(text: &str) -> String {
    let server = demo::server();
    let home = home(&server);
    let mut page = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        page.push_str(line);
        page.push('\n');
        if line != "```console" {
            continue;
        }
        while let Some(line) = lines.next_if(|line| *line != "```") {
            if let Some(command) = line.strip_prefix("$ ") {
                page.push_str(&format!("{line}\n{}", run(&home, &server, command)));
            }
        }
    }
    page
}

#[test]
fn every_console_block_shows_what_happens() {
    let update = std::env::var_os("MYPAAS_UPDATE_DOCS").is_some();
    let mut wrong = Vec::new();
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        let is = as_it_is(&text);
        if is == text {
            continue;
        }
        let lines = text.lines().zip(is.lines()).find(|(written, is)| written != is);
        wrong.push(format!("{}: {lines:?}", path.display()));
        if update {
            fs::write(&path, is).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_is_on_a_page_and_every_page_is_in_the_index() {
    let text: String = pages().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let all = Home::new().mypaas(&["commands", "--json"]).out;
    let all: Vec<serde_json::Value> = serde_json::from_str(&all).unwrap();
    assert!(all.len() > 90);
    let named = |name: &str| text.match_indices(&format!("mypaas {name}")).any(|(at, word)| !text[at + word.len()..].starts_with([':', '-']));
    let missing: Vec<_> = all.iter().filter_map(|command| command["name"].as_str()).filter(|name| !named(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for path in pages() {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name == "README.md" || text.contains(&format!("]({name})")), "{name} is not in the index");
    }
}
