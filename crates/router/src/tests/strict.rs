//! What two parsers could read differently does not pass.

use super::harness::{OK, World};

async fn status(request: &str) -> String {
    let world = World::answering(OK);
    world.exchange(request).await.split(' ').nth(1).unwrap_or("none").to_owned()
}

#[tokio::test(start_paused = true)]
async fn refused() {
    let long = "x".repeat(10_000);
    for (request, expected) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: shop.localhost\r\nHost: shop.localhost\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: shop.localhost\r\nHost: other.localhost\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: shop.localhost:80x\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: shop.localhost code=H10\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a@shop.localhost\r\n\r\n", "400"),
        ("GET http://other.localhost/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n", "400"),
        ("CONNECT shop.localhost:443 HTTP/1.1\r\nHost: shop.localhost\r\n\r\n", "405"),
        ("GET / HTTP/1.1\r\nHost : shop.localhost\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: shop.localhost\r\nA: b\r\n c\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: shop.localhost\r\nno colon\r\n\r\n", "400"),
        ("GET / HTTP/2.0\r\nHost: shop.localhost\r\n\r\n", "505"),
        ("POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: +5\r\n\r\nhello", "400"),
        ("POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 5, 5\r\n\r\nhello", "400"),
        ("POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"),
        ("POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: gzip\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400"),
        ("POST / HTTP/1.0\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: upgrade\r\n\r\n", "400"),
        (&format!("GET /{long} HTTP/1.1\r\nHost: shop.localhost\r\n\r\n"), "414"),
        (&format!("GET / HTTP/1.1\r\nHost: shop.localhost\r\nA: {long}\r\n\r\n"), "400"),
        (&format!("GET / HTTP/1.1\r\nHost: shop.localhost\r\n{}: a\r\n\r\n", "n".repeat(1001)), "400"),
    ] {
        assert_eq!(status(request).await, expected, "{}", &request[..request.len().min(200)]);
    }
}

#[tokio::test(start_paused = true)]
async fn read_in_one_way_only() {
    for request in [
        "GET http://shop.localhost/ HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: SHOP.localhost.\r\nConnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        assert_eq!(status(request).await, "200", "{request}");
    }
}

/// The chunks frame the body, the length is dropped, and the client's connection ends with the answer: what a front that
/// believed the length holds for a second request is never read.
#[tokio::test(start_paused = true)]
async fn a_length_beside_chunks_smuggles_nothing() {
    for (first, second) in [("Content-Length: 45\r\n", "Transfer-Encoding: chunked\r\n"), ("Transfer-Encoding: chunked\r\n", "Content-Length: 45\r\n")] {
        let world = World::with_dyno(|mut io| async move {
            use tokio::io::AsyncWriteExt;
            let head = super::harness::read_head(&mut io).await;
            assert!(super::harness::values(&head, "Content-Length").is_empty(), "{head}");
            assert_eq!(super::harness::values(&head, "Transfer-Encoding"), ["chunked"]);
            assert_eq!(super::harness::read_head(&mut io).await, "0\r\n\r\n");
            io.write_all(OK.as_bytes()).await.unwrap();
        });
        let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";
        let answer = world.exchange(&format!("POST / HTTP/1.1\r\nHost: shop.localhost\r\n{first}{second}\r\n{smuggled}")).await;
        assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
        assert_eq!(world.said.all().len(), 1);
    }
}
