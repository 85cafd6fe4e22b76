//! The whole path of requests, with any bytes from a client and any from its dyno.

use std::sync::{Arc, Mutex};

use domain::route::{Condition, Features, Route};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::{Duration, sleep, timeout},
};

use super::{
    harness::{SETTINGS, World, backend, shop},
    simulation::in_virtual_time,
};
use crate::http1::{
    body::{Body, Framing},
    head::HeadReader,
    request, response,
};

/// Between what the client sends and what the dyno does.
const BORDER: &[u8] = b"\n=====\n";

/// The first byte chooses sizes and features, then come the client's bytes, the border, and the dyno's.
fn request_path(bytes: &[u8]) -> String {
    let Some((&choice, bytes)) = bytes.split_first() else { return "nothing".to_owned() };
    let border = bytes.windows(BORDER.len()).position(|window| window == BORDER);
    let (asks, answers) = border.map_or((bytes, &b""[..]), |at| (&bytes[..at], &bytes[at + BORDER.len()..]));
    in_virtual_time(pass(choice, asks.to_vec(), answers.to_vec()))
}

async fn pass(choice: u8, asks: Vec<u8>, answers: Vec<u8>) -> String {
    let features = Features { keep_alive: choice & 1 > 0, end_to_end_continue: choice & 2 > 0, session_affinity: choice & 4 > 0, least_in_flight: false };
    let world = World::new(Route { features, ..shop(vec![backend(1, Condition::Up)]) });
    let size = [1, 7, 300, 70_000][usize::from(choice >> 3 & 3)];
    let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let all = heard.clone();
    world.dynos.serve(1, size, move |io| {
        let (all, answers) = (all.clone(), answers.clone());
        async move {
            let (mut reader, mut writer) = tokio::io::split(io);
            let speak = async {
                // Some dynos speak before they have heard all.
                sleep(Duration::from_millis(u64::from(choice >> 5) * 10)).await;
                let _ = writer.write_all(&answers).await;
                let _ = writer.shutdown().await;
            };
            let mut got = Vec::new();
            let listen = reader.read_to_end(&mut got);
            let _ = tokio::join!(speak, listen);
            all.lock().unwrap().push(got);
        }
    });
    let (client, theirs) = duplex(size);
    world.router.tasks.spawn(world.worker.clone().serve_connection(theirs, SETTINGS.peer([192, 0, 2, 7].into())));
    let (mut reader, mut writer) = tokio::io::split(client);
    let mut got = Vec::new();
    // A router that is done hangs up; one that waits does so in the end.
    let ended = timeout(Duration::from_secs(100_000), async { tokio::join!(writer.write_all(&asks), reader.read_to_end(&mut got)) }).await;
    assert!(ended.is_ok(), "the client is never let go");
    // Dynos hear of the end too.
    sleep(Duration::from_secs(200)).await;
    assert_eq!(world.router.tasks.len(), 0, "somebody still works at it");

    let heard = std::mem::take(&mut *heard.lock().unwrap());
    heard.iter().for_each(|bytes| one_request(bytes, features.keep_alive));
    let said = world.said.all();
    said.iter().for_each(|event| assert!(event.line().bytes().all(|byte| (b' '..0x7f).contains(&byte) || byte >= 0x80), "{:?}", event.line()));
    assert!(heard.len() <= said.len() * 2, "more reaches dynos than is told");
    if !got.is_empty() {
        let mut lines = HeadReader::default();
        // A head that is cut off is none.
        if let Ok(Some(length)) = lines.advance(&got, &response::LIMITS) {
            response::understand(&got, &lines, length, false).expect("what comes down is HTTP");
        }
    }
    let codes: Vec<_> = said.iter().take(3).map(|event| event.code.map_or("ok", |code| code.code())).collect();
    format!("{codes:?} {}", String::from_utf8_lossy(got.get(9..12).unwrap_or_default()))
}

/// What a dyno got on one connection is one request and nothing behind it, unless the connection is used again or switched.
fn one_request(bytes: &[u8], again: bool) {
    let mut lines = HeadReader::default();
    let Some(length) = lines.advance(bytes, &request::LIMITS).expect("a dyno gets HTTP") else { return };
    let head = request::understand(bytes, &lines, length).expect("a dyno gets requests");
    assert_eq!(head.fault, None);
    let mut rest = bytes[length..].to_vec();
    let mut body = Body::new(head.framing, true);
    if head.framing == Framing::Empty || !body.is_done() {
        let step = body.advance(&mut rest).expect("a dyno gets bodies");
        rest.drain(..step.consumed);
    }
    assert!(rest.is_empty() || again || head.upgrade.is_some() || !body.is_done(), "a dyno gets more than it was asked: {:?}", String::from_utf8_lossy(&rest));
}

#[test]
fn fuzz_request_path() {
    let words: &[&[u8]] = &[
        BORDER,
        b"GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: shop.localhost\r\n",
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n5\r\nhello\r\n0\r\n\r\n",
        b"X-Trailer: x\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 101 S\r\n",
        b"HTTP/1.1 100 C\r\n\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
        b"HEAD",
        b"HTTP/1.0",
        b"\r\n\r\n",
        b"\r\n",
        b"0\r\n",
    ];
    fuzz::check(&fuzz::Target { name: "request_path", words, longest: 4_000, run: request_path });
}
