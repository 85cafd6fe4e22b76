//! What goes wrong once the client has part of an answer: only its connection can tell it.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use super::harness::{GET, World, read_head};

#[tokio::test(start_paused = true)]
async fn h18_cuts_the_client_and_keeps_the_status() {
    for response in ["HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let world = World::answering(response);
        let seen = world.exchange(GET).await;
        assert!(seen.starts_with("HTTP/1.1 201 Created\r\n") && seen.contains("half") && !seen.ends_with("0\r\n\r\n"), "{seen}");
        let line = world.line().await;
        assert!(line.starts_with("sock=backend at=error code=H18 "), "{line}");
        assert!(line.contains(" status=201 bytes=4 "), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn h15_fifty_five_seconds_between_bytes() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").await.unwrap();
        for _ in 0..4 {
            sleep(Duration::from_secs(50)).await;
            io.write_all(b"x").await.unwrap();
        }
        let _ = io.read(&mut [0]).await;
    });
    let seen = world.exchange(GET).await;
    assert!(seen.ends_with("\r\n\r\nxxxx"), "{seen}");
    let line = world.line().await;
    assert!(line.starts_with("at=error code=H15 desc=\"Idle connection\" ") && line.contains(" status=200 bytes=4 "), "{line}");
    assert_eq!(world.said.all()[0].service.unwrap().as_secs(), 255);
}

#[tokio::test(start_paused = true)]
async fn bytes_of_an_upload_keep_a_silent_answer_alive() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await.unwrap();
        let mut body = [0; 4];
        io.read_exact(&mut body).await.unwrap();
        io.write_all(b"4\r\n").await.unwrap();
        io.write_all(&body).await.unwrap();
        io.write_all(b"\r\n0\r\n\r\n").await.unwrap();
    });
    let mut client = world.connect();
    client.write_all(b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\n").await.unwrap();
    for byte in [b"a", b"b", b"c", b"d"] {
        sleep(Duration::from_secs(50)).await;
        client.write_all(byte).await.unwrap();
    }
    let mut seen = String::new();
    client.read_to_string(&mut seen).await.unwrap();
    assert!(seen.contains("abcd") && seen.ends_with("0\r\n\r\n"), "{seen}");
    assert!(world.line().await.starts_with("at=info method=POST "));
}

#[tokio::test(start_paused = true)]
async fn h27_the_client_leaves_in_the_middle() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
        assert_eq!(io.read(&mut [0]).await.unwrap(), 0, "the router lets go");
    });
    let mut client = world.connect();
    client.write_all(GET.as_bytes()).await.unwrap();
    read_head(&mut client).await;
    client.read_exact(&mut [0; 4]).await.unwrap();
    drop(client);
    let line = world.line().await;
    assert!(line.starts_with("sock=client at=warning code=H27 ") && line.contains(" status=499 bytes=4 "), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_cut() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").await.unwrap();
        while io.write_all(&[b'x'; 65536]).await.is_ok() {}
    });
    let mut client = world.connect();
    client.write_all(GET.as_bytes()).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    let line = world.line().await;
    assert!(line.contains("status=200") && line.contains("code=H15"), "{line}");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() < 10_000_000, "{}", rest.len());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_slow_is_not() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n").await.unwrap();
        io.write_all(&vec![b'x'; 3_000_000]).await.unwrap();
    });
    let mut client = world.connect();
    client.write_all(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut seen = 0;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        sleep(Duration::from_secs(20)).await;
        match client.read(&mut buffer).await.unwrap() {
            0 => break,
            count => seen += count,
        }
    }
    assert!(seen > 3_000_000, "{seen}");
    assert!(world.line().await.contains(" status=200 bytes=3000000 "));
}
