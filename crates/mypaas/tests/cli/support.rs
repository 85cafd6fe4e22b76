//! A server that answers what it is told to, and a home for the program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// `GET /apps`.
    pub(crate) call: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The body, whatever it is.
    pub(crate) bytes: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An answer to be sent.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

pub(crate) fn json(body: impl std::fmt::Display) -> Answer {
    Answer::new(200, body.to_string())
}

pub(crate) fn error(status: u16, body: impl std::fmt::Display) -> Answer {
    Answer::new(status, body.to_string())
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::bare(status, body).with("content-type", "application/json")
    }

    /// Without a content type.
    pub(crate) fn bare(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A server on a port of its own; it ends with the test's process.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request with what `answer` says; it is told how many requests came before.
    pub(crate) fn start(answer: impl Fn(&Request, usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let Some(request) = read(&stream) else { continue };
                let before = record.lock().unwrap().len();
                let reply = answer(&request, before);
                record.lock().unwrap().push(request);
                write(&stream, &reply);
            }
        });
        Self { url, seen }
    }

    /// Answers the calls of a table, and 404 to others.
    pub(crate) fn with(answers: Vec<(&'static str, serde_json::Value)>) -> Self {
        Self::start(move |request, _| match answers.iter().find(|(call, _)| *call == request.call) {
            Some((_, body)) => json(body),
            None => error(404, r#"{"id":"not_found","message":"Not found here."}"#),
        })
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.call).collect()
    }

    pub(crate) fn request(&self, call: &str) -> Request {
        let requests = self.requests();
        requests.iter().find(|request| request.call == call).cloned().unwrap_or_else(|| panic!("no {call} in {:?}", self.calls()))
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let call = line.rsplit_once(' ')?.0.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { call, headers, body: String::new(), bytes: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    request.body = String::from_utf8_lossy(&body).into_owned();
    request.bytes = body;
    Some(request)
}

fn write(mut stream: &TcpStream, answer: &Answer) {
    let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\nconnection: close\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // A client that has gone away is a client that has seen enough.
    let _ = stream.write_all(format!("{head}\r\n").as_bytes());
    let _ = stream.write_all(&answer.body);
}

/// A home folder, and in it a folder to work in.
pub(crate) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder, variables: Vec::new() }
    }

    /// With the environment that stands in for a login.
    pub(crate) fn at(server: &Server) -> Self {
        Self::new().with("MYPAAS_SERVER", &server.url).with("MYPAAS_TOKEN", "t0ken").with("MYPAAS_APP", "shop")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn mypaas(&self, arguments: &[&str]) -> Said {
        self.mypaas_with(arguments, "")
    }

    pub(crate) fn mypaas_with(&self, arguments: &[&str], stdin: &str) -> Said {
        self.run(env!("CARGO_BIN_EXE_mypaas"), arguments, stdin)
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let said = self.run("git", arguments, "");
        assert_eq!(said.status, 0, "git {arguments:?}: {}", said.err);
        said.out
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str], stdin: &str) -> Said {
        let mut child = self.spawn(program, arguments);
        let mut input = child.stdin.take().unwrap();
        // Beside the reading: a program that writes before it reads would wait for us, and we for it.
        thread::scope(|scope| {
            scope.spawn(move || {
                // A program need not read all of its input.
                let _ = input.write_all(stdin.as_bytes());
            });
            child.wait_with_output().unwrap().into()
        })
    }

    fn spawn(&self, program: &str, arguments: &[&str]) -> Child {
        self.command(program, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A program in this home, with nothing of the environment that could lead it elsewhere.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path("work"));
        let foreign = ["SERVER", "TOKEN", "CA", "APP"].map(|name| format!("MYPAAS_{name}"));
        for name in foreign.iter().map(String::as_str).chain([
            "XDG_CONFIG_HOME",
            "NO_COLOR",
            "VISUAL",
            "EDITOR",
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "GIT_DIR",
            "GIT_WORK_TREE",
        ]) {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// What a program said, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self { status: output.status.code().unwrap_or(-1), out: String::from_utf8(output.stdout).unwrap(), err: String::from_utf8(output.stderr).unwrap() }
    }
}
