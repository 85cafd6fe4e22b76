//! What the dyno and the client get to see of each other's heads.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;

use super::harness::{World, read_head, values};

/// What a dyno sees of this request, and the client of this response.
async fn seen(request: &str, response: &'static str) -> (String, String) {
    let kept = Arc::new(Mutex::new(String::new()));
    let keep = kept.clone();
    let world = World::with_dyno(move |mut io| {
        let keep = keep.clone();
        async move {
            let head = read_head(&mut io).await;
            *keep.lock().unwrap() = head;
            io.write_all(response.as_bytes()).await.unwrap();
        }
    });
    let answer = world.exchange(request).await;
    let head = kept.lock().unwrap().clone();
    (head, answer)
}

const EMPTY: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn the_dyno_learns_who_asked() {
    let (head, _) = seen("GET /a?b HTTP/1.1\r\nHost: Shop.localhost:8080\r\nUser-Agent: t\r\nConnection: close\r\n\r\n", EMPTY).await;
    assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{head}");
    for (name, value) in [
        ("Host", "Shop.localhost:8080"),
        ("User-Agent", "t"),
        ("Connection", "close"),
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", "8080"),
        ("X-Request-Start", "1767225600000"),
        ("Via", "1.1 mypaas-router"),
    ] {
        assert_eq!(values(&head, name), [value], "{name} in {head}");
    }
    let id = uuid::Uuid::parse_str(values(&head, "X-Request-Id")[0]).unwrap();
    assert_eq!(id.get_version_num(), 4);
    assert!(values(&head, "Content-Length").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_client_claims_is_joined_or_overwritten() {
    let (head, _) = seen(
        "GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\nX-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2, 3.3.3.3\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\nX-Request-Start: 1\r\nX-Request-Start: 2\r\nX-Request-Id: too-short\r\nVia: 1.0 a\r\nVia: 1.1 b\r\n\
         X-Forwarded-Host: evil\r\nForwarded: for=evil\r\n\r\n",
        EMPTY,
    )
    .await;
    for (name, value) in [
        ("X-Forwarded-For", "1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", "8080"),
        ("X-Request-Start", "1767225600000"),
        ("Via", "1.0 a, 1.1 b, 1.1 mypaas-router"),
        ("X-Forwarded-Host", "evil"),
        ("Forwarded", "for=evil"),
    ] {
        assert_eq!(values(&head, name), [value], "{name} in {head}");
    }
    assert_eq!(values(&head, "X-Request-Id")[0].len(), 36);
}

#[tokio::test(start_paused = true)]
async fn request_ids() {
    let longest = "a".repeat(200);
    for (id, kept) in [
        ("abcdefghij0123456789", true),
        (longest.as_str(), true),
        ("ABC+/=-defghij0123456789", true),
        ("abcdefghij012345678", false),
        (&"a".repeat(201), false),
        ("abcdefghij0123456789_", false),
        ("abcdefghij 0123456789", false),
        ("abcdefghij0123456789\r\nX-Request-Id: abcdefghij0123456789", false),
    ] {
        let (head, _) = seen(&format!("GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\nX-Request-Id: {id}\r\n\r\n"), EMPTY).await;
        assert_eq!(values(&head, "X-Request-Id") == [id], kept, "{id}");
        assert_eq!(values(&head, "X-Request-Id").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn hop_by_hop_ends_here() {
    let (head, answer) = seen(
        "GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close, X-Mine, X-Forwarded-For, Host, X-Request-Id\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
         Proxy-Authorization: secret\r\nProxy-Connection: close\r\nUpgrade: h3\r\nX-Forwarded-For: 1.1.1.1\r\nAuthorization: kept\r\n\r\n",
        "HTTP/1.1 200 Fine\r\nConnection: close, X-Theirs\r\nX-Theirs: 1\r\nKeep-Alive: 5\r\nServer: app\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         Via: 1.1 inner\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    for name in ["X-Mine", "Keep-Alive", "TE", "Proxy-Authorization", "Proxy-Connection", "Upgrade"] {
        assert!(values(&head, name).is_empty(), "{name} in {head}");
    }
    assert_eq!(values(&head, "X-Forwarded-For"), ["1.1.1.1, 192.0.2.7"], "a nomination takes nothing of the router's");
    assert_eq!((values(&head, "Host"), values(&head, "Authorization")), (vec!["shop.localhost"], vec!["kept"]));

    assert!(answer.starts_with("HTTP/1.1 200 Fine\r\n"), "{answer}");
    for name in ["X-Theirs", "Keep-Alive"] {
        assert!(values(&answer, name).is_empty(), "{name} in {answer}");
    }
    assert_eq!(values(&answer, "Via"), ["1.1 inner, 1.1 mypaas-router"]);
    assert_eq!(values(&answer, "Set-Cookie"), ["a=1", "b=2"]);
    assert_eq!((values(&answer, "Server"), values(&answer, "Date")), (vec!["app"], vec!["Thu, 01 Jan 2026 00:00:00 GMT"]));
}

#[tokio::test(start_paused = true)]
async fn lengths() {
    let close = "Host: shop.localhost\r\nConnection: close\r\n";
    let (head, _) = seen(&format!("POST / HTTP/1.1\r\n{close}\r\n"), EMPTY).await;
    assert_eq!(values(&head, "Content-Length"), ["0"]);
    let (head, _) = seen(&format!("GET / HTTP/1.1\r\n{close}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), EMPTY).await;
    assert_eq!((values(&head, "Transfer-Encoding"), values(&head, "Content-Length").len()), (vec!["chunked"], 0));
    let (head, _) = seen(&format!("DELETE / HTTP/1.1\r\n{close}Content-Length: 2\r\n\r\nhi"), EMPTY).await;
    assert_eq!(values(&head, "Content-Length"), ["2"]);
    // A dyno that says both is framed by its chunks.
    let (_, answer) =
        seen(&format!("GET / HTTP/1.1\r\n{close}\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
            .await;
    assert!(values(&answer, "Content-Length").is_empty() && answer.ends_with("\r\n\r\n2\r\nhi\r\n0\r\n\r\n"), "{answer}");
    // Equal lengths are one.
    let (_, answer) = seen(&format!("GET / HTTP/1.1\r\n{close}\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!(values(&answer, "Content-Length"), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn answers_without_a_body() {
    for (request, response) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    ] {
        let world = World::answering(response);
        let mut client = world.connect();
        // The client's connection is its own: it stays open whatever the dyno's does.
        for _ in 0..2 {
            client.write_all(format!("{request} / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n").as_bytes()).await.unwrap();
            let head = read_head(&mut client).await;
            assert!(head.starts_with(&response[..12]), "{head}");
            assert!(!values(&head, "Connection").contains(&"close"), "{head}");
            if request == "HEAD" {
                assert_eq!(values(&head, "Content-Length"), ["500"]);
            }
        }
        drop(client);
        assert!(world.said.all().iter().all(|event| event.code.is_none() && event.bytes == Some(0)));
    }
}

#[tokio::test(start_paused = true)]
async fn old_clients() {
    let (head, answer) =
        seen("GET / HTTP/1.0\r\nHost: shop.localhost\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").await;
    assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
    assert!(answer.ends_with("\r\n\r\nhi") && values(&answer, "Transfer-Encoding").is_empty(), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn expectations() {
    let request = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\nhi";
    let (head, answer) = seen(request, EMPTY).await;
    assert!(values(&head, "Expect").is_empty());
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 "), "{answer}");
    for (value, status) in [("100-continue, auth", "417"), ("2000", "417"), ("100 continue", "400")] {
        let world = World::answering(EMPTY);
        let answer = world.exchange(&request.replace("100-Continue", value)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_headers_pass() {
    let many: String = (0..990).map(|index| format!("X-{index}: {}\r\n", "v".repeat(300))).collect();
    let (head, answer) = seen(&format!("GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n{many}\r\n"), EMPTY).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert!(head.contains("X-989: "));
}
