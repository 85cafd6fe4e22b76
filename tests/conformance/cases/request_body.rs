//! 1.2: framing of the request body.

use crate::{
    Case, case,
    play::{OK, body_arrives, forwarded, get, is_refused, post, reach, refused},
    wire::Conn,
    world::World,
};

const CHUNKED: &str = "Transfer-Encoding: chunked";

pub(crate) fn cases() -> Vec<Case> {
    [lengths(), codings(), chunks(), trailers(), bodies()].into_iter().flatten().collect()
}

fn lengths() -> Vec<Case> {
    let mut cases = vec![
        case("1.2 Content-Length twice with one value is merged", || {
            let message = reach(&World::shop(), post("Content-Length: 5\r\nContent-Length: 5", "hello").as_bytes(), &mut None);
            assert_eq!((message.head.one("content-length"), message.body.as_slice()), ("5", &b"hello"[..]));
        }),
        refused("1.2 Content-Length twice with two values is 400", post("Content-Length: 5\r\nContent-Length: 6", "hello!"), &[400]),
    ];
    for bad in ["10,10", "10, 10", "+5", "0x5", "-5", "5 5", "", "5a", "5.0", "18446744073709551616", "99999999999999999999999"] {
        cases.push(refused(&format!("1.2 Content-Length {bad:?} is 400"), post(&format!("Content-Length: {bad}"), "hellohello"), &[400]));
    }
    cases
}

/// Chunked and with a length: only the chunks may count, and the connection ends; or it is refused.
fn conflict(length: &'static str) -> impl Fn() + Send + Sync + 'static {
    move || {
        let world = World::shop();
        let mut client = world.client();
        client.send(post(&format!("Content-Length: {length}\r\n{CHUNKED}"), "5\r\nhello\r\n0\r\n\r\n"));
        if !crate::world::eventually(|| world_has_dyno(&world, &mut client)) {
            panic!("neither the dyno nor the client heard of it");
        }
    }
}

fn world_has_dyno(world: &World, client: &mut Conn) -> bool {
    let Some(mut dyno) = world.try_dyno(0) else {
        if client.has_more() {
            is_refused(client, &[400]);
            return true;
        }
        return false;
    };
    let head = dyno.head();
    assert!(!head.has("content-length"), "{head:#?}");
    assert_eq!(dyno.body(&head), b"hello");
    dyno.send(OK);
    client.gets(200, "hello");
    client.ends();
    true
}

fn codings() -> Vec<Case> {
    let mut cases = vec![
        case("1.2 chunked and Content-Length: chunks count, the length goes, the client is closed", conflict("3")),
        case("1.2 chunked and Content-Length 0 is not two bodies", conflict("0")),
        body_arrives("1.2 Transfer-Encoding CHUNKED is chunked", post("Transfer-Encoding: CHUNKED", "5\r\nhello\r\n0\r\n\r\n"), "hello"),
    ];
    for bad in [
        ",",
        "",
        "xchunked",
        "gzip",
        "identity",
        "chunked, identity",
        "chunked, chunked",
        "gzip, chunked",
        "chunked,",
        ", chunked",
        "\"chunked\"",
        "chunked;q=1",
        "chun ked",
        "\u{b}chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: identity",
    ] {
        cases.push(refused(
            &format!("1.2 Transfer-Encoding {bad:?} is refused"),
            post(&format!("Transfer-Encoding: {bad}"), "5\r\nhello\r\n0\r\n\r\n"),
            &[400, 501],
        ));
    }
    cases
}

/// Bytes that are no chunks: 400 for the client, and the dyno does not take what it got for a whole.
fn broken(name: &str, body: impl Into<String>) -> Case {
    let body = body.into();
    case(name, move || {
        let world = World::shop();
        let mut client = world.client();
        client.try_send(post(CHUNKED, &body));
        is_refused(&mut client, &[400]);
        if let Some(mut dyno) = world.try_dyno(0) {
            let (got, _) = dyno.rest();
            assert!(!got.ends_with(b"0\r\n\r\n"), "the dyno got a whole: {:?}", String::from_utf8_lossy(&got));
        }
    })
}

fn chunks() -> Vec<Case> {
    vec![
        broken("1.2 a chunk size that is no number is 400", "xyz\r\nhello\r\n0\r\n\r\n"),
        broken("1.2 a chunk size in the second chunk that is no number is 400", "5\r\nhello\r\nxyz\r\nhello\r\n0\r\n\r\n"),
        broken("1.2 a chunk without its CRLF is 400", "5\r\nhello0\r\n\r\n"),
        broken("1.2 a chunk longer than its size is 400", "5\r\nhello!\r\n0\r\n\r\n"),
        broken("1.2 an empty chunk size is 400", "\r\nhello\r\n0\r\n\r\n"),
        broken("1.2 a negative chunk size is 400", "-5\r\nhello\r\n0\r\n\r\n"),
        broken("1.2 a chunk size 0x5 is 400", "0x5\r\nhello\r\n0\r\n\r\n"),
        broken("1.2 a chunk size beyond 64 bits is 400", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        broken("1.2 a bad trailer is 400", "5\r\nhello\r\n0\r\nno trailer\r\n\r\n"),
        broken("H a chunk size ended by a bare LF is 400", "5\nhello\r\n0\r\n\r\n"),
        broken("H a bare LF in a chunk extension is 400", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
        broken("H a chunk ended by a bare LF is 400", "5\r\nhello\n0\r\n\r\n"),
        broken("H a chunk extension of 100 KB is 400", format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100_000))),
        case("1.2 chunk extensions are accepted and dropped", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(post(CHUNKED, "5;name=value;other=\"x\"\r\nhello\r\n0;last\r\n\r\n"));
            let mut dyno = world.dyno();
            dyno.head();
            // Reading panics at anything but a size.
            assert_eq!(dyno.chunks().0, b"hello");
        }),
        body_arrives(
            "1.2 chunk sizes in hexadecimal, of either case, with leading zeros",
            post(CHUNKED, "00A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n"),
            "01234567890123456789a",
        ),
    ]
}

fn trailers() -> Vec<Case> {
    let arrive = |headers: &'static str| {
        move || {
            let world = World::shop();
            let mut client = world.client();
            client.send(post(headers, "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"));
            let mut dyno = world.dyno();
            dyno.head();
            let (_, trailers) = dyno.chunks();
            let trailers: Vec<String> = trailers.iter().map(|line| line.to_lowercase()).collect();
            assert_eq!(trailers, ["x-sum: 1", "x-more: 2"]);
        }
    };
    vec![
        case("1.2 announced trailers are forwarded", arrive("Transfer-Encoding: chunked\r\nTrailer: X-Sum, X-More")),
        case("1.2 trailers that nobody announced are forwarded", arrive(CHUNKED)),
        case("1.2 trailers in pieces are waited for, and hold nothing else up", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(post(CHUNKED, "5\r\nhello\r\n0\r\nX-S"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.expect("5\r\nhello\r\n0\r\n");
            client.send("um: 1\r\n\r\n");
            dyno.expect("X-Sum: 1\r\n\r\n");
            dyno.send(OK);
            client.gets(200, "hello");
        }),
        case("1.3 Trailer passes", || {
            let message =
                reach(&World::shop(), post("Transfer-Encoding: chunked\r\nTrailer: X-Sum", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n").as_bytes(), &mut None);
            assert_eq!((message.head.one("trailer"), message.head.one("transfer-encoding")), ("X-Sum", "chunked"));
        }),
    ]
}

fn bodies() -> Vec<Case> {
    let with = |method: &str, headers: &str, body: &str| format!("{method} / HTTP/1.1\r\nHost: shop.test\r\n{headers}\r\n{body}");
    let mut cases = vec![
        forwarded("1.2 a GET without a body has no length", get("A: b"), |head| assert!(!head.has("content-length") && !head.has("transfer-encoding"))),
        forwarded("1.2 a HEAD without a body has no length", with("HEAD", "", ""), |head| assert!(!head.has("content-length"))),
        body_arrives("1.2 a body of 2 MB passes", post(&format!("Content-Length: {}", 2 << 20), &"x".repeat(2 << 20)), "x".repeat(2 << 20)),
        body_arrives(
            "1.2 a body of many chunks passes",
            post(CHUNKED, &("400\r\n".to_owned() + &"y".repeat(1024) + "\r\n").repeat(500)) + "0\r\n\r\n",
            "y".repeat(500 * 1024),
        ),
        case("1.2 a body is streamed", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(post("Content-Length: 10", "first"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.expect("first");
            client.send("later");
            dyno.expect("later");
            dyno.send(OK);
            client.gets(200, "hello");
        }),
        case("1.2 chunks are streamed", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(post(CHUNKED, "5\r\nfirst\r\n"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.expect("5\r\nfirst\r\n");
            client.send("0\r\n\r\n");
            dyno.expect("0\r\n\r\n");
            dyno.send(OK);
            client.gets(200, "hello");
        }),
        forwarded("1.2 Content-Length 0 passes", post("Content-Length: 0", ""), |head| assert_eq!(head.one("content-length"), "0")),
    ];
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        cases.push(forwarded(&format!("1.2 a {method} without a body gets Content-Length 0"), with(method, "", ""), |head| {
            assert_eq!(head.one("content-length"), "0");
        }));
    }
    for method in ["GET", "HEAD", "DELETE"] {
        cases.push(body_arrives(&format!("1.2 a {method} may have a body"), with(method, "Content-Length: 5\r\n", "hello"), "hello"));
        cases.push(body_arrives(
            &format!("1.2 a {method} may have a body in chunks"),
            with(method, "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            "hello",
        ));
    }
    cases
}
