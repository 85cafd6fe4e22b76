//! Drains against rsyslog with TLS, as Debian packages it (`rsyslog`, `rsyslog-gnutls`).

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command},
};

use tempfile::TempDir;

use super::*;

/// One that writes what it gets to a file, as it got it.
struct Rsyslog {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Rsyslog {
    fn new(ca: &Authority, name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = |file: &str| folder.path().join(file).display().to_string();
        ca.write(name, folder.path());
        let settings = format!(
            "global(workDirectory=\"{}\" maxMessageSize=\"64k\" parser.escapeControlCharactersOnReceive=\"off\"\n\
             \x20 defaultNetstreamDriver=\"gtls\" defaultNetstreamDriverCAFile=\"{}\"\n\
             \x20 defaultNetstreamDriverCertFile=\"{}\" defaultNetstreamDriverKeyFile=\"{}\")\n\
             module(load=\"imtcp\" streamDriver.name=\"gtls\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n\
             action(type=\"omfile\" file=\"{}\" template=\"raw\")\n",
            folder.path().display(),
            at("ca.pem"),
            at("certificate.pem"),
            at("key.pem"),
            at("received"),
        );
        fs::write(folder.path().join("rsyslog.conf"), settings).unwrap();
        Self { process: start(folder.path()), folder, port }
    }

    fn messages(&self) -> Vec<String> {
        fs::read_to_string(self.folder.path().join("received")).unwrap_or_default().lines().filter(|line| line.starts_with('<')).map(str::to_owned).collect()
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
    }

    /// kill -9, and another one in its place.
    fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = start(self.folder.path());
    }
}

fn start(folder: &Path) -> Child {
    let file = |name: &str| folder.join(name);
    let mut rsyslogd = Command::new("rsyslogd");
    rsyslogd.arg("-n").arg("-f").arg(file("rsyslog.conf")).arg("-i").arg(file("pid")).spawn().expect("rsyslogd is installed")
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn is_sorted_once(numbers: &[u64]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

/// Everything comes, in order, at a rate that a hundred kept lines allow.
#[tokio::test]
#[ignore = "needs rsyslog and rsyslog-gnutls"]
async fn rsyslog_gets_every_line_over_tls_in_order() {
    let world = World::open();
    let rsyslog = Rsyslog::new(&world.ca, "localhost");
    world.drain_to(&format!("syslog+tls://localhost:{}", rsyslog.port));
    let mut sent = 0;
    while sent < 20_000 {
        world.say(sent..sent + 50);
        sent += 50;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    until("all of them", || {
        let messages = rsyslog.messages();
        numbers(&messages).len() as u64 + lost(&messages) == sent
    })
    .await;
    let messages = rsyslog.messages();
    assert!(is_sorted_once(&numbers(&messages)));
    assert!(messages[0].contains(" d.11111111-2222 app web.1 - - line "), "{}", messages[0]);
}

/// One that takes nothing for longer than the drain waits, while lines flood: what did not fit is counted, nothing else is missing.
#[tokio::test]
#[ignore = "needs rsyslog and rsyslog-gnutls"]
async fn a_stopped_rsyslog_and_a_flood_cost_only_what_is_counted() {
    let world = World::open();
    let rsyslog = Rsyslog::new(&world.ca, "localhost");
    world.drain_to(&format!("syslog+tls://localhost:{}", rsyslog.port));
    world.say(0..10);
    until("the first lines", || rsyslog.messages().len() == 10).await;
    rsyslog.signal("-STOP");
    let mut sent = 10;
    // More than both sockets hold, and until the owner reads of it.
    while sent < 300_000 || !world.told().iter().any(|text| text.starts_with("Error L10 ")) {
        world.say(sent..sent + 50);
        sent += 50;
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    rsyslog.signal("-CONT");
    world.say(sent..sent + 1);
    until("all of it", || {
        let messages = rsyslog.messages();
        numbers(&messages).len() as u64 + lost(&messages) == sent + 1
    })
    .await;
    let messages = rsyslog.messages();
    assert!(is_sorted_once(&numbers(&messages)) && lost(&messages) > 0);
}

/// Killed under load: what had reached its socket is gone with it, and that alone; the drain goes on by itself.
#[tokio::test]
#[ignore = "needs rsyslog and rsyslog-gnutls"]
async fn a_killed_rsyslog_costs_no_more_than_was_in_its_socket() {
    let world = World::open();
    let mut rsyslog = Rsyslog::new(&world.ca, "localhost");
    world.drain_to(&format!("syslog+tls://localhost:{}", rsyslog.port));
    let mut sent = 0;
    for _ in 0..3 {
        let before = rsyslog.messages().len();
        while rsyslog.messages().len() < before + 500 {
            world.say(sent..sent + 10);
            sent += 10;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        rsyslog.restart();
    }
    // Whatever comes last, comes.
    until("the end", || {
        world.say(sent..sent + 1);
        sent += 1;
        numbers(&rsyslog.messages()).last().is_some_and(|last| *last + 5 > sent)
    })
    .await;
    let messages = rsyslog.messages();
    assert!(is_sorted_once(&numbers(&messages)));
    let accounted = numbers(&messages).len() as u64 + lost(&messages);
    assert!(
        accounted <= sent && sent - accounted < 3 * 1_000,
        "{accounted} of {sent}, {} of them received, {} reported",
        numbers(&messages).len(),
        lost(&messages)
    );
}

#[tokio::test]
#[ignore = "needs rsyslog and rsyslog-gnutls"]
async fn a_wrong_certificate_gets_no_byte() {
    let world = World::open();
    let rsyslog = Rsyslog::new(&world.ca, "elsewhere.example.com");
    world.drain_to(&format!("syslog+tls://localhost:{}", rsyslog.port));
    world.say(0..1);
    until("L14", || world.told().iter().any(|text| text.starts_with("Error L14 (certificate validation): error=\""))).await;
    assert_eq!(rsyslog.messages(), [""; 0]);
}
