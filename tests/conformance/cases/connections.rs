//! 1.5: connection handling.

use crate::{
    Case, case,
    play::{GET, OK, is_refused, post, reach},
    wire::Conn,
    world::{Setup, World, eventually},
};

pub(crate) fn cases() -> Vec<Case> {
    [client_side(), pipelines(), leaving(), dyno_keep_alive()].into_iter().flatten().collect()
}

/// Whether the client may go on, by what it says and what the dyno says.
fn matrix(version: &'static str, client_says: &'static str, dyno_says: &'static str, stays: bool) -> Case {
    let name = format!("1.5 a client of {version} that says {client_says:?}, a dyno that says {dyno_says:?}: {}", if stays { "stays" } else { "is closed" });
    case(name, move || {
        let world = World::shop();
        let mut client = world.client();
        let says = |word: &str| if word.is_empty() { String::new() } else { format!("Connection: {word}\r\n") };
        client.send(format!("GET / {version}\r\nHost: shop.test\r\n{}\r\n", says(client_says)));
        let mut dyno = world.dyno();
        assert_eq!(dyno.head().one("connection"), "close");
        dyno.send(OK.replacen("\r\n", &format!("\r\n{}", says(dyno_says)), 1));
        let head = client.gets(200, "hello");
        assert_eq!(head.closes(), !stays, "{head:#?}");
        if stays {
            reach(&world, GET.as_bytes(), &mut Some(client));
        } else {
            client.ends();
        }
    })
}

fn client_side() -> Vec<Case> {
    let mut cases = Vec::new();
    for (version, client_says, stays) in
        [("HTTP/1.1", "", true), ("HTTP/1.1", "keep-alive", true), ("HTTP/1.1", "close", false), ("HTTP/1.0", "", false), ("HTTP/1.0", "keep-alive", true)]
    {
        for dyno_says in ["close", "keep-alive"] {
            cases.push(matrix(version, client_says, dyno_says, stays));
        }
    }
    cases.push(case("1.5 HTTP/1.0 that is kept is told so", || {
        let message = crate::play::answer(&World::shop(), "GET / HTTP/1.0\r\nHost: shop.test\r\nConnection: keep-alive\r\n\r\n", OK.as_bytes());
        assert!(message.head.all("connection").iter().any(|value| value.eq_ignore_ascii_case("keep-alive")), "{:#?}", message.head);
    }));
    cases.push(case("1.5 the dyno's connection is closed after the response whatever it says", || {
        let world = World::shop();
        let mut client = world.client();
        client.send(GET);
        let mut dyno = world.dyno();
        dyno.head();
        dyno.send(OK.replacen("\r\n", "\r\nConnection: keep-alive\r\n", 1));
        client.gets(200, "hello");
        dyno.ends();
    }));
    cases
}

fn pipelines() -> Vec<Case> {
    let path = |path: &str| GET.replace("/ HTTP", &format!("/{path} HTTP"));
    let serve = |world: &World, path: &str| {
        let mut dyno = world.dyno();
        assert_eq!(dyno.head().target(), format!("/{path}"));
        dyno.send(OK.replace("hello", &format!("{path:>5}")));
    };
    vec![
        case("1.5 pipelined requests are served one after the other", move || {
            let world = World::shop();
            let mut client = world.client();
            client.send(path("a") + &path("b") + &path("c"));
            for name in ["a", "b", "c"] {
                serve(&world, name);
                client.gets(200, &format!("{name:>5}"));
            }
        }),
        case("1.5 a request right behind a body is another one", move || {
            let world = World::shop();
            let mut client = world.client();
            client.send(post("Content-Length: 5", "hello") + &path("b"));
            let mut dyno = world.dyno();
            let head = dyno.head();
            assert_eq!(dyno.body(&head), b"hello");
            dyno.send(OK);
            client.gets(200, "hello");
            serve(&world, "b");
            client.gets(200, "    b");
        }),
        case("0.7 bytes pipelined while waiting are not lost", move || {
            let world = World::shop();
            let mut client = world.client();
            client.send(path("a"));
            let mut dyno = world.dyno();
            dyno.head();
            let count = 2000;
            let mut writer = client.stream.try_clone().expect("sockets can be cloned");
            let more = path("b").repeat(count);
            let writing = std::thread::spawn(move || std::io::Write::write_all(&mut writer, more.as_bytes()).is_ok());
            dyno.send(OK);
            client.gets(200, "hello");
            for _ in 0..20 {
                serve(&world, "b");
                client.gets(200, "    b");
            }
            drop(client);
            drop(world);
            writing.join().expect("it ends");
        }),
        case("0.6 an error during an unread upload is read by the client", || {
            let world = World::with(Setup { maintenance: true, ..Setup::default() });
            let mut client = world.client();
            client.try_send(post("Content-Length: 400000", &"x".repeat(400_000)));
            is_refused(&mut client, &[503]);
        }),
        case("0.6 a refusal of a head with an unread body is read by the client", || {
            let world = World::shop();
            let mut client = world.client();
            client.try_send(post("Content-Length: 400000\r\nX A: 1", &"x".repeat(400_000)));
            is_refused(&mut client, &[400]);
        }),
    ]
}

fn leaving() -> Vec<Case> {
    vec![
        case("0.7 a client that leaves while waiting frees its dyno", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            drop(client);
            dyno.ends();
        }),
        case("0.7 a client that leaves with another request sent frees its dyno", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET.repeat(2));
            let mut dyno = world.dyno();
            dyno.head();
            drop(client);
            dyno.ends();
        }),
        case("0.7 a client that leaves in the middle of a response frees its dyno", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            client.head();
            drop(client);
            assert!(eventually(|| !dyno.try_send("1\r\nx\r\n")), "the router went on reading");
        }),
    ]
}

fn dyno_keep_alive() -> Vec<Case> {
    let world = || World::feature(&["keep-alive"]);
    vec![
        case("1.5 keep-alive: a dyno's connection is used again", move || {
            let world = world();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            for _ in 0..3 {
                dyno.send(OK);
                client.gets(200, "hello");
                client.send(GET);
                dyno.head();
            }
        }),
        case("1.5 keep-alive: nothing asks the dyno to close", move || {
            let head = reach(&world(), GET.as_bytes(), &mut None).head;
            assert!(!head.closes(), "{head:#?}");
        }),
        case("1.5 keep-alive: another client may get the connection", move || {
            let world = world();
            let mut dynos: Vec<Conn> = Vec::new();
            // A connection may come back a moment after its response is through: not each time must do.
            for _ in 0..20 {
                let mut client = world.client();
                client.send(GET);
                let mut who = None;
                assert!(eventually(|| {
                    who = dynos.iter().position(Conn::has_more);
                    if who.is_none() {
                        dynos.extend(world.try_dyno(0));
                    }
                    who.is_some()
                }));
                let dyno = &mut dynos[who.expect("one got it")];
                dyno.head();
                dyno.send(OK);
                client.gets(200, "hello");
            }
            assert!(dynos.len() < 20, "each client got a connection of its own");
        }),
        case("1.5 keep-alive: the dyno's close holds", move || {
            let world = world();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            assert!(!dyno.head().closes());
            dyno.send(OK.replacen("\r\n", "\r\nConnection: close\r\n", 1));
            client.gets(200, "hello");
            reach(&world, GET.as_bytes(), &mut Some(client));
        }),
        stale("1.5 keep-alive: a GET on a stale connection is sent again", GET.to_owned(), true),
        stale("1.5 keep-alive: a POST on a stale connection is not", post("Content-Length: 5", "hello"), false),
        poisoned("4 keep-alive: a 204 with a body poisons the connection", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
        poisoned("4 keep-alive: bytes after a response poison the connection", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\nx"),
    ]
}

/// The dyno drops a connection at the moment that it is used again.
fn stale(name: &str, request: String, again: bool) -> Case {
    case(name, move || {
        let world = World::feature(&["keep-alive"]);
        let mut client = world.client();
        client.send(GET);
        let mut dyno = world.dyno();
        dyno.head();
        dyno.send(OK);
        client.gets(200, "hello");
        client.send(&request);
        // It has the request, so the router has used the connection.
        dyno.head();
        drop(dyno);
        if again {
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(OK);
            client.gets(200, "hello");
        } else {
            is_refused(&mut client, &[503]);
            world.dynos_are_left_alone();
        }
    })
}

fn poisoned(name: &str, response: &'static str) -> Case {
    case(name, move || {
        let world = World::feature(&["keep-alive"]);
        let mut client = world.client();
        client.send(GET);
        let mut dyno = world.dyno();
        assert!(!dyno.head().closes());
        dyno.send(response);
        assert_eq!(client.head().status(), 204);
        reach(&world, GET.as_bytes(), &mut Some(client));
    })
}
