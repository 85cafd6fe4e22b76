//! 1.7: Upgrade and WebSockets.

use crate::{
    Case, case,
    play::{GET, OK, forwarded, get, is_refused, refused},
    wire::Conn,
    world::{Setup, World},
};

const WANTS: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\nKeep-Alive: 5\r\n\r\n";

/// A tunnel, open on both sides.
fn tunnel(world: &World) -> (Conn, Conn) {
    let mut client = world.client();
    client.send(get(WANTS));
    let mut dyno = world.dyno();
    dyno.head();
    dyno.send(SWITCH);
    assert_eq!(client.head().status(), 101);
    (client, dyno)
}

pub(crate) fn cases() -> Vec<Case> {
    [handshakes(), tunnels(), abuse()].into_iter().flatten().collect()
}

fn handshakes() -> Vec<Case> {
    let asks = |name: &str, headers: &str, check: fn(&crate::wire::Head)| forwarded(name, get(headers), check);
    vec![
        asks("1.7 towards the dyno: Connection: Upgrade, and the protocol", WANTS, |head| {
            assert_eq!((head.one("connection").to_lowercase().as_str(), head.one("upgrade")), ("upgrade", "websocket"));
            assert_eq!(head.one("sec-websocket-key"), "dGhlIHNhbXBsZSBub25jZQ==");
        }),
        asks("1.7 upgrade may be one of many tokens, in any case", "Connection: keep-alive, UpGrade\r\nUpgrade: WebSocket", |head| {
            assert_eq!(head.one("upgrade"), "WebSocket");
        }),
        asks("1.7 any protocol token passes", "Connection: upgrade\r\nUpgrade: foo/1", |head| assert_eq!(head.one("upgrade"), "foo/1")),
        forwarded("1.7 any method may ask", format!("POST / HTTP/1.1\r\nHost: shop.test\r\n{WANTS}\r\nContent-Length: 0\r\n\r\n"), |head| {
            assert_eq!(head.one("upgrade"), "websocket");
        }),
        refused("1.7 upgrade without Upgrade is 400", get("Connection: upgrade"), &[400]),
        asks("1.7 Upgrade without the token is no wish", "Upgrade: websocket", |head| assert_eq!(head.one("connection"), "close")),
        forwarded("1.7 a client of HTTP/1.0 cannot ask", get("Connection: Upgrade\r\nUpgrade: other").replace("HTTP/1.1", "HTTP/1.0"), |head| {
            assert_eq!(head.one("connection"), "close");
        }),
        case("1.7 the 101 reaches the client, without hop-by-hop headers, with Connection: Upgrade and Via", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get(WANTS));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(SWITCH);
            let head = client.head();
            assert_eq!(
                (head.status(), head.one("connection").to_lowercase().as_str(), head.one("upgrade"), head.one("x-own")),
                (101, "upgrade", "websocket", "1")
            );
            assert!(head.has("via") && !head.has("keep-alive"), "{head:#?}");
        }),
        case("1.7 any other status is an ordinary response", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get(WANTS));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno");
            client.gets(426, "no");
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(OK);
            client.gets(200, "hello");
        }),
        case("1.7 HEAD may switch", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get(WANTS).replace("GET", "HEAD"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(SWITCH);
            assert_eq!(client.head().status(), 101);
            dyno.send("pong");
            client.expect("pong");
        }),
    ]
}

fn tunnels() -> Vec<Case> {
    vec![
        case("1.7 bytes go both ways", || {
            let world = World::shop();
            let (mut client, mut dyno) = tunnel(&world);
            for _ in 0..3 {
                client.send("\u{0}ping\r\n\r\n");
                dyno.expect("\u{0}ping\r\n\r\n");
                dyno.send("pong");
                client.expect("pong");
            }
        }),
        case("1.7 a megabyte goes each way at once", || {
            let world = World::shop();
            let (mut client, mut dyno) = tunnel(&world);
            let bytes = "x".repeat(1 << 20);
            std::thread::scope(|scope| {
                for side in [&client, &dyno] {
                    let mut writer = side.stream.try_clone().expect("sockets can be cloned");
                    let bytes = &bytes;
                    scope.spawn(move || std::io::Write::write_all(&mut writer, bytes.as_bytes()).expect("the router takes it"));
                }
                assert!(client.exactly(bytes.len()) == bytes.as_bytes() && dyno.exactly(bytes.len()) == bytes.as_bytes());
            });
        }),
        case("1.7 what the dyno sends with its 101 is not lost", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get(WANTS));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(SWITCH.to_owned() + "first");
            client.head();
            client.expect("first");
        }),
        case("1.7 what the client sends with its request waits for the 101", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get(WANTS) + "early");
            let mut dyno = world.dyno();
            dyno.head();
            dyno.stream.set_read_timeout(Some(std::time::Duration::from_millis(200))).expect("a socket takes options");
            assert!(dyno.stream.peek(&mut [0]).is_err(), "it was passed on before the 101");
            dyno.stream.set_read_timeout(Some(crate::world::patience())).expect("a socket takes options");
            dyno.send(SWITCH);
            client.head();
            dyno.expect("early");
        }),
        case("1.7 the client's end is the dyno's", || {
            let world = World::shop();
            let (client, mut dyno) = tunnel(&world);
            drop(client);
            dyno.ends();
        }),
        case("1.7 the dyno's end is the client's, after all it said", || {
            let world = World::shop();
            let (mut client, mut dyno) = tunnel(&world);
            dyno.send("bye");
            drop(dyno);
            assert_eq!(client.rest().0, b"bye");
        }),
        case("1.7 there is no half of a close", || {
            let world = World::shop();
            let (mut client, mut dyno) = tunnel(&world);
            client.finish_sending();
            dyno.ends();
            client.ends();
        }),
        case("1.7 it is logged when it ends, with 101 and all bytes", || {
            let world = World::shop();
            let (client, mut dyno) = tunnel(&world);
            dyno.send("12345");
            let mut client = client;
            client.expect("12345");
            world.no_line();
            drop(client);
            let bytes = SWITCH.len() + 5;
            world.logs(&format!(
                "at=info method=GET path=\"/\" host=shop.test request_id=* fwd=\"127.0.0.1\" dyno=web.1 connect=#ms service=#ms status=101 bytes={bytes} \
                 protocol=http1.1 tls=false"
            ));
        }),
        case("1.7 a silent tunnel is H15, and both sides end", || {
            let world = World::with(Setup { timeouts: &[("between_bytes", "500ms")], ..Setup::default() });
            let (mut client, mut dyno) = tunnel(&world);
            client.ends();
            dyno.ends();
            world.logs(
                "at=error code=H15 desc=\"Idle connection\" method=GET path=\"/\" host=shop.test request_id=* fwd=\"127.0.0.1\" dyno=web.1 connect=#ms \
                 service=#ms status=101 bytes=# protocol=http1.1 tls=false",
            );
        }),
    ]
}

fn abuse() -> Vec<Case> {
    let ordinary: fn(&crate::wire::Head) = |head| {
        assert!(!head.has("upgrade") && !head.has("http2-settings"), "{head:#?}");
        assert_eq!(head.one("connection"), "close");
    };
    vec![
        case("H a 101 that nobody asked for is 502", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(SWITCH);
            is_refused(&mut client, &[502]);
        }),
        forwarded(
            "H Upgrade: h2c is ignored, HTTP2-Settings dropped",
            get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ"),
            ordinary,
        ),
        forwarded("H h2c among other protocols is ignored", get("Connection: Upgrade\r\nUpgrade: websocket, h2c"), |head| {
            assert!(!head.all("upgrade").join(",").contains("h2c"), "{head:#?}");
        }),
        case("H a body with a wish to switch keeps its length", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(format!("POST / HTTP/1.1\r\nHost: shop.test\r\n{WANTS}\r\nContent-Length: 5\r\n\r\nhello{GET}"));
            let mut dyno = world.dyno();
            let head = dyno.head();
            assert_eq!((head.one("content-length"), dyno.body(&head).as_slice()), ("5", &b"hello"[..]));
            dyno.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
            client.gets(403, "no");
        }),
        case("H a second request behind a wish that is declined is one", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get(WANTS) + &GET.replace("/ HTTP", "/second HTTP"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(OK);
            client.gets(200, "hello");
            let mut dyno = world.dyno();
            assert_eq!(dyno.head().target(), "/second");
        }),
    ]
}
