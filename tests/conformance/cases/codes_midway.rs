//! 2.1: codes after a response began: the status is out, the client is cut, the log tells.

use super::codes::line;
use crate::{
    Case, case,
    play::{GET, post},
    wire::Conn,
    world::{Setup, World},
};

/// The client has the head and `hello` of a longer answer.
fn begun(world: &World) -> (Conn, Conn) {
    let mut client = world.client();
    client.send(GET);
    let mut dyno = world.dyno();
    dyno.head();
    dyno.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(client.head().status(), 200);
    client.expect("hello");
    (client, dyno)
}

pub(crate) fn cases() -> Vec<Case> {
    let idle = || World::with(Setup { timeouts: &[("first_byte", "600ms"), ("between_bytes", "500ms")], ..Setup::default() });
    vec![
        case("H18 midway: the status stays, the client is cut", || {
            let world = World::shop();
            let (mut client, dyno) = begun(&world);
            drop(dyno);
            client.ends();
            world.logs(&line("sock=backend at=error code=H18 desc=\"Server Request Interrupted\"", "dyno=web.1 connect=#ms service=#ms status=200 bytes=5"));
        }),
        case("H18 midway in chunks: no terminator", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            client.head();
            client.expect("5\r\nhello\r\n");
            drop(dyno);
            client.ends();
            assert!(world.line().starts_with("sock=backend at=error code=H18 "));
        }),
        case("H15 midway: the dyno falls silent", move || {
            let world = idle();
            let (mut client, mut dyno) = begun(&world);
            client.ends();
            dyno.ends();
            world.logs(&line("at=error code=H15 desc=\"Idle connection\"", "dyno=web.1 connect=#ms service=#ms status=200 bytes=5"));
        }),
        case("1.8 each byte of a response moves the limit", move || {
            let world = idle();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
            client.head();
            for _ in 0..12 {
                std::thread::sleep(std::time::Duration::from_millis(100));
                dyno.send("x");
                client.expect("x");
            }
            assert!(world.line().starts_with("at=info "));
        }),
        case("1.8 each byte of an upload moves the limit of a silent response", move || {
            let world = idle();
            let mut client = world.client();
            client.send(post("Content-Length: 12", ""));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
            client.head();
            for _ in 0..12 {
                std::thread::sleep(std::time::Duration::from_millis(100));
                client.send("x");
                dyno.expect("x");
            }
            dyno.send("hello");
            client.expect("hello");
            assert!(world.line().starts_with("at=info "));
        }),
        case("H27 midway: the client leaves", || {
            let world = World::shop();
            let (client, dyno) = begun(&world);
            drop(client);
            let said = world.line();
            drop(dyno);
            let pattern = line("sock=client at=warning code=H27 desc=\"Client Request Interrupted\"", "dyno=web.1 connect=#ms service=#ms status=499 bytes=5");
            assert!(crate::world::like(&said, &pattern), "{said}");
        }),
        case("H17 or H18: a bad chunk midway is told to the log", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n");
            client.rest();
            let said = world.line();
            assert!((said.contains(" code=H17 ") || said.contains(" code=H18 ")) && said.contains(" status=200 bytes="), "{said}");
        }),
    ]
}
