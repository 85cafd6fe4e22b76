//! 1.6: Expect: 100-continue.

use crate::{
    Case, case,
    play::{GET, OK, forwarded, get, is_refused, post, refused},
    world::World,
};

const CONTINUE: &str = "Content-Length: 5\r\nExpect: 100-continue";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

pub(crate) fn cases() -> Vec<Case> {
    [values(), end_to_end(), others()].into_iter().flatten().collect()
}

fn values() -> Vec<Case> {
    let expect = |value: &str| post(&format!("Content-Length: 5\r\nExpect: {value}"), "hello");
    let bypass = |value: &'static str| {
        move || {
            let world = World::shop();
            let mut client = world.client();
            client.send(post(&format!("Content-Length: 5\r\nExpect: {value}"), ""));
            assert_eq!(client.head().status(), 100);
            client.send("hello");
            let mut dyno = world.dyno();
            let head = dyno.head();
            assert!(!head.has("expect"), "{head:#?}");
            assert_eq!(dyno.body(&head), b"hello");
            dyno.send(OK);
            client.gets(200, "hello");
        }
    };
    vec![
        case("1.6 100-continue is answered at once, and removed", bypass("100-continue")),
        case("1.6 100-Continue is 100-continue", bypass("100-Continue")),
        case("0.4 100 is sent before a dyno is looked for", || {
            let world = World::dynos(&[crate::world::State::Starting]);
            let mut client = world.client();
            client.send(post(CONTINUE, ""));
            assert_eq!(client.head().status(), 100);
        }),
        refused("1.6 an expectation besides 100-continue is 417", expect("100-continue, auth"), &[417]),
        refused("1.6 another expectation is 417", expect("auth"), &[417]),
        refused("1.6 a broken expectation is 400", expect("100 continue"), &[400]),
        forwarded("1.6 an empty Expect is ignored", get("Expect:"), |_| {}),
        case("1.6 the 417 is H26 in the log", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get("Expect: auth"));
            is_refused(&mut client, &[417]);
            world.logs(
                "at=error code=H26 desc=\"Request Error\" cause=\"unsupported expect header value\" method=GET path=\"/\" host=shop.test request_id=* \
                 fwd=\"127.0.0.1\" dyno= connect= service= status=417 bytes= protocol=http1.1 tls=false",
            );
        }),
    ]
}

fn end_to_end() -> Vec<Case> {
    let world = || World::feature(&["http-end-to-end-continue"]);
    vec![
        case("1.6 end to end: Expect is forwarded, and the dyno's 100 relayed without its headers", move || {
            let world = world();
            let mut client = world.client();
            client.send(post(CONTINUE, ""));
            let mut dyno = world.dyno();
            assert_eq!(dyno.head().one("expect"), "100-continue");
            dyno.send("HTTP/1.1 100 Continue\r\nX-Own: 1\r\n\r\n");
            let head = client.head();
            assert!(head.status() == 100 && !head.has("x-own"), "{head:#?}");
            client.send("hello");
            dyno.expect("hello");
            dyno.send(OK);
            client.gets(200, "hello");
        }),
        case("1.6 end to end: a final status without 100 closes both sides", move || {
            let world = world();
            let mut client = world.client();
            client.send(post(CONTINUE, ""));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
            assert!(client.gets(401, "no").closes());
            client.ends();
            dyno.ends();
        }),
        case("1.6 end to end: a client that does not wait is served", move || {
            let world = world();
            let mut client = world.client();
            client.send(post(CONTINUE, "hello"));
            let mut dyno = world.dyno();
            assert!(dyno.head().has("expect"));
            dyno.expect("hello");
            dyno.send(format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"));
            let first = client.head();
            if first.status() == 100 {
                client.gets(200, "hello");
            } else {
                assert_eq!(first.status(), 200);
            }
        }),
        case("1.6 end to end: a second 100 after the body is 502", move || {
            let world = world();
            let mut client = world.client();
            client.send(post(CONTINUE, ""));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 100 Continue\r\n\r\n");
            assert_eq!(client.head().status(), 100);
            client.send("hello");
            dyno.expect("hello");
            dyno.send("HTTP/1.1 100 Continue\r\n\r\n");
            is_refused(&mut client, &[502]);
        }),
        case("1.6 end to end: Connection: close on a 100 is ignored", move || {
            let world = world();
            let mut client = world.client();
            client.send(post(CONTINUE, ""));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n");
            let head = client.head();
            assert!(head.status() == 100 && !head.closes());
            client.send("hello");
            dyno.expect("hello");
            dyno.send(OK);
            assert!(!client.gets(200, "hello").closes());
        }),
        case("1.6 end to end: 101 instead of 100 switches", move || {
            let world = world();
            let mut client = world.client();
            client.send(get(UPGRADE));
            let mut dyno = world.dyno();
            assert!(dyno.head().has("expect"));
            dyno.send(SWITCH);
            assert_eq!(client.head().status(), 101);
            client.send("ping");
            dyno.expect("ping");
        }),
        case("1.6 end to end: 100, then 101", move || {
            let world = world();
            let mut client = world.client();
            client.send(get(UPGRADE));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 100 Continue\r\n\r\n");
            assert_eq!(client.head().status(), 100);
            dyno.send(SWITCH);
            assert_eq!(client.head().status(), 101);
            dyno.send("pong");
            client.expect("pong");
        }),
    ]
}

fn others() -> Vec<Case> {
    let unasked = |version: &str| {
        let world = World::shop();
        let mut client = world.client();
        client.send(GET.replace("HTTP/1.1", version));
        let mut dyno = world.dyno();
        dyno.head();
        dyno.send(format!("HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n{OK}"));
        (world, client)
    };
    vec![
        case("1.6 a 100 that nobody asked for reaches a client of HTTP/1.1", move || {
            let (_world, mut client) = unasked("HTTP/1.1");
            assert_eq!(client.head().status(), 100);
            client.gets(200, "hello");
        }),
        case("1.6 a 100 that nobody asked for is kept from a client of HTTP/1.0", move || {
            let (_world, mut client) = unasked("HTTP/1.0");
            client.gets(200, "hello");
        }),
        case("77 a storm of 103s ends in the final response, or is cut", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            let storm = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n".repeat(5000);
            if !dyno.try_send(storm + OK) {
                is_refused(&mut client, &[502, 503]);
                return;
            }
            loop {
                let head = client.head();
                match head.status() {
                    103 => {}
                    200 => break assert_eq!(client.body(&head), b"hello"),
                    502 | 503 => break,
                    other => panic!("{other}"),
                }
            }
        }),
    ]
}
