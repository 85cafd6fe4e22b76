//! 2.1: every H code before a response began: what the client gets and what the log says.

use crate::{
    Case, case,
    play::{GET, get, is_refused, post},
    wire::Conn,
    world::{Setup, State, World, eventually},
};

pub(crate) fn cases() -> Vec<Case> {
    [no_dyno(), connecting(), waiting(), responses(), requests(), stopping()].into_iter().flatten().collect()
}

/// The line of a `GET /`, with what differs: its beginning, and everything from `dyno=` to `bytes=`.
pub(crate) fn line(begins: &str, ends: &str) -> String {
    format!("{begins} method=GET path=\"/\" host=shop.test request_id=* fwd=\"127.0.0.1\" {ends} protocol=http1.1 tls=false")
}

/// The client gets a page, and is told that it is closed; the line is this.
#[track_caller]
pub(crate) fn page(client: &mut Conn, status: u16, title: &str) {
    let message = client.response();
    assert_eq!(message.head.status(), status, "{:#?}", message.head);
    assert!(message.head.closes() && message.head.one("content-type").starts_with("text/html"), "{:#?}", message.head);
    let body = String::from_utf8_lossy(&message.body).into_owned();
    assert!(body.contains("<html") && body.contains(title), "{body}");
    client.ends();
}

/// A `GET /` that no dyno gets.
pub(crate) fn nowhere(name: &str, setup: Setup, status: u16, title: &'static str, begins: &'static str, ends: &'static str) -> Case {
    case(name, move || {
        let world = World::with(setup.clone());
        let mut client = world.client();
        client.send(GET);
        page(&mut client, status, title);
        world.logs(&line(begins, ends));
        world.dynos_are_left_alone();
    })
}

pub(crate) const NOWHERE: &str = "dyno= connect= service= status=503 bytes=";
pub(crate) const PAGE: &str = "dyno=web.1 connect=#ms service=#ms status=503 bytes=#";

fn no_dyno() -> Vec<Case> {
    use State::{Crashed, Starting, Up};
    let dynos = |dynos: &[State]| Setup { dynos: dynos.to_vec(), ..Setup::default() };
    let error = "Application error";
    vec![
        nowhere("H10 all web dynos crashed", dynos(&[Crashed, Crashed]), 503, error, "at=error code=H10 desc=\"App crashed\"", NOWHERE),
        nowhere("H14 no web dyno", dynos(&[]), 503, error, "at=error code=H14 desc=\"No web processes running\"", NOWHERE),
        nowhere(
            "H20 none comes up in time",
            Setup { timeouts: &[("boot", "400ms")], ..dynos(&[Starting, Crashed]) },
            503,
            error,
            "at=error code=H20 desc=\"App boot timeout\"",
            NOWHERE,
        ),
        nowhere("H80 maintenance", Setup { maintenance: true, ..Setup::default() }, 503, "maintenance", "at=info code=H80 desc=\"Maintenance mode\"", NOWHERE),
        nowhere("H81 a blank app", Setup { blank: true, ..dynos(&[]) }, 503, "Nothing here yet", "at=info code=H81 desc=\"Blank app\"", NOWHERE),
        nowhere(
            "2.1 blank comes before maintenance",
            Setup { blank: true, maintenance: true, ..dynos(&[Up]) },
            503,
            "Nothing here yet",
            "at=info code=H81 desc=\"Blank app\"",
            NOWHERE,
        ),
        nowhere(
            "2.1 maintenance comes before crashed",
            Setup { maintenance: true, ..dynos(&[Crashed]) },
            503,
            "maintenance",
            "at=info code=H80 desc=\"Maintenance mode\"",
            NOWHERE,
        ),
        case("1.10 no such app is a page of 404, and no log's", || {
            let world = World::shop();
            let mut client = world.client();
            client.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n");
            page(&mut client, 404, "No such app");
            world.no_line();
        }),
        case("H11 more than 200 requests at once for each dyno", || {
            let world = World::shop();
            let ask = |_| {
                let mut client = world.client();
                client.send(GET);
                client
            };
            let mut clients: Vec<Conn> = (0..201).map(ask).collect();
            let mut one = None;
            eventually(|| {
                one = clients.iter().position(Conn::has_more);
                one.is_some()
            });
            page(&mut clients.swap_remove(one.expect("one is too many")), 503, error);
            world.logs(&line("at=error code=H11 desc=\"Backlog too deep\"", NOWHERE));
        }),
    ]
}

fn connecting() -> Vec<Case> {
    let error = "Application error";
    vec![
        nowhere(
            "H19 connect takes too long",
            Setup { timeouts: &[("connect", "300ms")], ..Setup { dynos: vec![State::Deaf], ..Setup::default() } },
            503,
            error,
            "at=error code=H19 desc=\"Backend connection timeout\"",
            "dyno=web.1 connect=#ms service= status=503 bytes=",
        ),
        nowhere(
            "H21 connect is refused",
            Setup { dynos: vec![State::Refuses], ..Setup::default() },
            503,
            error,
            "at=error code=H21 desc=\"Backend connection refused\"",
            "dyno=web.1 connect=#ms service= status=503 bytes=",
        ),
        case("H99 all dynos are in quarantine until time is up", || {
            // Shorter than a quarantine in every form: else it ends, and the next try is H21 again.
            let world = World::with(Setup { dynos: vec![State::Refuses], always: "boot = \"1s\"\n", ..Setup::default() });
            let mut first = world.client();
            first.send(GET);
            page(&mut first, 503, error);
            assert!(world.line().contains(" code=H21 "));
            let mut second = world.client();
            second.send(GET);
            page(&mut second, 503, error);
            world.logs(&line("at=error code=H99 desc=\"Platform error\"", NOWHERE));
        }),
    ]
}

fn waiting() -> Vec<Case> {
    vec![
        case("H12 no byte in time after the request", || {
            let world = World::with(Setup { timeouts: &[("first_byte", "400ms")], ..Setup::default() });
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            page(&mut client, 503, "Application error");
            world.logs(&line("at=error code=H12 desc=\"Request timeout\"", PAGE));
            dyno.ends();
        }),
        case("0.1 H12 is counted from the end of the upload", || {
            let world = World::with(Setup { timeouts: &[("first_byte", "300ms")], ..Setup::default() });
            let mut client = world.client();
            client.send(post("Content-Length: 10", ""));
            let mut dyno = world.dyno();
            dyno.head();
            for _ in 0..10 {
                std::thread::sleep(std::time::Duration::from_millis(60));
                client.send("x");
                dyno.expect("x");
            }
            page(&mut client, 503, "Application error");
            assert!(world.line().starts_with("at=error code=H12 "));
        }),
        case("H13 closed without a byte", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            world.dyno().head();
            page(&mut client, 503, "Application error");
            world.logs(&line("at=error code=H13 desc=\"Connection closed without response\"", PAGE));
        }),
        case("H15 the dyno stalls inside its head", || {
            let world = World::with(Setup { timeouts: &[("first_byte", "600ms"), ("between_bytes", "400ms")], ..Setup::default() });
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nX-");
            page(&mut client, 503, "Application error");
            world.logs(&line("at=error code=H15 desc=\"Idle connection\"", PAGE));
        }),
        case("H18 the dyno breaks off inside its head", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nX-");
            drop(dyno);
            page(&mut client, 503, "Application error");
            world.logs(&line("sock=backend at=error code=H18 desc=\"Server Request Interrupted\"", PAGE));
        }),
    ]
}

/// A dyno sends this, and the client gets a page.
fn risky(name: &str, response: impl Into<String>, status: u16, begins: &'static str) -> Case {
    let response = response.into();
    case(name, move || {
        let world = World::shop();
        let mut client = world.client();
        client.send(GET);
        let mut dyno = world.dyno();
        dyno.head();
        dyno.try_send(&response);
        page(&mut client, status, "Application error");
        world.logs(&line(begins, &format!("dyno=web.1 connect=#ms service=#ms status={status} bytes=#")));
    })
}

fn responses() -> Vec<Case> {
    let h17 = "at=error code=H17 desc=\"Poorly formatted HTTP response\"";
    let length = "at=error code=H25 desc=\"HTTP restriction: invalid content length\"";
    let with = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\nhello");
    let mut cases = vec![
        risky(
            "H25 a status line of more than 8 KB",
            format!("HTTP/1.1 200 {}\r\nContent-Length: 0\r\n\r\n", "r".repeat(8300)),
            502,
            "at=error code=H25 desc=\"HTTP restriction: oversized status line\"",
        ),
        risky(
            "H25 a header line of more than 512 KB",
            with(&format!("Content-Length: 5\r\nX: {}", "v".repeat(525_000))),
            502,
            "at=error code=H25 desc=\"HTTP restriction: oversized header\"",
        ),
        risky(
            "H25 a header line that never ends",
            format!("HTTP/1.1 200 OK\r\nX: {}", "v".repeat(2_000_000)),
            502,
            "at=error code=H25 desc=\"HTTP restriction: oversized header\"",
        ),
        risky(
            "H25 a cookie of more than 8 KB",
            with(&format!("Content-Length: 5\r\nSet-Cookie: a={}", "v".repeat(8200))),
            502,
            "at=error code=H25 desc=\"HTTP restriction: oversized cookie\"",
        ),
    ];
    for lengths in ["5\r\nContent-Length: 6", "5, 5", "5,6", "-5", "+5", "five", "0x5", "18446744073709551616"] {
        cases.push(risky(&format!("H25 Content-Length {lengths:?} of a dyno"), with(&format!("Content-Length: {lengths}")), 502, length));
    }
    for first in
        ["garbage", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 abc OK", "HTTP/2 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1200 OK", "HTP/1.1 200 OK", ""]
    {
        cases.push(risky(&format!("H17 status line {first:?}"), format!("{first}\r\nContent-Length: 5\r\n\r\nhello"), 503, h17));
    }
    for header in ["X-A : 1", "X-A", ": 1", "X A: 1", "X-A: a\0b", "X-A: a\rb"] {
        cases.push(risky(&format!("H17 header line {header:?}"), with(&format!("Content-Length: 5\r\n{header}")), 503, h17));
    }
    for coding in [",", "xchunked", "gzip", "chunked, identity", "chunked\r\nTransfer-Encoding: chunked"] {
        cases.push(risky(&format!("H17 Transfer-Encoding {coding:?} of a dyno"), with(&format!("Transfer-Encoding: {coding}")), 503, h17));
    }
    cases
}

fn requests() -> Vec<Case> {
    vec![
        case("H26 a bad chunk", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get("Transfer-Encoding: chunked") + "xyz\r\n");
            is_refused(&mut client, &[400]);
            world.logs(&line("at=error code=H26 desc=\"Request Error\" cause=\"bad chunk\"", "dyno=web.1 connect=#ms service=#ms status=400 bytes=#"));
        }),
        case("H26 a bad header", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(get("Transfer-Encoding: ,"));
            is_refused(&mut client, &[400]);
            world.logs(&line("at=error code=H26 desc=\"Request Error\" cause=\"bad header\"", "dyno= connect= service= status=400 bytes="));
        }),
        case("H27 the client leaves while it waits", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            drop(client);
            world.logs(&line("sock=client at=warning code=H27 desc=\"Client Request Interrupted\"", "dyno=web.1 connect=#ms service=#ms status=499 bytes=#"));
        }),
        case("H27 the client leaves during its upload, and the dyno does not take it for a whole", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(post("Transfer-Encoding: chunked", "5\r\nhello\r\n"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.expect("5\r\nhello\r\n");
            drop(client);
            dyno.ends();
            assert!(world.line().starts_with("sock=client at=warning code=H27 "));
        }),
        case("H28 the client stops sending", || {
            let world = World::with(Setup { timeouts: &[("between_bytes", "400ms")], ..Setup::default() });
            let mut client = world.client();
            client.send(post("Content-Length: 10", "hello"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.expect("hello");
            client.rest();
            dyno.ends();
            let pattern = line("at=warning code=H28 desc=\"Client Connection Idle\"", "dyno=web.1 connect=#ms service=#ms status=499 bytes=#");
            world.logs(&pattern.replace("method=GET", "method=POST"));
        }),
    ]
}

fn stopping() -> Vec<Case> {
    vec![case("H24 the router is stopped before the request is done", || {
        let mut world = World::with(Setup { always: "drain = \"300ms\"\n", ..Setup::default() });
        let mut client = world.client();
        client.send(GET);
        let mut dyno = world.dyno();
        dyno.head();
        world.terminate();
        client.rest();
        assert!(world.exits().success());
        world.logs(&line("at=error code=H24 desc=\"Forced close\"", "dyno=web.1 connect=#ms service=#ms status= bytes=#"));
    })]
}
