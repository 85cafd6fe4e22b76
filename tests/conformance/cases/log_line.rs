//! 2.4: the heroku[router] line, field by field.

use crate::{
    Case, case,
    play::{GET, OK, answer, get, is_refused, reach},
    world::{World, like},
};

/// What the line of this request is.
fn logged(name: &str, request: impl Into<String>, response: &'static str, pattern: &'static str) -> Case {
    let request = request.into();
    case(name, move || {
        let world = World::shop();
        let mut client = world.client();
        client.send(&request);
        let mut dyno = world.dyno();
        let head = dyno.head();
        dyno.body(&head);
        dyno.try_send(response);
        drop(dyno);
        client.head();
        world.logs(pattern);
    })
}

pub(crate) fn cases() -> Vec<Case> {
    let target = |target: &str| GET.replace("/ HTTP", &format!("{target} HTTP"));
    vec![
        logged(
            "2.4 an ordinary request",
            GET,
            OK,
            "at=info method=GET path=\"/\" host=shop.test request_id=* fwd=\"127.0.0.1\" dyno=web.1 connect=#ms service=#ms status=200 bytes=# protocol=http1.1 tls=false",
        ),
        logged(
            "2.4 path and query, raw",
            target("/a%20b/?q=x%22y&z=%41"),
            OK,
            "at=info method=GET path=\"/a%20b/?q=x%22y&z=%41\" host=shop.test request_id=* fwd=\"127.0.0.1\" dyno=web.1 connect=#ms service=#ms status=200 bytes=# protocol=http1.1 tls=false",
        ),
        logged(
            "74 a quote in the path cannot forge a field",
            target("/a\"status=200\"?\""),
            OK,
            "at=info method=GET path=\"/a%22status=200%22?%22\" host=shop.test request_id=* fwd=\"127.0.0.1\" dyno=web.1 connect=#ms service=#ms status=200 bytes=# protocol=http1.1 tls=false",
        ),
        logged(
            "74 a quote in X-Forwarded-For cannot forge a field",
            get("X-Forwarded-For: 1.2.3.4\" dyno=web.9"),
            OK,
            "at=info method=GET path=\"/\" host=shop.test request_id=* fwd=\"1.2.3.4%22 dyno=web.9, 127.0.0.1\" dyno=web.1 connect=#ms service=#ms status=200 bytes=# protocol=http1.1 tls=false",
        ),
        logged(
            "2.4 host in lower case, without port",
            GET.replace("shop.test", "SHOP.test:81"),
            OK,
            "at=info method=GET path=\"/\" host=shop.test request_id=* fwd=\"127.0.0.1\" dyno=web.1 connect=#ms service=#ms status=200 bytes=# protocol=http1.1 tls=false",
        ),
        logged(
            "2.4 the app's own error is no code",
            GET,
            "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
            "at=info method=GET path=\"/\" host=shop.test request_id=* fwd=\"127.0.0.1\" dyno=web.1 connect=#ms service=#ms status=500 bytes=# protocol=http1.1 tls=false",
        ),
        case("2.4 the version of a client of HTTP/1.0", || {
            let world = World::shop();
            answer(&world, "GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n", OK.as_bytes());
            let said = world.line();
            assert!(said.ends_with(" protocol=http1.0 tls=false"), "{said}");
        }),
        case("2.4 bytes are the bytes from the dyno: the body at least", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
            dyno.send(&answer);
            client.response();
            let said = world.line();
            let bytes: usize = said.split(" bytes=").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|bytes| bytes.parse().ok()).expect("it is there");
            assert!([100_000, answer.len()].contains(&bytes), "{said}");
        }),
        case("2.4 one line per request, when it ends", || {
            let world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            client.head();
            client.expect("hello");
            world.no_line();
            dyno.send("world");
            client.expect("world");
            assert!(world.line().contains(" bytes="));
            let mut client = Some(client);
            reach(&world, get("X-Request-Id: second-second-second-").as_bytes(), &mut client);
            assert!(world.line().contains(" request_id=second-second-second- "));
            world.no_line();
        }),
        case("1.10 a request that no app can be blamed for is no log's", || {
            let world = World::shop();
            let mut client = world.client();
            client.send("GET / HTTP/1.1\r\nHost: shop.test\r\nHost: other.test\r\n\r\n");
            is_refused(&mut client, &[400]);
            world.no_line();
        }),
        case("2.4 the time of a line is Heroku's", || {
            assert!(like("2026-11-21T03:00:00.123456+00:00", "#-#-#T#:#:#.#+00:00"));
            let world = World::shop();
            reach(&world, GET.as_bytes(), &mut None);
            // It looks at the time of every line.
            world.line();
        }),
    ]
}
