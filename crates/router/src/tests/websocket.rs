//! Connections that change their protocol.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::sleep,
};

use super::harness::{World, read_head, values};

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: shop.localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

async fn echo(mut io: DuplexStream) {
    let head = read_head(&mut io).await;
    assert_eq!((values(&head, "Connection"), values(&head, "Upgrade")), (vec!["Upgrade"], vec!["websocket"]), "{head}");
    io.write_all(SWITCH.as_bytes()).await.unwrap();
    let (mut from, mut to) = tokio::io::split(io);
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

async fn open(world: &World) -> DuplexStream {
    let mut client = world.connect();
    client.write_all(ASK.as_bytes()).await.unwrap();
    let head = read_head(&mut client).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!((values(&head, "Connection"), values(&head, "Upgrade")), (vec!["Upgrade"], vec!["websocket"]), "{head}");
    assert_eq!(values(&head, "Sec-WebSocket-Accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    client
}

async fn said(client: &mut DuplexStream, word: &[u8; 4]) {
    client.write_all(word).await.unwrap();
    let mut back = [0; 4];
    client.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, word);
}

#[tokio::test(start_paused = true)]
async fn words_go_both_ways_until_the_client_leaves() {
    let world = World::with_dyno(echo);
    let mut client = open(&world).await;
    said(&mut client, b"ping").await;
    // Longer than any limit, as long as something moves.
    for _ in 0..5 {
        sleep(Duration::from_secs(50)).await;
        said(&mut client, b"tick").await;
    }
    assert!(world.said.all().is_empty(), "the line comes at the end");
    drop(client);
    let line = world.line().await;
    assert!(line.starts_with("at=info method=GET path=\"/chat\" ") && line.contains(" service=25000"), "{line}");
    assert!(line.contains(&format!(" status=101 bytes={} ", SWITCH.len() + 24)), "{line}");
}

#[tokio::test(start_paused = true)]
async fn bytes_in_one_direction_are_enough() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(SWITCH.as_bytes()).await.unwrap();
        let _ = io.read_to_end(&mut Vec::new()).await;
    });
    let mut client = open(&world).await;
    for _ in 0..5 {
        sleep(Duration::from_secs(50)).await;
        client.write_all(b"tick").await.unwrap();
    }
    assert!(world.said.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn h15_fifty_five_seconds_of_silence() {
    let world = World::with_dyno(echo);
    let mut client = open(&world).await;
    said(&mut client, b"ping").await;
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    let line = world.line().await;
    assert!(line.starts_with("at=error code=H15 desc=\"Idle connection\" ") && line.contains(" service=5500") && line.contains(" status=101 "), "{line}");
}

#[tokio::test(start_paused = true)]
async fn what_comes_with_the_handshake_is_not_lost() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(format!("{SWITCH}hello").as_bytes()).await.unwrap();
        let mut early = [0; 5];
        io.read_exact(&mut early).await.unwrap();
        io.write_all(&early).await.unwrap();
    });
    let mut client = world.connect();
    client.write_all(format!("{ASK}early").as_bytes()).await.unwrap();
    read_head(&mut client).await;
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "helloearly", "and the dyno's end is the client's");
    assert!(world.line().await.starts_with("at=info "));
}

#[tokio::test(start_paused = true)]
async fn a_dyno_may_decline() {
    let world = World::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let mut client = world.connect();
    client.write_all(ASK.as_bytes()).await.unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 403 "));
    client.read_exact(&mut [0; 2]).await.unwrap();
    assert!(world.line().await.contains(" status=403 bytes=2 "));
    // And the client may go on asking.
    client.write_all(super::harness::GET.as_bytes()).await.unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test(start_paused = true)]
async fn nobody_switches_unasked_and_nobody_to_http2() {
    let world = World::answering(SWITCH);
    let answer = world.exchange("GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(world.line().await.contains("code=H25"));

    let world = World::with_dyno(|mut io| async move {
        let head = read_head(&mut io).await;
        for name in ["Upgrade", "HTTP2-Settings"] {
            assert!(values(&head, name).is_empty(), "{head}");
        }
        assert_eq!(values(&head, "Connection"), ["close"]);
        io.write_all(super::harness::OK.as_bytes()).await.unwrap();
    });
    let ask =
        "GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    assert!(world.exchange(ask).await.ends_with("hello"));
}
