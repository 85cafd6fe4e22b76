//! Drives a running installation from outside, as people do: with `mypaas`, `git` and `curl`.
//!
//! `deploy/quickstart` has set it up; `MYPAAS_HOME` says where. `tests/run` does both.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

mod inline;
mod load;
mod serve;
mod server;
mod settings;

pub use load::Load;
pub use settings::Settings;

/// The installation under test.
pub struct Installation {
    pub home: PathBuf,
    root: PathBuf,
}

/// What a program answered.
#[derive(Debug)]
pub struct Answer {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    /// Fails the test unless the program succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 0, "it failed\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless the program failed; gives what it said.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_ne!(self.status, 0, "it was not refused\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self.stderr
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { status: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Installation {
    /// The one that `MYPAAS_HOME` names.
    #[expect(clippy::disallowed_methods, reason = "the test is told from outside which installation to drive")]
    #[expect(clippy::new_without_default, reason = "there is nothing default about it")]
    pub fn new() -> Self {
        let home = std::env::var("MYPAAS_HOME").expect("MYPAAS_HOME names the installation under test; tests/run sets one up");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository").to_owned();
        Self { home: home.into(), root }
    }

    /// A file or folder of the repository.
    pub fn source(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// What quickstart wrote for scripts.
    pub fn env(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.home.join("env")).expect("quickstart has written $MYPAAS_HOME/env");
        text.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_owned(), value.trim_matches('\'').to_owned())).collect()
    }

    /// `mypaas ARGS` in a folder, logged in by the environment.
    pub fn mypaas(&self, folder: &Path, args: &[&str]) -> Answer {
        self.mypaas_command(folder, args).output().expect("mypaas runs").into()
    }

    /// The same with bytes on standard input.
    pub fn mypaas_fed(&self, folder: &Path, args: &[&str], input: &[u8]) -> Output {
        let mut command = self.mypaas_command(folder, args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("mypaas runs");
        let (mut stdin, input) = (child.stdin.take().expect("stdin is piped"), input.to_vec());
        let feeder = thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("mypaas ends");
        // A program that reads only part of its input is no failure of ours.
        drop(feeder.join());
        output
    }

    /// `mypaas ARGS`, not started yet.
    pub fn mypaas_command(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(self.root.join("target/debug/mypaas"));
        let env = self.env();
        let given = ["MYPAAS_SERVER", "MYPAAS_TOKEN", "MYPAAS_CA"].into_iter().filter_map(|key| env.get(key).map(|value| (key, value)));
        command.args(args).current_dir(folder).envs(given).stdin(Stdio::null());
        command
    }

    /// Runs `deploy/quickstart`, which starts what is not running.
    pub fn quickstart(&self) -> Answer {
        let mut command = Command::new(self.root.join("deploy/quickstart"));
        // What cargo tells a test of its package would make it build others anew.
        for key in
            std::env::vars_os().filter_map(|(key, _)| key.into_string().ok()).filter(|key| key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(key);
        }
        command.output().expect("quickstart runs").into()
    }

    /// `docker ARGS`.
    pub fn docker(&self, args: &[&str]) -> Answer {
        Command::new("docker").args(args).output().expect("docker runs").into()
    }

    /// The containers of this installation's dynos of an app: `name id`.
    pub fn containers(&self, app: &str) -> Vec<String> {
        let instance = fs::read_to_string(self.home.join("keys/instance")).expect("the installation has a name");
        let filter = format!("label=mypaas.instance={}", instance.trim());
        let format = r#"{{.Names}} {{.ID}};{{.Label "mypaas.app_name"}};{{.Label "mypaas.place"}}"#;
        let listed = self.docker(&["ps", "--no-trunc", "--filter", &filter, "--format", format]).ok();
        let of_app = |line: &str| {
            let (name_and_id, labels) = line.split_once(';')?;
            let (named, place) = labels.split_once(';')?;
            // What a spare has become stands in its place.
            let assigned = || fs::read_to_string(self.home.join("dynos").join(place).join("assigned")).unwrap_or_default();
            let ours = named == app || (named.is_empty() && assigned().lines().any(|line| line == format!("mypaas.app_name={app}")));
            ours.then(|| name_and_id.to_owned())
        };
        let mut lines: Vec<String> = listed.stdout.lines().filter_map(of_app).collect();
        lines.sort();
        lines
    }

    /// A git repository with a copy of a fixture app, committed.
    pub fn repository(&self, fixture: &str) -> Repository<'_> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy(&self.root.join("tests/fixtures/apps").join(fixture), folder.path());
        let repository = Repository { installation: self, folder };
        repository.git(&["init", "-q", "-b", "main"]).ok();
        repository.commit("A first version");
        repository
    }

    /// `GET` through the router, as curl does it: (status, body).
    pub fn get(&self, url: &str) -> (u16, String) {
        let answer: Answer = Command::new("curl").args(["-sS", "--max-time", "100", "-w", "\n%{http_code}", "--", url]).output().expect("curl runs").into();
        let (body, status) = answer.stdout.rsplit_once('\n').unwrap_or_default();
        (status.parse().unwrap_or(0), body.to_owned())
    }
}

/// A working copy of an app.
pub struct Repository<'a> {
    pub installation: &'a Installation,
    folder: tempfile::TempDir,
}

impl Repository<'_> {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `git ARGS`, as somebody with a name and nothing else configured.
    pub fn git(&self, args: &[&str]) -> Answer {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]).args(args).current_dir(self.path());
        for (key, value) in self.installation.env() {
            command.env(key, value);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null()).output().expect("git runs").into()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a file is written");
    }

    /// Commits everything as it is.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]).ok();
        self.git(&["commit", "-q", "--allow-empty", "-m", message]).ok();
    }

    /// `mypaas ARGS` here.
    pub fn mypaas(&self, args: &[&str]) -> Answer {
        self.installation.mypaas(self.path(), args)
    }

    /// Creates an app for this repository; it is destroyed when the handle goes.
    pub fn create(&self) -> App<'_> {
        self.mypaas(&["create"]).ok();
        let remote = self.git(&["remote", "get-url", "mypaas"]).ok().stdout;
        let name = remote.trim().rsplit('/').next().and_then(|last| last.strip_suffix(".git")).expect("the remote names the app").to_owned();
        let port: u16 = self.installation.env()["MYPAAS_SERVER"].rsplit(':').next().and_then(|port| port.parse().ok()).expect("the server has a port");
        App { url: format!("http://{name}.localhost:{}", port - 1), repository: self, name }
    }

    /// `git push mypaas main`; gives what git showed.
    pub fn push(&self) -> Answer {
        self.git(&["push", "mypaas", "main"])
    }
}

/// An app made for a test.
pub struct App<'a> {
    pub name: String,
    /// Without a trailing slash.
    pub url: String,
    repository: &'a Repository<'a>,
}

impl App<'_> {
    /// `GET` a path of it.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.repository.installation.get(&format!("{}{path}", self.url))
    }

    /// Switches to another protocol on a path of it, sends bytes, and gives as many back as came.
    pub fn tunnel(&self, path: &str, bytes: &[u8]) -> Vec<u8> {
        let host = self.url.trim_start_matches("http://");
        let port = host.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the URL has a port");
        let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("the router listens");
        write!(socket, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n").expect("the router reads");
        let mut reader = BufReader::new(socket.try_clone().expect("a socket has two ends"));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).expect("the router answers"), 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        socket.write_all(bytes).expect("the tunnel takes bytes");
        let mut back = vec![0; bytes.len()];
        reader.read_exact(&mut back).expect("the tunnel gives bytes");
        back
    }

    /// The body of `/`, once it satisfies the test; waits a minute at most.
    #[track_caller]
    pub fn page(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        eventually(what, || {
            let (status, body) = self.get("/");
            (status == 200 && fits(&body)).then_some(body)
        })
    }

    /// The last lines of its log, once they satisfy the test.
    #[track_caller]
    pub fn log(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        eventually(what, || {
            let log = self.repository.mypaas(&["logs", "-n", "1500"]).ok().stdout;
            fits(&log).then_some(log)
        })
    }
}

impl Drop for App<'_> {
    fn drop(&mut self) {
        drop(self.repository.mypaas(&["destroy", "-a", &self.name, "--confirm", &self.name]));
    }
}

/// Asks until the answer comes; fails the test after a minute.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(answer) = ask() {
            return answer;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("not within a minute: {what}");
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the fixture is there") {
        let entry = entry.expect("the fixture can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).expect("a folder is made");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file is copied");
        }
    }
}
