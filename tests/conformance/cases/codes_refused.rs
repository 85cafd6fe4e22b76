//! 2.1: codes of requests that no dyno may get: whose app is suspended or has too much open, and which came in the wrong way.

use super::codes::{NOWHERE, line, nowhere, page};
use crate::{
    Case, case,
    play::{GET, OK, get},
    secure::Certificates,
    world::{Setup, State, World},
};

const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

pub(crate) fn cases() -> Vec<Case> {
    [suspended(), limits(), handshakes(), certificates()].into_iter().flatten().collect()
}

fn suspended() -> Vec<Case> {
    let app = |app| Setup { app, ..Setup::default() };
    let h82 = "at=info code=H82 desc=\"Free dyno quota exhausted\"";
    vec![
        nowhere("H82 the quota is exhausted", app("suspended = \"quota\""), 503, "used up its hours", h82, NOWHERE),
        nowhere(
            "H83 a planned degradation",
            app("suspended = \"degraded\""),
            503,
            "as announced",
            "at=info code=H83 desc=\"Planned Service Degradation\"",
            NOWHERE,
        ),
        nowhere(
            "2.1 maintenance comes before quota",
            Setup { maintenance: true, ..app("suspended = \"quota\"") },
            503,
            "maintenance",
            "at=info code=H80 desc=\"Maintenance mode\"",
            NOWHERE,
        ),
        nowhere("2.1 quota comes before no dyno", Setup { dynos: vec![], ..app("suspended = \"quota\"") }, 503, "used up its hours", h82, NOWHERE),
        nowhere(
            "2.1 quota comes before crashed",
            Setup { dynos: vec![State::Crashed], ..app("suspended = \"quota\"") },
            503,
            "used up its hours",
            h82,
            NOWHERE,
        ),
    ]
}

fn limits() -> Vec<Case> {
    vec![case("H22 more open at an app than it may have, tunnels included", || {
        let world = World::with(Setup { config: "app_connections = 2\n".to_owned(), ..Setup::default() });
        let mut tunnel = world.client();
        tunnel.send(get(HANDSHAKE));
        let mut tunneled = world.dyno();
        tunneled.head();
        tunneled.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        assert_eq!(tunnel.head().status(), 101);
        let mut waits = world.client();
        waits.send(GET);
        let mut dyno = world.dyno();
        dyno.head();
        let mut third = world.client();
        third.send(GET);
        page(&mut third, 503, "Application error");
        world.logs(&line("at=error code=H22 desc=\"Connection limit reached\"", NOWHERE));
        // The others go on, and one that ends makes room.
        dyno.send(OK);
        waits.gets(200, "hello");
        waits.send(GET);
        world.dyno().head();
    })]
}

fn handshakes() -> Vec<Case> {
    let refused = |name: &str, request: String, protocol: &'static str| {
        case(name, move || {
            let world = World::shop();
            let mut client = world.client();
            client.send(&request);
            page(&mut client, 503, "Application error");
            let pattern = line("at=error code=H23 desc=\"Endpoint misconfigured\"", NOWHERE);
            world.logs(&pattern.replace("protocol=http1.1", protocol));
            world.dynos_are_left_alone();
        })
    };
    let lost = get(HANDSHAKE).replace("Connection: Upgrade\r\nUpgrade: websocket\r\n", "");
    vec![
        refused("H23 a handshake that lost its Upgrade", lost.clone(), "protocol=http1.1"),
        refused("H23 a handshake that lost its Connection", get(HANDSHAKE).replace("Connection: Upgrade\r\n", ""), "protocol=http1.1"),
        refused("H23 a handshake in HTTP/1.0", get(HANDSHAKE).replace("HTTP/1.1", "HTTP/1.0"), "protocol=http1.0"),
        case("2.1 a handshake without its Upgrade, of no app, is 404", move || {
            let world = World::shop();
            let mut client = world.client();
            client.send(lost.replace("shop.test", "other.test"));
            page(&mut client, 404, "No such app");
        }),
    ]
}

fn certificates() -> Vec<Case> {
    /// Comes for `other.test`, and asks for `shop.test`.
    fn crosses(hosts: &'static [&'static [&'static str]]) -> (World, String) {
        let certificates = Certificates::of(hosts);
        let world = World::with(Setup { config: certificates.config(), ..Setup::default() });
        let answer = certificates.ask(world.secure_address(), "other.test", &get("User-Agent: agent/1 \"x\""));
        (world, answer)
    }
    let tls = |pattern: &str, ends: &str| format!("{} tls=true tls_version=tls1.3{ends}", pattern.trim_end_matches(" tls=false"));
    vec![
        case("H31 over TLS for another host, though this one has a certificate", move || {
            let (world, answer) = crosses(&[&["other.test"], &["shop.test"]]);
            assert!(answer.starts_with("HTTP/1.1 421 Misdirected Request\r\n") && answer.contains("\r\nConnection: close\r\n"), "{answer}");
            let pattern = line("at=error code=H31 desc=\"Misdirected Request\"", "dyno= connect= service= status=421 bytes=");
            world.logs(&tls(&pattern, " agent=\"agent/1 %22x%22\""));
            world.dynos_are_left_alone();
        }),
        case("H32 over TLS for another host, and this one has no certificate", move || {
            let (world, answer) = crosses(&[&["other.test"]]);
            assert!(answer.starts_with("HTTP/1.1 495 SSL Certificate Error\r\n") && answer.contains("<html"), "{answer}");
            let pattern = line("at=error code=H32 desc=\"TLS Certificate Mismatch\"", "dyno= connect= service= status=495 bytes=");
            world.logs(&tls(&pattern, ""));
            world.dynos_are_left_alone();
        }),
    ]
}
