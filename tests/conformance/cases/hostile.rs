//! Hostile inputs 71 to 77, where no earlier case has them.

use crate::{
    Case, case,
    play::{GET, OK, forwarded, get, is_refused, post, refused},
    world::{World, eventually},
};

pub(crate) fn cases() -> Vec<Case> {
    [hosts(), headers(), smuggled(), slow()].into_iter().flatten().collect()
}

fn hosts() -> Vec<Case> {
    let host = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut cases = vec![
        refused("72 Host with an underscore is 404", host("no_body.test"), &[404]),
        refused("72 Host of IPv6 is 404", host("[::1]:8080"), &[404]),
        refused("72 Host that is an address is 404", host("127.0.0.1"), &[404]),
        refused("72 Host * is no wildcard", host("*"), &[400, 404]),
        refused("72 Host with port 0 is refused or found", host("other.test:0"), &[400, 404]),
        forwarded("72 Host with a trailing dot is the same host", host("shop.test."), |_| {}),
        refused("72 an absolute target of https and another Host is 400", "GET https://a.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n", &[400]),
        refused("72 userinfo in an absolute target is 400", "GET http://shop.test@a.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n", &[400]),
    ];
    for bad in [
        "a@shop.test",
        "shop.test:65536",
        "shop.test:8 0",
        "shop.test/x",
        "shop.test\\",
        "shop test",
        "shop.test,other.test",
        "shop.test:-1",
        "sh\u{e9}p.test",
        "shop.test#",
        "[::1",
        "..",
        ".",
        "shop..test",
        "shop.test\0",
    ] {
        cases.push(refused(
            &format!("72 Host {bad:?} is refused"),
            host(bad),
            if ["..", ".", "shop..test", "[::1"].contains(&bad) { &[400, 404] } else { &[400] },
        ));
    }
    cases
}

fn headers() -> Vec<Case> {
    let mut cases = vec![
        refused("75 a header of 1 MB is 400", get(&format!("X: {}", "v".repeat(1 << 20))), &[400, 431]),
        refused("75 10000 headers are 400", get(&"X: y\r\n".repeat(10_000)), &[400, 431]),
        refused("75 NUL in a value is 400", get("X-A: a\0b"), &[400]),
        refused("75 NUL in a name is 400", get("X\0A: a"), &[400]),
        refused("75 NUL in the target is 400", GET.replace("/ HTTP", "/\0 HTTP"), &[400]),
        refused("75 a control character in a name is 400", get("X\u{1}A: a"), &[400]),
        refused("75 a space in a name is 400", get("X A: a"), &[400]),
        forwarded("74 X-Request-Id of 8 KB is replaced", get(&format!("X-Request-Id: {}", "a".repeat(8000))), |head| {
            assert_eq!(head.one("x-request-id").len(), 36);
        }),
        forwarded("74 a Via of many hops passes", get(&format!("Via: {}1.1 end", "1.1 a, ".repeat(200))), |head| {
            assert!(head.one("via").contains("1.1 end, 1.1 "));
        }),
    ];
    for byte in ["\u{b}", "\u{c}", "\u{7f}", "\u{1}"] {
        cases.push(refused(&format!("75 {byte:?} in a value is 400"), get(&format!("X-A: a{byte}b")), &[400]));
    }
    cases
}

fn smuggled() -> Vec<Case> {
    let inner = GET.replace("/ HTTP", "/smuggled HTTP");
    // Whatever the router makes of the outer request, the inner one reaches no dyno.
    let hidden = move |name: &str, request: String| {
        let inner = inner.clone();
        case(name, move || {
            let world = World::shop();
            let mut client = world.client();
            client.send(&request);
            client.try_send(&inner);
            client.finish_sending();
            let mut reader = client.stream.try_clone().expect("sockets can be cloned");
            let reading = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
            let (mut seen, mut dynos) = (Vec::new(), Vec::new());
            eventually(|| {
                if let Some(mut dyno) = world.try_dyno(0) {
                    seen.extend(dyno.first_line());
                    dyno.try_send(OK);
                    // Left open: closed on unread bytes, it would be reset, and take its answer along.
                    dynos.push(dyno);
                }
                reading.is_finished()
            });
            assert!(!seen.iter().any(|target| target.contains("smuggled")), "{seen:?}");
        })
    };
    vec![
        hidden("71 CL.TE", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
        hidden("71 TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4", "5\r\nhello\r\n0\r\n\r\n")),
        hidden("71 CL 0 and TE", post("Content-Length: 0\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
        hidden("71 TE with a space before its colon", post("Content-Length: 5\r\nTransfer-Encoding : chunked", "0\r\n\r\n")),
        hidden("71 TE folded", post("Content-Length: 5\r\nTransfer-Encoding:\r\n chunked", "0\r\n\r\n")),
        hidden("71 TE behind a bare LF", post("Content-Length: 5\r\nX: a\nTransfer-Encoding: chunked", "0\r\n\r\n")),
        hidden("71 TE behind a bare CR", post("Content-Length: 5\r\nX: a\rTransfer-Encoding: chunked", "0\r\n\r\n")),
        hidden("71 two lengths", post("Content-Length: 0\r\nContent-Length: 5", "hello")),
        hidden("71 an empty length", post("Content-Length:", "")),
        hidden("71 TE of HTTP/1.0", post("Transfer-Encoding: chunked", "0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0")),
        hidden("71 a chunk whose extension hides a line end", post("Transfer-Encoding: chunked", "5;\nxx\r\nhello\r\n0\r\n\r\n")),
        hidden("71 a chunk size beyond 64 bits", post("Transfer-Encoding: chunked", "10000000000000000\r\n\r\n")),
    ]
}

fn slow() -> Vec<Case> {
    vec![
        case("77 a response that trickles is passed on byte by byte", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            for byte in OK.as_bytes() {
                dyno.send([*byte]);
            }
            client.gets(200, "hello");
        }),
        case("77 a request that trickles is read byte by byte", || {
            let world = World::shop();
            let mut client = world.client();
            for byte in post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n").as_bytes() {
                client.send([*byte]);
            }
            let mut dyno = world.dyno();
            let head = dyno.head();
            assert_eq!(dyno.body(&head), b"hello");
            dyno.send(OK);
            client.gets(200, "hello");
        }),
        case("77 the dyno resets in the middle of a body", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            // Its request is unread: the kernel resets.
            dyno.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            eventually(|| client.stream.peek(&mut [0]).is_ok());
            drop(dyno);
            let message = client.rest().0;
            assert!(!message.is_empty());
            assert!(world.line().starts_with("sock=backend at=error code=H18 "));
        }),
        case("77 a dyno that answers with 200 and two lengths", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 500\r\n\r\nhello");
            is_refused(&mut client, &[502]);
        }),
    ]
}
