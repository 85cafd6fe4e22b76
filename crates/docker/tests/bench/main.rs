//! What logs cost, for `tests/scripts/bench-logs`: prints figures, asserts that nothing was lost.

#![expect(clippy::unwrap_used, reason = "a test fails so")]
#![expect(clippy::disallowed_methods, reason = "figures about this machine, asked for by its environment")]

mod peer;
mod pipeline;

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// A receiver that counts lines, each with one `~`, in a process of its own: what it costs is nobody's here.
pub(crate) struct Receiver {
    process: Child,
    pub(crate) port: u16,
}

const RECEIVER: &str = r#"
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
count = 0
def read(connection):
    global count
    while True:
        chunk = connection.recv(1 << 20)
        if not chunk: return
        count += chunk.count(b"~")
def accept():
    while True: threading.Thread(target=read, args=(listener.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
for _ in sys.stdin: print(count, flush=True)
"#;

impl Receiver {
    pub(crate) fn new() -> Self {
        let mut process = Command::new("python3").args(["-c", RECEIVER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let port = said(&mut process);
        Self { port: port.try_into().unwrap(), process }
    }

    /// Lines so far.
    pub(crate) fn count(&mut self) -> u64 {
        std::io::Write::write_all(self.process.stdin.as_mut().unwrap(), b"\n").unwrap();
        said(&mut self.process)
    }

    /// Waits for so many lines, or until no more come.
    pub(crate) fn until(&mut self, lines: u64) -> u64 {
        let (mut last, mut still) = (0, 0);
        while last < lines && still < 50 {
            std::thread::sleep(std::time::Duration::from_millis(100));
            let now = self.count();
            still = if now == last { still + 1 } else { 0 };
            last = now;
        }
        last
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Byte by byte: nothing may be read ahead and lost with the reader.
fn said(process: &mut Child) -> u64 {
    let mut line = String::new();
    BufReader::with_capacity(1, process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().parse().unwrap()
}

/// Processor seconds of a process so far.
pub(crate) fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Resident bytes of this process.
pub(crate) fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let kib: u64 = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    kib * 1024
}

/// A number from the environment.
pub(crate) fn given(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
