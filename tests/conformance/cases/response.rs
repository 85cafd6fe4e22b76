//! 1.4: responses.

use std::io::Write;

use crate::{
    Case, case,
    play::{GET, OK, answer, answered, get, post, reach},
    world::World,
};

pub(crate) fn cases() -> Vec<Case> {
    [heads(), headers(), lengths(), chunks(), bodyless(), streams()].into_iter().flatten().collect()
}

fn response(headers: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{headers}\r\n\r\nhello")
}

fn heads() -> Vec<Case> {
    let with = |first: &str| OK.replacen("HTTP/1.1 200 OK", first, 1);
    let reads = |name: &str, first: &str, expected: &'static str| {
        let response = with(first);
        case(name, move || {
            let message = answer(&World::shop(), GET, response.as_bytes());
            assert_eq!((message.head.first.trim_end(), message.body.as_slice()), (expected, &b"hello"[..]));
        })
    };
    vec![
        reads("1.4 the reason passes as it is", "HTTP/1.1 200 Very Fine", "HTTP/1.1 200 Very Fine"),
        reads("1.4 a blank reason is accepted", "HTTP/1.1 404 ", "HTTP/1.1 404"),
        reads("1.4 a missing reason is accepted", "HTTP/1.1 404", "HTTP/1.1 404"),
        reads("1.4 a dyno may speak HTTP/1.0", "HTTP/1.0 200 OK", "HTTP/1.1 200 OK"),
        reads("1.4 any status of three digits passes", "HTTP/1.1 799 Odd", "HTTP/1.1 799 Odd"),
    ]
}

fn headers() -> Vec<Case> {
    let mut cases = vec![
        answered("1.4 a header line of 500 KB passes", response(&format!("X-L: {}", "v".repeat(500_000))), |message| {
            assert_eq!(message.head.one("x-l").len(), 500_000);
        }),
        answered("1.4 a cookie of 8150 bytes passes", response(&format!("Set-Cookie: a={}", "v".repeat(8130))), |message| {
            assert_eq!(message.head.one("set-cookie").len(), 8132);
        }),
        answered("1.4 a Date is added", OK, |message| assert!(message.head.one("date").ends_with(" GMT"))),
        answered("1.4 the dyno's Date and Server stay", response("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: gunicorn"), |message| {
            assert_eq!((message.head.one("date"), message.head.one("server")), ("Thu, 01 Jan 1970 00:00:00 GMT", "gunicorn"));
        }),
        answered("1.4 Via names the router", OK, |message| assert!(message.head.one("via").starts_with("1.1 "))),
        answered("1.4 Via is appended to", response("Via: 1.1 varnish"), |message| {
            assert!(message.head.one("via").starts_with("1.1 varnish, 1.1 "));
        }),
        answered("1.4 headers of one name keep their order", response("Set-Cookie: a=1\r\nX-A: x\r\nSet-Cookie: b=2\r\nSet-Cookie: c=3"), |message| {
            assert_eq!(message.head.all("set-cookie"), ["a=1", "b=2", "c=3"]);
        }),
        answered("1.4 all headers keep their order", response("X-C: 3\r\nX-A: 1\r\nX-B: 2\r\nX-A: 4"), |message| {
            let own: Vec<_> = message.head.lines.iter().filter(|(name, _)| name.len() == 3 && name != "Via").map(|(_, value)| value.as_str()).collect();
            assert_eq!(own, ["3", "1", "2", "4"]);
        }),
        answered("1.4 names are title-cased", response("x-my-header: 1"), |message| {
            assert!(message.head.lines.iter().any(|(name, _)| name == "X-My-Header"), "{:#?}", message.head);
        }),
        answered("1.4 nominated headers go", response("Connection: X-Hop\r\nX-Hop: 1\r\nX-Stays: 2"), |message| {
            assert!(!message.head.has("x-hop") && message.head.has("x-stays"));
        }),
        answered("1.4 a thousand headers less some pass", response(&(0..950).map(|i| format!("X-{i}: {i}")).collect::<Vec<_>>().join("\r\n")), |message| {
            assert!(message.head.has("x-949"));
        }),
    ];
    for name in ["Keep-Alive", "TE", "Proxy-Authorization"] {
        cases.push(case(format!("1.4 {name} is removed"), move || {
            assert!(!answer(&World::shop(), GET, response(&format!("{name}: x")).as_bytes()).head.has(name));
        }));
    }
    cases
}

fn lengths() -> Vec<Case> {
    let of = |lengths: &str| format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nhello");
    vec![
        answered("1.4 equal Content-Lengths are merged", of("Content-Length: 5\r\nContent-Length: 5"), |message| {
            assert_eq!((message.head.one("content-length"), message.body.as_slice()), ("5", &b"hello"[..]));
        }),
        case("1.4 chunked with Content-Length: chunks count, the length goes", || {
            let raw = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
            let message = answer(&World::shop(), GET, raw.as_bytes());
            assert!(!message.head.has("content-length"));
            assert_eq!(message.body, b"hello");
        }),
        case("1.4 bytes after the response are dropped", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.try_send(OK.to_owned() + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
            client.gets(200, "hello");
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(OK);
            client.gets(200, "hello");
        }),
        case("1.4 without length or chunks: until close, and the client is closed", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\n\r\nhel");
            let head = client.head();
            dyno.send("lo");
            drop(dyno);
            if head.has("transfer-encoding") {
                // As good, and tells a whole from a part.
                assert_eq!(client.chunks().0, b"hello");
            } else {
                assert!(head.closes(), "{head:#?}");
                assert_eq!(client.rest().0, b"hello");
            }
        }),
    ]
}

fn chunks() -> Vec<Case> {
    let trailers = |announced: &'static str| {
        move || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get("TE: trailers"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{announced}\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"));
            client.head();
            let (body, trailers) = client.chunks();
            let trailers: Vec<String> = trailers.iter().map(|line| line.to_lowercase()).collect();
            assert_eq!((body.as_slice(), trailers), (&b"hello"[..], vec!["x-sum: 1".to_owned(), "x-more: 2".to_owned()]));
        }
    };
    vec![
        answered("1.4 chunks are relayed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", |message| {
            assert!(message.head.has("transfer-encoding"));
            assert_eq!(message.body, b"hello");
        }),
        case("1.4 announced trailers are relayed", trailers("Trailer: X-Sum, X-More\r\n")),
        case("1.4 trailers that nobody announced are relayed", trailers("")),
        case("1.4 a client of HTTP/1.0 gets no chunks, and an end by close", || {
            let message = answer(
                &World::shop(),
                "GET / HTTP/1.0\r\nHost: shop.test\r\nConnection: keep-alive\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
            );
            assert!(!message.head.has("transfer-encoding") && message.head.closes(), "{:#?}", message.head);
            assert_eq!(message.body, b"hello");
        }),
        case("1.4 a bad chunk midway cuts: good bytes, no terminator, no page", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            assert_eq!(client.head().status(), 200);
            client.expect("5\r\nhello\r\n");
            dyno.send("xyz\r\nhello\r\n0\r\n\r\n");
            client.ends();
        }),
    ]
}

/// An answer that has no body, then another request on the same connection.
fn without_body(name: &str, method: &'static str, response: &'static str, check: fn(&crate::wire::Head)) -> Case {
    case(name, move || {
        let world = World::shop();
        let mut client = world.client();
        client.send(GET.replace("GET", method));
        let mut dyno = world.dyno();
        dyno.head();
        dyno.try_send(response);
        check(&client.head());
        let mut client = Some(client);
        reach(&world, GET.as_bytes(), &mut client);
    })
}

fn bodyless() -> Vec<Case> {
    vec![
        without_body("1.4 HEAD waits for no body, and its length passes", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", |head| {
            assert_eq!(head.one("content-length"), "500");
        }),
        without_body("1.4 HEAD waits for no chunks", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", |head| assert_eq!(head.status(), 200)),
        without_body("1.4 HEAD without any length keeps the client", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", |head| assert!(!head.closes())),
        without_body("1.4 HEAD with the dyno's close keeps the client", "HEAD", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", |head| assert!(!head.closes())),
        without_body("1.4 HEAD with a misplaced body: it is dropped", "HEAD", OK, |head| assert_eq!(head.one("content-length"), "5")),
        without_body("1.4 204 waits for no body", "GET", "HTTP/1.1 204 No Content\r\n\r\n", |head| assert_eq!(head.status(), 204)),
        without_body("1.4 204 with the dyno's close keeps the client", "GET", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", |head| {
            assert!(!head.closes());
        }),
        without_body("1.4 204 with a misplaced body: it is dropped", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", |head| {
            assert_eq!(head.status(), 204);
        }),
        without_body("1.4 304 waits for no body, and its length passes", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", |head| {
            assert_eq!((head.status(), head.one("content-length")), (304, "500"));
        }),
        without_body("1.4 304 with the dyno's close keeps the client", "GET", "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n", |head| {
            assert!(!head.closes());
        }),
    ]
}

fn streams() -> Vec<Case> {
    vec![
        case("1.4 a response is streamed, each write as it comes", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
            assert_eq!(client.head().status(), 200);
            for event in ["8\r\ndata: 1\n\r\n", "8\r\ndata: 2\n\r\n"] {
                dyno.send(event);
                client.expect(event);
            }
        }),
        case("1.4 a dyno can write 1 MB and close without waiting for a slow client", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            let body = "x".repeat(1 << 20);
            dyno.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            drop(dyno);
            assert!(client.response().body == body.as_bytes());
        }),
        case("1.4 a body of 20 MB passes", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            let body = vec![b'x'; 20 << 20];
            let length = body.len();
            let writer = std::thread::spawn(move || {
                dyno.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
                dyno.stream.write_all(&body).expect("the router takes it");
            });
            assert_eq!(client.response().body.len(), length);
            writer.join().expect("it was written");
        }),
        early("1.4 an early response during an upload is relayed, and the client closed", false),
        early("1.4 an early response is relayed though the dyno's socket was reset", true),
        case("1.4 an early response of the app, then the rest of the upload: never a code", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(post("Content-Length: 100", "part"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.expect("part");
            dyno.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nslow");
            assert_eq!(client.response().body, b"slow");
            assert!(world.line().starts_with("at=info method=POST "));
        }),
    ]
}

/// The dyno answers 413 after a part of the upload and goes; the rest would not fit into any buffer.
fn early(name: &str, reset: bool) -> Case {
    case(name, move || {
        let world = World::shop();
        let mut client = world.client();
        client.send(post("Content-Length: 50000000", "part"));
        let mut dyno = world.dyno();
        dyno.head();
        dyno.expect("part");
        if reset {
            // Closed on unread bytes: the kernel resets.
            client.send("x".repeat(100_000));
            crate::world::eventually(|| dyno.stream.peek(&mut [0; 1]).is_ok_and(|count| count > 0));
        }
        dyno.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
        drop(dyno);
        let mut sender = client.stream.try_clone().expect("sockets can be cloned");
        let uploading = std::thread::spawn(move || {
            let chunk = [b'x'; 100_000];
            (0..400).take_while(|_| sender.write_all(&chunk).is_ok()).count()
        });
        let message = client.response();
        assert_eq!((message.head.status(), message.body.as_slice()), (413, &b"big"[..]));
        client.rest();
        uploading.join().expect("it ends");
    })
}
