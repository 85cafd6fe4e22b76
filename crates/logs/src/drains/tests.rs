//! Drains against a receiver of our own that counts: lines sent = lines received + lines reported lost, in order.

mod receiver;
mod rsyslog;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use domain::{AppId, LogLine, Source};
use jiff::Timestamp;
use ports::{Chance, LogSink, clock::SystemClock};

use self::receiver::{Authority, Receiver, lost, numbers};
use super::*;
use crate::{Logplex, ring::Bounds};

/// What an app of the tests keeps.
const KEPT: usize = 100;

struct World {
    logs: Logplex,
    app: AppId,
    ca: Authority,
}

impl World {
    fn new(may_reach: fn(IpAddr) -> bool, hosts: &[&str]) -> Self {
        let chance = Arc::new(Chance::seeded(7));
        let ca = Authority::new();
        let outlet = Outlet {
            tls: ca.client(),
            may_reach,
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            clock: Arc::new(SystemClock),
            chance: chance.clone(),
        };
        let logs = Logplex::bounded(Bounds { lines: KEPT, waiting: KEPT, bytes: 1 << 20 }).with_outlet(outlet);
        Self { logs, app: chance.id(Timestamp::UNIX_EPOCH), ca }
    }

    fn open() -> Self {
        Self::new(|_| true, &[])
    }

    fn drain(&self, url: &str) -> Drain {
        let chance = Chance::seeded(8);
        Drain {
            id: chance.id(Timestamp::UNIX_EPOCH),
            app: self.app,
            token: "d.11111111-2222".to_owned(),
            url: url.parse().unwrap(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn drain_to(&self, url: &str) {
        self.logs.drain_to(self.app, vec![self.drain(url)]);
    }

    fn say(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            let at = Timestamp::from_microsecond(1_800_000_000_000_000 + i64::try_from(number).unwrap()).unwrap();
            self.logs.write(self.app, LogLine { at, source: Source::App, process: "web.1".into(), text: format!("line {number}") });
        }
    }

    /// What the owner reads of the drain.
    fn told(&self) -> Vec<String> {
        let filter = Filter { dyno: Some("logplex".into()), source: Some(Source::Heroku), but_logplex: false };
        self.logs.history(self.app, &filter, 1_000).into_iter().map(|numbered| numbered.line.text).collect()
    }
}

/// Polls until it holds; fails after half a minute.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {what}");
}

fn all_accounted_for(receiver: &Receiver, sent: u64) -> bool {
    let messages = receiver.messages();
    u64::try_from(numbers(&messages).len()).unwrap() + lost(&messages) == sent
}

#[tokio::test]
async fn https_has_logplex_headers_and_frames_and_basic_auth() {
    let world = World::open();
    let receiver = Receiver::https(world.ca.server("localhost")).await;
    world.drain_to(&format!("https://ann:p%40ss@localhost:{}/in?key=x", receiver.port()));
    world.say(0..3);
    until("three lines", || receiver.messages().len() == 3).await;
    let requests = receiver.requests();
    let head = &requests[0];
    for expected in [
        "POST /in?key=x HTTP/1.1",
        "content-type: application/logplex-1",
        "logplex-drain-token: d.11111111-2222",
        "user-agent: Logplex/",
        // ann:p@ss
        "authorization: Basic YW5uOnBAc3M=",
        &format!("host: localhost:{}", receiver.port()),
    ] {
        assert!(head.contains(expected), "{expected} in {head}");
    }
    assert_eq!(receiver.messages()[1], "<190>1 2027-01-15T08:00:00.000001+00:00 host app web.1 - line 1");
}

#[tokio::test]
async fn syslog_is_octet_counted_with_and_without_tls() {
    let world = World::open();
    for tls in [None, Some(world.ca.server("localhost"))] {
        let scheme = if tls.is_some() { "syslog+tls" } else { "syslog" };
        let receiver = Receiver::syslog("127.0.0.1:0".parse().unwrap(), tls).await;
        world.drain_to(&format!("{scheme}://localhost:{}", receiver.port()));
        world.logs.drain_to(world.app, vec![Drain { token: format!("d.{scheme}"), ..world.drain(&format!("{scheme}://localhost:{}", receiver.port())) }]);
        world.say(0..2);
        until("two lines", || receiver.messages().len() == 2).await;
        assert_eq!(receiver.messages()[1], format!("<190>1 2027-01-15T08:00:00.000001+00:00 d.{scheme} app web.1 - - line 1\n"));
    }
    world.logs.drain_to(world.app, vec![]);
    world.logs.forget(world.app);
}

#[tokio::test]
async fn a_killed_receiver_costs_only_lines_that_are_counted() {
    let world = World::open();
    let receiver = Receiver::syslog("127.0.0.1:0".parse().unwrap(), None).await;
    let address = SocketAddr::from(([127, 0, 0, 1], receiver.port()));
    world.drain_to(&format!("syslog://{address}"));
    world.say(0..10);
    until("ten lines", || receiver.messages().len() == 10).await;
    receiver.kill().await;
    // Nothing can be seen of it that the sender has noticed; what it wrote before is lost with the receiver, as with any syslog.
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.say(10..1_000);
    until("the owner hears", || world.told().iter().any(|text| text.starts_with("Error L10 (output buffer overflow): drain 'd.11111111-2222' dropped "))).await;
    let receiver = Receiver::syslog(address, None).await;
    until("all of them", || all_accounted_for(&receiver, 990)).await;
    let messages = receiver.messages();
    let kept = numbers(&messages);
    assert!(kept.is_sorted() && kept.ends_with(&[999]), "{kept:?}");
    // The log keeps a hundred, and the owner's line took the place of one; one batch was on its way.
    assert!(lost(&messages) >= 800, "{}", lost(&messages));
    // What is said of drains goes into none.
    assert!(!messages.iter().any(|message| message.contains("drain 'd.")), "{messages:?}");
}

/// Over HTTPS every line is accounted for, whenever the receiver dies: what it took without being able to say so comes again
/// under the same number.
#[tokio::test]
async fn a_receiver_killed_again_and_again_under_load_loses_nothing_uncounted() {
    let world = World::open();
    let mut receiver = Receiver::https(world.ca.server("localhost")).await;
    receiver.answers_after(Duration::from_millis(5));
    world.drain_to(&format!("https://localhost:{}/", receiver.port()));
    let mut sent = 0;
    for round in 0..3 {
        let before = receiver.messages().len();
        // Killed while something is on its way: lines go on being written until some more have come.
        while receiver.messages().len() < before + 300 {
            world.say(sent..sent + 10);
            sent += 10;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        receiver = receiver.restart(Some(world.ca.server("localhost")), true).await;
        assert!(sent < 1_000_000, "round {round}");
    }
    world.say(sent..sent + 1);
    until("all of them", || all_accounted_for(&receiver, sent + 1)).await;
    let kept = numbers(&receiver.messages());
    assert!(kept.windows(2).all(|pair| pair[0] < pair[1]), "in order, none twice");
}

#[tokio::test]
async fn a_flood_into_a_slow_receiver_is_dropped_with_its_count_and_a_neighbour_loses_nothing() {
    let world = World::open();
    let slow = Receiver::https(world.ca.server("localhost")).await;
    slow.answers_after(Duration::from_millis(100));
    world.drain_to(&format!("https://localhost:{}/", slow.port()));
    let neighbour = World::open();
    let quick = Receiver::syslog("127.0.0.1:0".parse().unwrap(), None).await;
    neighbour.drain_to(&format!("syslog://localhost:{}", quick.port()));
    for round in 0..50 {
        world.say(round * 1_000..(round + 1) * 1_000);
        neighbour.say(round..round + 1);
        tokio::task::yield_now().await;
    }
    until("the neighbour's lines", || quick.messages().len() == 50).await;
    assert_eq!(numbers(&quick.messages()), (0..50).collect::<Vec<_>>());
    until("all of the flood", || all_accounted_for(&slow, 50_000)).await;
    let messages = slow.messages();
    assert!(numbers(&messages).is_sorted() && lost(&messages) > 40_000, "{}", lost(&messages));
    assert!(messages.iter().any(|message| message.starts_with("<172>1 ") && message.contains(" host heroku logplex - Error L10 (output buffer overflow): ")));
}

#[tokio::test]
async fn a_busy_receiver_gets_the_same_frame_again_and_a_refusing_one_does_not() {
    let world = World::open();
    let receiver = Receiver::https(world.ca.server("localhost")).await;
    receiver.answers_with(&[503, 429, 200, 403]);
    world.drain_to(&format!("https://localhost:{}/", receiver.port()));
    world.say(0..1);
    until("the third attempt", || receiver.requests().len() == 3).await;
    let ids: Vec<_> = receiver.requests().iter().map(|head| head.lines().find(|line| line.starts_with("logplex-frame-id: ")).unwrap().to_owned()).collect();
    assert_eq!((ids[0].len(), &ids[0], &ids[1]), ("logplex-frame-id: ".len() + 32, &ids[1], &ids[2]));
    // The fourth is refused: lost, and told by the fifth.
    world.say(1..2);
    until("the notice", || lost(&receiver.messages()) == 1).await;
    assert_eq!(numbers(&receiver.messages()), [0]);
}

/// A wrong name and an unknown authority: L14, and not a byte is sent.
#[tokio::test]
async fn a_wrong_certificate_is_l14() {
    for (authority, name) in [(None, "elsewhere.example.com"), (Some(Authority::new()), "localhost")] {
        let world = World::open();
        let server = authority.as_ref().unwrap_or(&world.ca).server(name);
        let receiver = Receiver::syslog("127.0.0.1:0".parse().unwrap(), Some(server)).await;
        world.drain_to(&format!("syslog+tls://localhost:{}", receiver.port()));
        world.say(0..1);
        until("L14", || {
            world.told().iter().any(|text| text.starts_with("Error L14 (certificate validation): error=\"") && text.contains("uri=\"syslog+tls://localhost:"))
        })
        .await;
        assert_eq!(receiver.messages(), [""; 0]);
    }
}

/// Hostile inputs 68: what a name leads to is looked at when it is connected to.
#[tokio::test]
async fn nothing_private_is_connected_to_unless_an_admin_says_so() {
    let receiver = Receiver::syslog("127.0.0.1:0".parse().unwrap(), None).await;
    let place = format!("localhost:{}", receiver.port());
    let world = World::new(|_| false, &["localhost"]);
    world.drain_to(&format!("syslog://{place}"));
    world.say(0..1);
    until("the owner hears", || world.told() == [format!("Drain 'd.11111111-2222' is not served: syslog://{place} is not at a public address.")]).await;
    assert_eq!(receiver.connections(), 0, "a host alone says nothing of its ports");
    let world = World::new(|_| false, &[&place]);
    world.drain_to(&format!("syslog://{place}"));
    world.say(0..1);
    until("the line", || receiver.messages().len() == 1).await;
}
