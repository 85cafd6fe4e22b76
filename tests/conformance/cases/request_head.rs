//! 1.1: request head parsing.

use std::{thread, time::Duration};

use crate::{
    Case, case,
    play::{GET, OK, forwarded, get, is_refused, reach, refused},
    world::{Setup, World, patience},
};

pub(crate) fn cases() -> Vec<Case> {
    [versions_and_request_lines(), header_lines(), targets(), hosts(), deadlines()].into_iter().flatten().collect()
}

fn line(first: &str) -> String {
    format!("{first}\r\nHost: shop.test\r\n\r\n")
}

fn versions_and_request_lines() -> Vec<Case> {
    let path = |length: usize| line(&format!("GET /{} HTTP/1.1", "a".repeat(length - 1)));
    vec![
        refused("1.1 HTTP/1.2 is 505", line("GET / HTTP/1.2"), &[505]),
        refused("1.1 HTTP/2.0 is 505", line("GET / HTTP/2.0"), &[505]),
        refused("1.1 HTTP/3.7 is 505", line("GET / HTTP/3.7"), &[505]),
        refused("1.1 a garbage version is 505", line("GET / HTTPS/1.1"), &[400, 505]),
        refused("1.1 no version is 400", line("GET /"), &[400, 505]),
        refused("1.1 no target is 400", line("GET"), &[400, 505]),
        forwarded("1.1 a path of 8200 bytes passes", path(8200), |head| assert_eq!(head.target().len(), 8200)),
        refused("1.1 a path of 10000 bytes is 414", path(10_000), &[414, 400]),
        refused("1.1 an endless request line is 414", format!("GET /{}", "a".repeat(20_000)), &[414, 400]),
        refused("1.1 two spaces in the request line are 400", line("GET  / HTTP/1.1"), &[400]),
        refused("1.1 a space at the request line's end is 400", line("GET / HTTP/1.1 "), &[400, 505]),
        refused("1.1 a space before the method is 400", line(" GET / HTTP/1.1"), &[400]),
        refused("1.1 a tab in the request line is 400", line("GET\t/ HTTP/1.1"), &[400]),
        refused("1.1 a space in the target is 400", line("GET /a b HTTP/1.1"), &[400, 505]),
        refused("1.1 CONNECT is refused", "CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n", &[400, 405, 501]),
        refused("1.1 a method is a token", line("G(T / HTTP/1.1"), &[400, 501]),
        refused("1.1 a method of 128 bytes is refused", line(&format!("{} / HTTP/1.1", "M".repeat(128))), &[400, 405, 501]),
        forwarded("1.1 a method of 127 bytes passes", line(&format!("{} / HTTP/1.1", "M".repeat(127))), |head| {
            assert!(head.first.starts_with(&("M".repeat(127) + " / ")));
        }),
        forwarded("1.1 any method passes", line("PROPFIND / HTTP/1.1"), |head| assert_eq!(head.first, "PROPFIND / HTTP/1.1")),
        forwarded("1.1 methods are case-sensitive", line("get / HTTP/1.1"), |head| assert_eq!(head.first, "get / HTTP/1.1")),
        forwarded("1.1 five leading empty lines are ignored", "\r\n".repeat(5) + GET, |_| {}),
        refused("1.1 the sixth leading empty line is 400", "\r\n".repeat(6) + GET, &[400]),
        refused("1.1 a bare LF first is 400", format!("\n{GET}"), &[400]),
        case("1.1 one empty line between requests is tolerated", || {
            let (world, mut client) = (World::shop(), None);
            reach(&world, GET.as_bytes(), &mut client);
            reach(&world, format!("\r\n{GET}").as_bytes(), &mut client);
        }),
        refused("1.1 bare LF line ends are refused", GET.replace("\r\n", "\n"), &[400, 505]),
        case("1.1 a client of HTTP/1.0 is answered in HTTP/1.1", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET.replace("/1.1", "/1.0"));
            let mut dyno = world.dyno();
            assert_eq!(dyno.head().first, "GET / HTTP/1.1");
            dyno.send(OK.replace("/1.1", "/1.0"));
            assert_eq!(client.gets(200, "hello").first, "HTTP/1.1 200 OK");
        }),
    ]
}

fn header_lines() -> Vec<Case> {
    let many = |count: usize| get(&(1..count).map(|i| format!("X-{i}: {i}")).collect::<Vec<_>>().join("\r\n"));
    vec![
        refused("1.1 a header name of 1100 bytes is 400", get(&format!("{}: x", "n".repeat(1100))), &[400]),
        forwarded("1.1 a header name of 1000 bytes passes", get(&format!("{}: x", "n".repeat(1000))), |head| assert!(head.has(&"n".repeat(1000)))),
        refused("1.1 a header line of 8193 bytes is 400", get(&format!("X: {}", "v".repeat(8190 + 200))), &[400]),
        forwarded("1.1 a header line of 8150 bytes passes", get(&format!("X-L: {}", "v".repeat(8145))), |head| assert_eq!(head.one("x-l").len(), 8145)),
        forwarded("1.1 a thousand headers less one pass", many(999), |head| assert!(head.has("x-998"))),
        refused("1.1 more than a thousand headers are 400", many(1002), &[400]),
        forwarded(
            "1.1 a head of 1 MB passes: there is no limit to all lines together",
            get(&(0..130).map(|i| format!("X-{i}: {}", "v".repeat(8100))).collect::<Vec<_>>().join("\r\n")),
            |head| assert!(head.has("x-129")),
        ),
        refused("1.1 a space before the colon is 400", get("X-A : x"), &[400]),
        refused("1.1 a tab before the colon is 400", get("X-A\t: x"), &[400]),
        refused("1.1 a space before the colon of Host is 400", "GET / HTTP/1.1\r\nHost : shop.test\r\n\r\n", &[400]),
        refused("1.1 a header line with no colon is 400", get("X-A"), &[400]),
        refused("1.1 a header without a name is 400", get(": x"), &[400]),
        refused("1.1 a bare CR in a value is 400", get("X-A: a\rb"), &[400]),
        refused("1.1 a bare LF ending a header line is 400", get("X-A: a\nX-B: b"), &[400]),
        refused("1.1 a bare LF ending the head is 400", "GET / HTTP/1.1\r\nHost: shop.test\r\n\n", &[400]),
        case("1.1 a folded line is 400, or a space", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get("X-A: a\r\n b"));
            match world.try_dyno(0) {
                Some(mut dyno) => assert_eq!(dyno.head().one("x-a"), "a b"),
                None => is_refused(&mut client, &[400]),
            }
        }),
        refused("1.1 a folded line right after the request line is 400", "GET / HTTP/1.1\r\n X-A: a\r\nHost: shop.test\r\n\r\n", &[400]),
        forwarded("1.1 an empty value passes", get("X-A:"), |head| assert_eq!(head.one("x-a"), "")),
        forwarded("1.1 spaces around a value are no part of it", get("X-A: \t a b \t"), |head| assert_eq!(head.one("x-a"), "a b")),
    ]
}

fn targets() -> Vec<Case> {
    vec![
        forwarded("1.1 an absolute target is forwarded as its path", line("GET http://shop.test/p?q HTTP/1.1"), |head| {
            assert_eq!((head.target(), head.one("host")), ("/p?q", "shop.test"));
        }),
        forwarded("1.1 an absolute target without a path is /", line("GET http://shop.test HTTP/1.1"), |head| assert_eq!(head.target(), "/")),
        refused("1.1 an absolute target that differs from Host is 400", line("GET http://other.test/p HTTP/1.1"), &[400]),
        forwarded("1.1 OPTIONS * is forwarded as *", line("OPTIONS * HTTP/1.1"), |head| assert_eq!(head.first, "OPTIONS * HTTP/1.1")),
        forwarded("1.1 a fragment is cut off", line("GET /p?q#frag HTTP/1.1"), |head| assert_eq!(head.target(), "/p?q")),
        forwarded("1.1 path and query are forwarded byte for byte", line("GET /a/../b//./%2e%2F%zz;x=1?y=%20&z=[]{}|'!*()~ HTTP/1.1"), |head| {
            assert_eq!(head.target(), "/a/../b//./%2e%2F%zz;x=1?y=%20&z=[]{}|'!*()~");
        }),
        forwarded("1.1 so are bytes that should have been encoded", line("GET /^`\"<>\\?^`\"<>\\ HTTP/1.1"), |head| {
            assert_eq!(head.target(), "/^`\"<>\\?^`\"<>\\");
        }),
        forwarded("1.1 an empty query keeps its path", line("GET /a? HTTP/1.1"), |head| assert!(["/a", "/a?"].contains(&head.target()))),
        refused("1.1 a target that is no path is 400", line("GET a/b HTTP/1.1"), &[400]),
    ]
}

fn hosts() -> Vec<Case> {
    let host = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    vec![
        refused("1.1 no Host is 400", "GET / HTTP/1.1\r\n\r\n", &[400]),
        refused("1.1 no Host is 400 in HTTP/1.0 too", "GET / HTTP/1.0\r\n\r\n", &[400]),
        refused("1.1 no Host is 400 though the target has one", "GET http://shop.test/ HTTP/1.0\r\n\r\n", &[400]),
        refused("1.1 an empty Host is 400", host(""), &[400]),
        refused("1.1 a Host with a bad port is 400", host("shop.test:http"), &[400]),
        refused("1.1 Host twice is 400, even the same", host("shop.test\r\nHost: shop.test"), &[400]),
        refused("1.1 two different Hosts are 400", host("shop.test\r\nHost: other.test"), &[400]),
        refused("1.1 an unknown Host is 404", host("other.test"), &[404]),
        forwarded("1.1 Host is compared without case and port, and keeps its port", host("ShoP.Test:8080"), |head| {
            assert_eq!(head.one("host").to_lowercase(), "shop.test:8080");
        }),
    ]
}

fn deadlines() -> Vec<Case> {
    let short = || World::with(Setup { timeouts: &[("head", "700ms")], ..Setup::default() });
    vec![
        case("1.1 the deadline inside the header block is 408", move || {
            let world = short();
            let mut client = world.client();
            client.send("GET / HTTP/1.1\r\nHost: shop.test\r\n");
            is_refused(&mut client, &[408]);
        }),
        case("1.1 the deadline inside the request line closes silently", move || {
            let world = short();
            world.client().send("GET /").ends();
        }),
        case("1.1 the deadline before a byte closes silently", move || short().client().ends()),
        case("1.1 the deadline of an idle connection closes silently", move || {
            let (world, mut client) = (short(), None);
            reach(&world, GET.as_bytes(), &mut client);
            client.expect("it was used").ends();
        }),
        case("1.1 the deadline is not moved by bytes", move || {
            let world = short();
            let mut client = world.client();
            client.send("GET / HTTP/1.1\r\nHost: shop.test\r\nX: ");
            let pause = Duration::from_millis(50);
            let tries = 2 * patience().as_millis() / pause.as_millis();
            let cut = (0..tries).any(|_| {
                thread::sleep(pause);
                !client.try_send("x")
            });
            assert!(cut, "it went on taking bytes");
        }),
    ]
}
