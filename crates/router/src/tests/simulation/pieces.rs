//! Bodies in pieces of any size, and that they come out as they went in, in both directions.

use std::{io, sync::Arc};

use ports::Chance;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex},
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    super::harness::{Dynos, SETTINGS, Said, backend, clock, read_head, read_until, shop, table, values},
    Sim, in_virtual_time, seeds,
};
use crate::{Router, worker::Worker};

/// Writes all of it, in pieces, with pauses now and then.
pub(super) async fn trickle(sim: &Sim, io: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let most = if sim.rarely(3) { 3 } else { 9_000 };
        let (piece, after) = rest.split_at(rest.len().min(1 + sim.chance.below(most)));
        io.write_all(piece).await?;
        rest = after;
        if sim.rarely(10) {
            sleep(sim.between(0, 50)).await;
        }
    }
    Ok(())
}

/// Writes a message with its length, in chunks, or (`may_close`) until the end; says whether that is its end.
pub(super) async fn send_body(sim: &Sim, io: &mut (impl AsyncWrite + Unpin), head: &str, body: &[u8], may_close: bool) -> io::Result<bool> {
    match sim.chance.below(if may_close { 3 } else { 2 }) {
        0 => {
            trickle(sim, io, format!("{head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).await?;
            trickle(sim, io, body).await.map(|()| false)
        }
        1 => {
            trickle(sim, io, format!("{head}\r\nTransfer-Encoding: chunked\r\n\r\n").as_bytes()).await?;
            let mut rest = body;
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(rest.len().min(1 + sim.chance.below(7_000)));
                let extension = if sim.rarely(4) { ";a=\"b\"" } else { "" };
                let size = format!("{:0width$X}{extension}\r\n", chunk.len(), width = sim.chance.below(4));
                trickle(sim, io, &[size.as_bytes(), chunk, b"\r\n"].concat()).await?;
                rest = after;
            }
            trickle(sim, io, b"0\r\nX-Trailer: t\r\n\r\n").await.map(|()| false)
        }
        _ => {
            trickle(sim, io, format!("{head}\r\n\r\n").as_bytes()).await?;
            trickle(sim, io, body).await.map(|()| true)
        }
    }
}

/// Reads a body as its head says, to its last byte and not further.
pub(super) async fn read_body(head: &str, io: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if values(head, "Transfer-Encoding") == ["chunked"] {
        loop {
            let size = line(io).await?;
            let size = usize::from_str_radix(size.trim_end(), 16).map_err(io::Error::other)?;
            if size == 0 {
                while line(io).await? != "\r\n" {}
                return Ok(body);
            }
            let from = body.len();
            body.resize(from + size, 0);
            io.read_exact(&mut body[from..]).await?;
            if line(io).await? != "\r\n" {
                return Err(io::Error::other("no end of a chunk"));
            }
        }
    } else if let [length] = values(head, "Content-Length")[..] {
        body.resize(length.parse().map_err(io::Error::other)?, 0);
        io.read_exact(&mut body).await?;
    } else if head.starts_with("HTTP/") {
        io.read_to_end(&mut body).await?;
    }
    Ok(body)
}

async fn line(io: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut line = String::new();
    while !line.ends_with("\r\n") {
        line.push(char::from(io.read_u8().await?));
    }
    Ok(line)
}

/// Bytes that tell where they belong.
fn pattern(sim: &Sim, most: usize) -> Vec<u8> {
    let key = sim.chance.below(256);
    (0..sim.chance.below(most)).map(|at| ((at * 31 + key) % 251) as u8).collect()
}

/// What came out at both ends of one exchange through a router, with a tunnel if that is drawn.
async fn pass(sim: Arc<Sim>) {
    let (upload, answer) = (pattern(&sim, 200_000), pattern(&sim, 200_000));
    let upgrades = sim.rarely(3);
    let (routes, receiver) = watch::channel(table(shop(vec![backend(1, domain::route::Condition::Up)])));
    let (dynos, said) = (Arc::new(Dynos::default()), Arc::new(Said::default()));
    let router = Router::with_dial(receiver, said, clock(), Arc::new(Chance::seeded(1)), SETTINGS, dynos.clone());
    let worker = Worker::new(router.clone());
    let (arrived, arrives) = tokio::sync::oneshot::channel();
    let (arrived, script) = (std::sync::Mutex::new(Some(arrived)), (sim.clone(), upload.len(), answer.clone()));
    dynos.serve(1, 1 + sim.chance.below(30_000), move |mut io| {
        let ((sim, length, answer), arrived) = (script.clone(), arrived.lock().unwrap().take());
        async move {
            let head = read_head(&mut io).await;
            let got = if upgrades {
                both(&sim, &mut io, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n", &answer, length).await
            } else {
                let got = read_body(&head, &mut io).await.unwrap();
                send_body(&sim, &mut io, "HTTP/1.1 200 OK", &answer, true).await.unwrap();
                got
            };
            arrived.unwrap().send(got).unwrap();
            // What is closed with bytes on their way loses them.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), io.read(&mut [0])).await;
        }
    });
    let (mut client, theirs) = duplex(1 + sim.chance.below(30_000));
    router.tasks.spawn(worker.serve_connection(theirs, SETTINGS.peer([192, 0, 2, 7].into())));
    let head = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close";
    let got = if upgrades {
        let head = format!("{}\r\nUpgrade: raw\r\n\r\n", head.replace("close", "Upgrade").replace("POST", "GET"));
        both(&sim, &mut client, &head, &upload, answer.len()).await
    } else {
        let (mut reader, mut writer) = tokio::io::split(client);
        let (sent, got) = tokio::join!(send_body(&sim, &mut writer, head, &upload, false), async {
            let head = read_head(&mut reader).await;
            read_body(&head, &mut reader).await.unwrap()
        });
        sent.unwrap();
        got
    };
    assert!(got == answer, "{} of {} bytes came down, or others", got.len(), answer.len());
    let came = arrives.await.unwrap();
    assert!(came == upload, "{} of {} bytes came up, or others", came.len(), upload.len());
    drop(routes);
}

/// A head, then raw bytes both ways at once: sends all of `bytes` and gives the `expected` ones that come behind the other's head.
async fn both(sim: &Sim, io: &mut DuplexStream, head: &str, bytes: &[u8], expected: usize) -> Vec<u8> {
    let is_dyno = head.starts_with("HTTP/");
    let (mut reader, mut writer) = tokio::io::split(io);
    let send = async {
        trickle(sim, &mut writer, head.as_bytes()).await.unwrap();
        // A client may speak before the switch; its bytes must wait for it.
        trickle(sim, &mut writer, bytes).await.unwrap();
    };
    let read = async {
        if !is_dyno {
            assert!(read_until(&mut reader, "\r\n\r\n").await.starts_with("HTTP/1.1 101 "));
        }
        let mut got = vec![0; expected];
        reader.read_exact(&mut got).await.unwrap();
        got
    };
    tokio::join!(send, read).1
}

#[test]
fn bytes_come_out_as_they_went_in_for_any_pieces() {
    for seed in seeds(48) {
        let outcome = std::panic::catch_unwind(|| {
            in_virtual_time(async {
                let features = domain::route::Features::default();
                let sim = Sim { chance: Chance::seeded(seed), began: Instant::now(), features, state: std::sync::Mutex::default() };
                tokio::time::timeout(std::time::Duration::from_secs(3600), pass(Arc::new(sim))).await.expect("it ends");
            });
        });
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
