//! Bytes pass as they come, in both directions at once.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Mutex,
    time::sleep,
};

use super::harness::{GET, World, read_head, read_until};

#[tokio::test(start_paused = true)]
async fn an_answer_arrives_before_it_is_complete() {
    let (go_on, may) = tokio::sync::mpsc::channel::<()>(1);
    let may = Arc::new(Mutex::new(may));
    let world = World::with_dyno(move |mut io| {
        let may = may.clone();
        async move {
            read_head(&mut io).await;
            io.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await.unwrap();
            may.lock().await.recv().await.unwrap();
            io.write_all(b"4\r\nlast\r\n0\r\n\r\n").await.unwrap();
        }
    });
    let mut client = world.connect();
    client.write_all(GET.as_bytes()).await.unwrap();
    assert!(read_until(&mut client, "first\r\n").await.starts_with("HTTP/1.1 200 OK"));
    go_on.send(()).await.unwrap();
    assert_eq!(read_until(&mut client, "0\r\n\r\n").await, "4\r\nlast\r\n0\r\n\r\n");
}

#[tokio::test(start_paused = true)]
async fn an_upload_arrives_before_it_is_complete() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        read_until(&mut io, "first\r\n").await;
        // The client sends its last chunk only when it has seen this.
        io.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nseen!\r\n").await.unwrap();
        assert_eq!(read_until(&mut io, "0\r\n\r\n").await, "4\r\nlast\r\n0\r\n\r\n");
        io.write_all(b"0\r\n\r\n").await.unwrap();
    });
    let mut client = world.connect();
    client.write_all(b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await.unwrap();
    read_until(&mut client, "seen!\r\n").await;
    client.write_all(b"4\r\nlast\r\n0\r\n\r\n").await.unwrap();
    assert_eq!(read_until(&mut client, "0\r\n\r\n").await, "0\r\n\r\n");
    assert!(world.line().await.contains(" status=200 bytes=5 "));
}

#[tokio::test(start_paused = true)]
async fn what_goes_in_comes_out() {
    const SIZE: usize = 3_000_000;
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes()).await.unwrap();
        let (mut from, mut to) = tokio::io::split(io);
        tokio::io::copy(&mut (&mut from).take(SIZE as u64), &mut to).await.unwrap();
    });
    let sent: Vec<u8> = (0..SIZE).map(|index| (index * 31 % 251) as u8).collect();
    let (mut from, mut to) = tokio::io::split(world.connect());
    to.write_all(format!("PUT / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes()).await.unwrap();
    let received = async {
        read_head(&mut from).await;
        let mut received = vec![0; SIZE];
        from.read_exact(&mut received).await.unwrap();
        received
    };
    let (written, received) = tokio::join!(to.write_all(&sent), received);
    written.unwrap();
    assert!(received == sent, "bytes changed on the way");
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_is_passed_on_though_the_upload_fails() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await.unwrap();
    });
    let mut client = world.connect();
    client.write_all(b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 100000000\r\n\r\n").await.unwrap();
    let (mut from, mut to) = tokio::io::split(client);
    let upload = tokio::spawn(async move { while to.write_all(&[b'x'; 10_000]).await.is_ok() {} });
    let mut answer = String::new();
    from.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 Too Large\r\n") && answer.ends_with("\r\n\r\nno"), "{answer}");
    assert!(world.line().await.contains(" status=413 bytes=2 "));
    upload.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_still_sends_gets_to_read_its_error() {
    let world = World::new(super::harness::shop(vec![]));
    let mut client = world.connect();
    client.write_all(b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 500000\r\n\r\n").await.unwrap();
    // More than fits into the pipe: somebody must be reading it.
    client.write_all(&vec![b'x'; 500_000]).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("H14"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_is_let_go() {
    let world = World::answering(super::harness::OK);
    let mut client = world.connect();
    client.write_all(b"GET / HTT").await.unwrap();
    assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    let mut client = world.connect();
    client.write_all(GET.as_bytes()).await.unwrap();
    read_head(&mut client).await;
    client.read_exact(&mut [0; 5]).await.unwrap();
    sleep(Duration::from_secs(59)).await;
    client.write_all(GET.as_bytes()).await.unwrap();
    read_head(&mut client).await;
    client.read_exact(&mut [0; 5]).await.unwrap();
    sleep(Duration::from_secs(61)).await;
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn announced_trailers_pass() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        assert_eq!(read_until(&mut io, "\r\n\r\n").await.to_lowercase(), "2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n");
        io.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 2\r\n\r\n").await.unwrap();
    });
    let mut client = world.connect();
    let request = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: TE\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
    client.write_all(format!("{request}2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n").as_bytes()).await.unwrap();
    read_head(&mut client).await;
    assert_eq!(read_until(&mut client, "\r\n\r\n").await.to_lowercase(), "2\r\nhi\r\n0\r\nx-sum: 2\r\n\r\n");
}

/// A part of the trailers is nothing to work on: whoever looked at it again and again would never end.
#[tokio::test(start_paused = true)]
async fn trailers_in_pieces_are_waited_for() {
    let world = World::with_dyno(|mut io| async move {
        assert!(super::harness::read_until(&mut io, "0\r\nX-Trailer: there\r\n\r\n").await.contains("\r\n5\r\nhello\r\n"));
        io.write_all(super::harness::OK.as_bytes()).await.unwrap();
    });
    let mut client = world.connect();
    let head = b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n";
    for piece in [&head[..], b"0\r\nX-Trai", b"ler: there", b"\r\n", b"\r\n"] {
        client.write_all(piece).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
}
