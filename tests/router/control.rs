//! `mypaasd router --control`, the real program, with a control plane that comes and goes: one is played here, to the byte.
//!
//! `cargo build -p mypaasd && cargo test -p e2e --test router_control`

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

const APP: &str = "01890000-0000-7000-8000-000000000001";
const SECRET: &str = "only-routers-know";

/// A control plane, as far as routers see it.
struct Control {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    over: AtomicBool,
    table: Mutex<String>,
    streams: Mutex<Vec<TcpStream>>,
    reports: Mutex<String>,
}

impl Control {
    /// At a port, with a table.
    fn at(port: u16, table: String) -> Self {
        let mut listener = None;
        // The port of the one before may still be closing.
        eventually("the control plane's port is free", || {
            listener = TcpListener::bind(("127.0.0.1", port)).ok();
            listener.is_some()
        });
        let listener = listener.expect("it is bound");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State { table: Mutex::new(table), ..State::default() });
        let served = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if served.over.load(Ordering::SeqCst) {
                    return;
                }
                let served = served.clone();
                thread::spawn(move || served.serve(stream));
            }
        });
        Self { address, state }
    }

    /// Another table, to all that listen.
    fn publish(&self, table: &str) {
        let mut streams = lock(&self.state.streams);
        table.clone_into(&mut lock(&self.state.table));
        streams.retain_mut(|stream| say(stream, table));
    }

    fn has_heard(&self, what: &str) -> bool {
        lock(&self.state.reports).contains(what)
    }

    /// As if it were killed: nobody listens, and every connection ends.
    fn dies(self) -> u16 {
        self.state.over.store(true, Ordering::SeqCst);
        // So that it looks up.
        drop(TcpStream::connect(self.address));
        lock(&self.state.streams).drain(..).for_each(|stream| drop(stream.shutdown(std::net::Shutdown::Both)));
        self.address.port()
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) {
        let (head, body) = request(&mut stream);
        if !head.contains(&format!("\r\nauthorization: Bearer {SECRET}\r\n")) {
            return answer(&mut stream, "401 Unauthorized", "{}");
        }
        if head.starts_with("GET /mypaas/router/routes ") {
            let mut streams = lock(&self.streams);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            say(&mut stream, &lock(&self.table));
            streams.push(stream);
        } else {
            assert!(head.starts_with("POST /mypaas/router/reports "), "{head}");
            lock(&self.reports).push_str(&body);
            answer(&mut stream, "204 No Content", "");
        }
    }
}

/// One line, as a chunk and a half, since a line is no chunk.
fn say(stream: &mut TcpStream, table: &str) -> bool {
    let (one, other) = table.split_at(table.len() / 2);
    let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
    stream.write_all((chunk(one) + &chunk(&format!("{other}\n{{\"routes\":null}}\n"))).as_bytes()).is_ok()
}

/// A dyno that answers everything with a word.
fn dyno(word: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            request(&mut stream);
            answer(&mut stream, "200 OK", word);
        }
    });
    address
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) {
    let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
}

fn request(stream: &mut TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if !matches!(reader.read_line(&mut head), Ok(1..)) {
            return (head, String::new());
        }
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    (head, String::from_utf8_lossy(&body).into_owned())
}

fn table(hosts: &str, state: &str, address: &str) -> String {
    let rest = r#""maintenance":false,"blank":false,"features":["keep-alive"],"error_page":null,"maintenance_page":null"#;
    format!(r#"{{"routes":[{{"app":"{APP}","name":"shop","hosts":[{hosts}],{rest},"dynos":[{{"name":"web.1","address":{address},"state":"{state}"}}]}}]}}"#)
}

fn up(dyno: SocketAddr) -> String {
    table(r#""shop.test""#, "up", &format!("\"{dyno}\""))
}

struct Router {
    process: Child,
    port: u16,
    said: Arc<Mutex<String>>,
}

/// The program's folder and settings.
struct Place {
    home: tempfile::TempDir,
    port: u16,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        fs::create_dir(home.path().join("keys")).expect("a folder is made");
        let place = Self { home, port: free_port() };
        place.pass(SECRET, 0o600);
        place
    }

    fn pass(&self, secret: &str, mode: u32) {
        let file = self.home.path().join("keys/router");
        fs::write(&file, secret).expect("a file is written");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its mode is set");
    }

    fn command(&self, control: u16) -> Command {
        let mut command = Command::new(program());
        command.args(["router", "--control", &format!("http://127.0.0.1:{control}")]);
        command.env_clear().env("MYPAAS_HOME", self.home.path()).env("MYPAAS_PORT", self.port.to_string()).stdin(Stdio::null());
        command
    }

    fn start(&self, control: u16) -> Router {
        let mut process = self.command(control).stderr(Stdio::piped()).spawn().expect("the router is a program");
        let (err, said) = (process.stderr.take().expect("it is piped"), Arc::new(Mutex::new(String::new())));
        let heard = said.clone();
        thread::spawn(move || BufReader::new(err).lines().map_while(Result::ok).for_each(|line| *lock(&heard) += &(line + "\n")));
        Router { process, port: self.port, said }
    }

    /// Runs it where it must end by itself.
    fn fails(&self, control: u16) -> String {
        let Output { status, stderr, .. } = self.command(control).output().expect("the router is a program");
        assert!(!status.success());
        String::from_utf8_lossy(&stderr).into_owned()
    }
}

impl Router {
    /// What `GET` gives: status and body; nothing if nobody answers.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((head.get(9..12)?.parse().ok()?, body.to_owned()))
    }

    #[track_caller]
    fn soon_says(&self, word: &str) {
        let mut last = None;
        let so = || {
            last = self.get("/");
            last.as_ref().is_some_and(|(status, body)| (*status, body.as_str()) == (200, word))
        };
        assert!(looks(so), "it answers {last:?}; it said {}", lock(&self.said));
    }

    fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn the_router_goes_on_without_its_control_plane() {
    let (one, two, place) = (dyno("one"), dyno("two"), Place::new());
    let control = Control::at(0, up(one));
    let router = place.start(control.address.port());
    router.soon_says("one");
    eventually("the line of a request is told", || control.has_heard(&format!(r#"{{"app":"{APP}","at":"2"#)) && control.has_heard("at=info method=GET path="));
    control.publish(&up(two));
    router.soon_says("two");

    let port = control.dies();
    for _ in 0..20 {
        assert_eq!(router.get("/"), Some((200, "two".to_owned())), "{}", lock(&router.said));
    }
    assert_eq!(router.get("/while-it-was-away"), Some((200, "two".to_owned())));
    let control = Control::at(port, up(one));
    router.soon_says("one");
    eventually("what happened meanwhile is told", || control.has_heard("/while-it-was-away"));

    // What is no table changes nothing, and what comes behind it counts again.
    control.publish(r#"{"routes":[{"app":"nonsense"}]}"#);
    *lock(&control.state.table) = up(two);
    router.soon_says("two");

    let port = control.dies();
    router.kill();
    let router = place.start(port);
    router.soon_says("two");
    let control = Control::at(port, up(one));
    router.soon_says("one");
    drop(control);
}

#[test]
fn a_sleeping_app_is_woken_through_the_control_plane() {
    let (awake, place) = (dyno("awake"), Place::new());
    let control = Control::at(0, table(r#""shop.test""#, "asleep", "null"));
    let router = place.start(control.address.port());
    eventually("it listens", || TcpStream::connect(("127.0.0.1", router.port)).is_ok());
    thread::scope(|scope| {
        let waits = scope.spawn(|| router.get("/"));
        eventually("the app is waited for", || control.has_heard(&format!(r#""awaited":["{APP}"]"#)));
        control.publish(&up(awake));
        assert_eq!(waits.join().expect("no panic"), Some((200, "awake".to_owned())));
    });
}

#[test]
fn without_routes_of_last_time_it_waits_for_the_first() {
    let (one, place, port) = (dyno("one"), Place::new(), free_port());
    let router = place.start(port);
    eventually("it says that it waits", || lock(&router.said).contains("so this waits for it"));
    assert_eq!(router.get("/"), None, "without routes it would refuse what it should not");
    let control = Control::at(port, up(one));
    router.soon_says("one");
    drop(control);
}

#[test]
fn who_may_not_have_routes_gets_none() {
    let (one, place) = (dyno("one"), Place::new());
    let control = Control::at(0, up(one));
    place.pass("something else", 0o600);
    let said = place.fails(control.address.port());
    assert!(said.contains("it does not take our secret") && !said.contains("something else"), "{said}");
    place.pass(SECRET, 0o644);
    let said = place.fails(control.address.port());
    assert!(said.contains("can be read by others (mode 644)"), "{said}");
}

/// Ends only what would never end.
const PATIENCE: Duration = Duration::from_secs(60);

fn looks(mut is_so: impl FnMut() -> bool) -> bool {
    (0..PATIENCE.as_millis() / 20).any(|_| {
        let so = is_so();
        if !so {
            thread::sleep(Duration::from_millis(20));
        }
        so
    })
}

#[track_caller]
fn eventually(what: &str, is_so: impl FnMut() -> bool) {
    assert!(looks(is_so), "it never came to this: {what}");
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("there are ports").port().min(u16::MAX - 2)
}

#[expect(clippy::disallowed_methods, reason = "the suite is told from outside what to test")]
fn program() -> PathBuf {
    if let Ok(program) = std::env::var("MYPAASD") {
        return program.into();
    }
    let this = std::env::current_exe().expect("this program lies somewhere");
    let program = this.parent().and_then(Path::parent).expect("it lies in target/*/deps").join("mypaasd");
    assert!(program.is_file(), "{} is not there: cargo build -p mypaasd", program.display());
    program
}
