//! A router under test, the dynos behind it, and what it says.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::fs::symlink},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::wire::Conn;

/// Whether time limits are Heroku's.
#[expect(clippy::disallowed_methods, reason = "the suite is told from outside in which form to run")]
pub(crate) fn full() -> bool {
    std::env::var("CONFORMANCE").is_ok_and(|form| form == "full")
}

/// The longest that anything may take before a case has failed.
pub(crate) fn patience() -> Duration {
    Duration::from_secs(if full() { 120 } else { 10 })
}

/// The program under test: `MYPAASD`, or the one that was built beside this one.
#[expect(clippy::disallowed_methods, reason = "the suite is told from outside what to test")]
pub(crate) fn program() -> PathBuf {
    if let Ok(program) = std::env::var("MYPAASD") {
        return program.into();
    }
    let this = std::env::current_exe().expect("this program lies somewhere");
    let program = this.parent().and_then(Path::parent).expect("it lies in target/*/deps").join("mypaasd");
    assert!(program.is_file(), "{} is not there: cargo build -p mypaasd", program.display());
    program
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Up,
    Starting,
    Crashed,
    /// Said to be up, but nobody listens there.
    Refuses,
    /// Said to be up, but connections to it are never taken.
    Deaf,
}

/// What is behind the router: the app `shop` at `shop.test`.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) dynos: Vec<State>,
    pub(crate) features: &'static [&'static str],
    pub(crate) maintenance: bool,
    pub(crate) blank: bool,
    pub(crate) hosts: &'static [&'static str],
    /// In the short form.
    pub(crate) timeouts: &'static [(&'static str, &'static str)],
    /// In every form.
    pub(crate) always: &'static str,
    /// Further lines of the app.
    pub(crate) app: &'static str,
    /// Lines of the config file's `[router]`.
    pub(crate) config: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            dynos: vec![State::Up],
            features: &[],
            maintenance: false,
            blank: false,
            hosts: &["shop.test"],
            timeouts: &[],
            always: "",
            app: "",
            config: String::new(),
        }
    }
}

/// Codes of which a case has compared the whole line, field by field.
pub(crate) static LOGGED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Where a dyno is, if it is anywhere.
enum Place {
    Listens(TcpListener),
    Bound(OwnedFd),
    Full(TcpListener, #[expect(dead_code, reason = "they fill the queue")] Vec<TcpStream>),
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) routes: PathBuf,
    pub(crate) config: PathBuf,
    /// As the router was started: a link.
    pub(crate) program: PathBuf,
    setup: Setup,
    places: Vec<Place>,
    process: Child,
    lines: Mutex<Receiver<String>>,
    pub(crate) stderr: Arc<Mutex<String>>,
    _folder: tempfile::TempDir,
}

impl World {
    /// One app with one dyno that is up.
    pub(crate) fn shop() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn dynos(dynos: &[State]) -> Self {
        Self::with(Setup { dynos: dynos.to_vec(), ..Setup::default() })
    }

    pub(crate) fn feature(feature: &'static [&'static str]) -> Self {
        Self::with(Setup { features: feature, ..Setup::default() })
    }

    pub(crate) fn with(setup: Setup) -> Self {
        let places: Vec<Place> = setup.dynos.iter().map(|state| Place::new(*state)).collect();
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let routes = folder.path().join("routes.toml");
        fs::write(&routes, text(&setup, &places)).expect("a file can be written");
        let config = folder.path().join("config.toml");
        fs::write(&config, format!("[router]\n{}", setup.config)).expect("a file can be written");
        // Under a name of its own, which can become another program's.
        let named = folder.path().join("mypaasd");
        symlink(program(), &named).expect("a link can be made");
        let (process, lines, stderr, address) = start(&named, &config, &routes);
        Self { address, routes, config, program: named, setup, places, process, lines: Mutex::new(lines), stderr, _folder: folder }
    }

    /// Another version of the table.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Setup)) {
        change(&mut self.setup);
        self.replace_file(&text(&self.setup, &self.places));
    }

    /// The routes file as it would be for this.
    pub(crate) fn text(&self, change: impl FnOnce(&mut Setup)) -> String {
        let mut setup = self.setup.clone();
        change(&mut setup);
        text(&setup, &self.places)
    }

    pub(crate) fn replace_file(&self, text: &str) {
        let beside = self.routes.with_extension("new");
        fs::write(&beside, text).expect("a file can be written");
        fs::rename(&beside, &self.routes).expect("a file can be moved");
    }

    pub(crate) fn client(&self) -> Conn {
        Conn::to(self.address)
    }

    /// The next connection that the router opens to the first dyno.
    #[track_caller]
    pub(crate) fn dyno(&self) -> Conn {
        self.dyno_at(0)
    }

    #[track_caller]
    pub(crate) fn dyno_at(&self, index: usize) -> Conn {
        let mut taken = None;
        eventually(|| {
            taken = self.try_dyno(index);
            taken.is_some()
        });
        taken.unwrap_or_else(|| panic!("no connection came to dyno {index}; the router says {}", self.said()))
    }

    /// A connection to this dyno, if there is one waiting.
    pub(crate) fn try_dyno(&self, index: usize) -> Option<Conn> {
        let Place::Listens(listener) = &self.places[index] else { panic!("dyno {index} does not listen") };
        let stream = listener.accept().ok()?.0;
        stream.set_nonblocking(false).expect("a socket takes options");
        Some(Conn::new(stream))
    }

    /// How many dynos there are.
    pub(crate) fn count(&self) -> usize {
        self.places.len()
    }

    /// No connection came to any dyno.
    #[track_caller]
    pub(crate) fn dynos_are_left_alone(&self) {
        for index in 0..self.places.len() {
            if matches!(self.places[index], Place::Listens(_)) {
                assert!(self.try_dyno(index).is_none(), "dyno {index} heard of it");
            }
        }
    }

    /// The next `heroku[router]` line, without its time.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        let line =
            self.lines.lock().expect("no holder panics").recv_timeout(patience()).unwrap_or_else(|_| panic!("no line came; the router says {}", self.said()));
        let (time, text) = line.split_once(" heroku[router]: ").unwrap_or_else(|| panic!("no router line: {line:?}"));
        assert!(like(time, "#-#-#T#:#:#.#+00:00"), "no time: {time:?}");
        text.to_owned()
    }

    /// The next line is this: `#` stands for digits, `*` for a word.
    #[track_caller]
    pub(crate) fn logs(&self, pattern: &str) {
        let line = self.line();
        assert!(like(&line, pattern), "the line is\n{line}\nand should be\n{pattern}");
        if let Some((_, rest)) = line.split_once(" code=") {
            LOGGED.lock().expect("no holder panics").insert(rest[..3].to_owned());
        }
    }

    /// No line was said so far.
    #[track_caller]
    pub(crate) fn no_line(&self) {
        if let Ok(line) = self.lines.lock().expect("no holder panics").try_recv() {
            panic!("it said {line}");
        }
    }

    /// Where apps answer over TLS.
    #[track_caller]
    pub(crate) fn secure_address(&self) -> SocketAddr {
        let said = self.said();
        let (_, rest) = said.split_once("apps answer over TLS at ").unwrap_or_else(|| panic!("no TLS: {said}"));
        rest.split_whitespace().next().and_then(|address| address.parse().ok()).expect("an address")
    }

    pub(crate) fn said(&self) -> String {
        self.stderr.lock().expect("no holder panics").clone()
    }

    pub(crate) fn terminate(&self) {
        signal(self.process.id(), Signal::TERM);
    }

    /// Has the router that serves hand over to another, which gets the routes file as it is. The one before may go on with what
    /// it had begun. Gives the new one.
    #[track_caller]
    pub(crate) fn hands_over(&self, from: u32) -> u32 {
        let before = self.said().matches(HANDED_OVER).count();
        signal(from, Signal::USR2);
        assert!(eventually(|| self.said().matches(HANDED_OVER).count() > before), "nobody takes over: {}", self.said());
        let said = self.said();
        let (_, number) = said.rsplit_once(HANDED_OVER).expect("it was said just now");
        number.split(|letter: char| !letter.is_ascii_digit()).find_map(|number| number.parse().ok()).unwrap_or_else(|| panic!("no process: {number}"))
    }

    /// Has the router read its config file anew.
    pub(crate) fn reload(&self) {
        signal(self.process.id(), Signal::HUP);
    }

    /// The first process.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    #[track_caller]
    pub(crate) fn exits(&mut self) -> ExitStatus {
        let mut status = None;
        eventually(|| {
            status = self.process.try_wait().expect("it is our child");
            status.is_some()
        });
        status.expect("the router ends when told to")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Place {
    fn new(state: State) -> Self {
        use rustix::net::{AddressFamily, SocketType, bind, socket};
        if state == State::Refuses {
            let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("there are sockets");
            bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("there are ports");
            return Self::Bound(socket);
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
        if state == State::Deaf {
            let address = listener.local_addr().expect("it is bound");
            rustix::net::listen(&listener, 0).expect("a queue can be shortened");
            let fill = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
            return Self::Full(listener, std::iter::from_fn(fill).take(16).collect());
        }
        listener.set_nonblocking(true).expect("a socket takes options");
        Self::Listens(listener)
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Listens(listener) | Self::Full(listener, _) => listener.local_addr().expect("it is bound"),
            Self::Bound(socket) => rustix::net::getsockname(socket).expect("it is bound").try_into().expect("it is IPv4"),
        }
    }
}

fn text(setup: &Setup, places: &[Place]) -> String {
    let mut text = String::from("listen = \"127.0.0.1:0\"\n[timeouts]\n");
    text += setup.always;
    for (name, time) in setup.timeouts.iter().filter(|_| !full()) {
        text += &format!("{name} = \"{time}\"\n");
    }
    let dynos: Vec<String> = setup
        .dynos
        .iter()
        .zip(places)
        .enumerate()
        .map(|(index, (state, place))| {
            let state = match state {
                State::Starting => "starting",
                State::Crashed => "crashed",
                _ => "up",
            };
            format!("{{ name = \"web.{}\", address = \"{}\", state = \"{state}\" }}", index + 1, place.address())
        })
        .collect();
    let Setup { features, hosts, maintenance, blank, app, .. } = setup;
    text + &format!(
        "[[app]]\nname = \"shop\"\nhosts = {hosts:?}\ndynos = [{}]\nmaintenance = {maintenance}\nblank = {blank}\nfeatures = {features:?}\n{app}\n",
        dynos.join(", ")
    )
}

/// Runs the router until it listens.
fn start(program: &Path, config: &Path, routes: &Path) -> (Child, Receiver<String>, Arc<Mutex<String>>, SocketAddr) {
    let mut process = Command::new(program)
        .arg("--config")
        .arg(config)
        .args(["router", "--routes"])
        .arg(routes)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the router is a program");
    let (out, err) = (process.stdout.take().expect("it is piped"), process.stderr.take().expect("it is piped"));
    let (send, lines) = channel();
    thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let stderr = Arc::new(Mutex::new(String::new()));
    let (said, (told, tells)) = (stderr.clone(), channel());
    thread::spawn(move || {
        for line in BufReader::new(err).lines().map_while(Result::ok) {
            if let Some((_, address)) = line.split_once("the router listens at ") {
                let _ = told.send(address.parse().expect("an address"));
            }
            *said.lock().expect("no holder panics") += &(line + "\n");
        }
    });
    let address = tells.recv_timeout(patience()).unwrap_or_else(|_| panic!("the router does not start: {}", stderr.lock().expect("no holder panics")));
    (process, lines, stderr, address)
}

/// What the one that hands over says last.
const HANDED_OVER: &str = "handed over; what has begun here comes to its end process=";

pub(crate) fn signal(process: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(process).expect("a process id")).expect("not zero");
    kill_process(pid, signal).expect("it still runs");
}

/// Looks until it is so, or patience ends.
#[expect(clippy::disallowed_types, reason = "there is no virtual time across processes; the bound only ends what would never end")]
pub(crate) fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    let began = std::time::Instant::now();
    while began.elapsed() < patience() {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(3));
    }
    false
}

/// Whether a text is like a pattern: `#` stands for digits, `*` for a word.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    let Some(wild) = pattern.find(['#', '*']) else { return text == pattern };
    let Some(rest) = text.strip_prefix(&pattern[..wild]) else { return false };
    let fits = |byte: u8| if pattern.as_bytes()[wild] == b'#' { byte.is_ascii_digit() } else { !b" \"".contains(&byte) };
    let count = rest.bytes().take_while(|byte| fits(*byte)).count();
    count > 0 && like(&rest[count..], &pattern[wild + 1..])
}
