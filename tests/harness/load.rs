//! Requests at a steady rate, whether or not answers come.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Asks until it is told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    lost: Arc<Mutex<Vec<String>>>,
    threads: Vec<JoinHandle<()>>,
}

/// Each asks ten times a second, if answers come quickly.
const BETWEEN: Duration = Duration::from_millis(100);

impl Load {
    /// Asks for `/` at this URL so many times a second.
    pub fn on(url: &str, per_second: usize) -> Self {
        let host = url.trim_start_matches("http://").to_owned();
        let port: u16 = host.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the URL has a port");
        let (stop, answered, lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let ask = |_| {
            let (host, stop, answered, lost) = (host.clone(), stop.clone(), answered.clone(), lost.clone());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match get(port, &host) {
                        Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Ok(answer) => lost.lock().expect("nobody fails while holding it").push(answer),
                        Err(error) => lost.lock().expect("nobody fails while holding it").push(error.to_string()),
                    }
                    thread::sleep(BETWEEN);
                }
            })
        };
        let threads = (0..per_second.div_ceil(10)).map(ask).collect();
        Self { stop, answered, lost, threads }
    }

    /// How many were answered so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Stops; gives how many were answered, and what became of the others.
    pub fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("nobody who asks fails");
        }
        (self.answered.load(Ordering::Relaxed), self.lost.lock().expect("nobody fails while holding it").clone())
    }
}

fn get(port: u16, host: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_secs(35)))?;
    write!(socket, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}
