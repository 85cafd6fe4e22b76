//! HTTP/2 clients get what HTTP/1 clients get.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Response, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::harness::{OK, SETTINGS, World, read_head, values};

async fn connect(world: &World) -> SendRequest<Bytes> {
    let (ours, theirs) = duplex(64 * 1024);
    tokio::spawn(crate::http2::serve(world.worker.clone(), theirs, SETTINGS.peer([192, 0, 2, 7].into())));
    let (client, connection) = h2::client::handshake(ours).await.unwrap();
    tokio::spawn(async move {
        // The router ends it, or the test does.
        let _ = connection.await;
    });
    client
}

async fn exchange(world: &World, request: Request<()>, body: Option<&[u8]>) -> (Response<()>, Vec<u8>) {
    let mut client = connect(world).await.ready().await.unwrap();
    let (answer, mut upload) = client.send_request(request, body.is_none()).unwrap();
    if let Some(body) = body {
        upload.send_data(Bytes::copy_from_slice(body), true).unwrap();
    }
    let (parts, mut stream) = answer.await.unwrap().into_parts();
    let mut seen = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.unwrap();
        stream.flow_control().release_capacity(data.len()).unwrap();
        seen.extend_from_slice(&data);
    }
    (Response::from_parts(parts, ()), seen)
}

#[tokio::test(start_paused = true)]
async fn a_request_like_any_other() {
    let world = World::with_dyno(|mut io| async move {
        let head = read_head(&mut io).await;
        assert!(head.starts_with("GET /a?b HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n"), "{head}");
        assert_eq!((values(&head, "Cookie"), values(&head, "X-Forwarded-For")), (vec!["a=1; b=2"], vec!["192.0.2.7"]));
        io.write_all(OK.as_bytes()).await.unwrap();
    });
    let request = Request::get("http://shop.localhost/a?b").header("cookie", "a=1").header("cookie", "b=2").body(()).unwrap();
    let (answer, body) = exchange(&world, request, None).await;
    assert_eq!((answer.status().as_u16(), &body[..]), (200, &b"hello"[..]));
    assert!(answer.headers().get("connection").is_none());
    let line = world.line().await;
    assert!(line.contains(" status=200 bytes=5 protocol=http2.0 "), "{line}");
    assert_eq!(world.said.all()[0].version, Version::HTTP_2);
}

#[tokio::test(start_paused = true)]
async fn bodies_of_any_framing() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", "to the end"),
        ("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
    ] {
        let world = World::with_dyno(move |mut io| async move {
            let head = read_head(&mut io).await;
            assert_eq!(values(&head, "Transfer-Encoding"), ["chunked"]);
            let mut body = String::new();
            while !body.ends_with("0\r\n\r\n") {
                body.push(char::from(io.read_u8().await.unwrap()));
            }
            assert_eq!(body, "6\r\nupload\r\n0\r\n\r\n");
            io.write_all(answer.as_bytes()).await.unwrap();
        });
        let (head, body) = exchange(&world, Request::post("http://shop.localhost/").body(()).unwrap(), Some(b"upload")).await;
        assert_eq!((head.status().as_u16(), String::from_utf8(body).unwrap().as_str()), (200, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_fills_the_window_to_the_byte_ends() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        for part in ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "a\r\n0123456789\r\n", "0\r\n", "Expires: never\r\n\r\n"] {
            io.write_all(part.as_bytes()).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    });
    let (ours, theirs) = duplex(64 * 1024);
    tokio::spawn(crate::http2::serve(world.worker.clone(), theirs, SETTINGS.peer([192, 0, 2, 7].into())));
    let (client, connection) = h2::client::Builder::new().initial_window_size(10).handshake::<_, Bytes>(ours).await.unwrap();
    tokio::spawn(connection);
    let (answer, _) = client.ready().await.unwrap().send_request(Request::get("http://shop.localhost/").body(()).unwrap(), true).unwrap();
    let mut stream = answer.await.unwrap().into_body();
    // Never a word about having read it.
    assert_eq!(stream.data().await.unwrap().unwrap(), "0123456789");
    while let Some(data) = stream.data().await {
        assert_eq!(data.unwrap(), "");
    }
    assert!(world.line().await.contains(" status=200 bytes=10 "));
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_waits_for_its_client() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n").await.unwrap();
        io.write_all(&vec![b'x'; 3_000_000]).await.unwrap();
    });
    let (_, body) = exchange(&world, Request::get("http://shop.localhost/").body(()).unwrap(), None).await;
    assert_eq!(body.len(), 3_000_000);
}

#[tokio::test(start_paused = true)]
async fn errors_have_their_pages_and_codes() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
    });
    let (answer, body) = exchange(&world, Request::get("http://shop.localhost/").body(()).unwrap(), None).await;
    assert_eq!(answer.status().as_u16(), 503);
    assert!(String::from_utf8(body).unwrap().contains("H13"));
    assert!(world.line().await.contains("code=H13"));
}

#[tokio::test(start_paused = true)]
async fn a_request_taken_back_is_h27() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        assert_eq!(io.read(&mut [0]).await.unwrap(), 0);
    });
    let mut client = connect(&world).await.ready().await.unwrap();
    let (answer, mut upload) = client.send_request(Request::get("http://shop.localhost/").body(()).unwrap(), true).unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    upload.send_reset(h2::Reason::CANCEL);
    drop(answer);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(world.line().await.contains("code=H27"));
}
