//! The same over real sockets.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::route::{Backend, Condition};
use ports::{Chance, clock::SystemClock, log_sink::KeptLines};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::harness::{GET, OK, SETTINGS, read_head, shop, table};
use crate::{LogSinkAdapter, Router};

/// A dyno that answers every connection's one request with its number.
async fn dyno(index: u16) -> Backend {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_head(&mut io).await;
                let _ = io.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{index}").as_bytes()).await;
            });
        }
    });
    backend(index, address)
}

fn backend(index: u16, address: SocketAddr) -> Backend {
    Backend { dyno: format!("web.{index}").parse().unwrap(), address: Some(address), condition: Condition::Up }
}

struct Running {
    address: SocketAddr,
    routes: watch::Sender<Arc<domain::route::RouteTable>>,
    lines: Arc<KeptLines>,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

async fn run(web: Vec<Backend>) -> Running {
    let (routes, receiver) = watch::channel(table(shop(web)));
    let lines = Arc::new(KeptLines::default());
    let router = Router::new(receiver, Arc::new(LogSinkAdapter(lines.clone())), Arc::new(SystemClock), Arc::new(Chance::seeded(7)), SETTINGS);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(router.serve(listener, shutdown.clone()));
    Running { address, routes, lines, shutdown, served }
}

#[tokio::test]
async fn a_thousand_requests_on_one_connection_reach_all_four_dynos() {
    let router = run(vec![dyno(1).await, dyno(2).await, dyno(3).await, dyno(4).await]).await;
    let mut client = TcpStream::connect(router.address).await.unwrap();
    let mut counts = [0; 5];
    for _ in 0..1000 {
        client.write_all(GET.as_bytes()).await.unwrap();
        read_head(&mut client).await;
        counts[usize::from(client.read_u8().await.unwrap() - b'0')] += 1;
    }
    assert!(counts[1..].iter().all(|count| (180..=320).contains(count)), "{counts:?}");
    let lines = router.lines.texts();
    assert_eq!(lines.len(), 1000);
    assert!(lines[0].starts_with("heroku[router]: at=info method=GET path=\"/\" host=shop.localhost request_id="), "{}", lines[0]);
    assert!(lines[0].contains(" fwd=\"127.0.0.1\" dyno=web."), "{}", lines[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_tables_are_swapped() {
    let dynos = [dyno(1).await, dyno(2).await];
    let router = run(dynos.to_vec()).await;
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (address, answered) = (router.address, answered.clone());
            tokio::spawn(async move {
                let mut client = TcpStream::connect(address).await.unwrap();
                for _ in 0..100 {
                    client.write_all(GET.as_bytes()).await.unwrap();
                    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200 "));
                    client.read_u8().await.unwrap();
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut turn = 0;
    while answered.load(Ordering::Relaxed) < 800 && clients.iter().any(|client| !client.is_finished()) {
        turn += 1;
        router.routes.send(table(shop(vec![dynos[turn % 2].clone()]))).unwrap();
        tokio::task::yield_now().await;
    }
    for client in clients {
        client.await.unwrap();
    }
    assert!(turn > 10, "{turn}");
}

#[tokio::test]
async fn a_dyno_that_is_not_there_is_passed_over_or_told() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    let router = run(vec![backend(1, nobody), dyno(2).await]).await;
    let mut client = TcpStream::connect(router.address).await.unwrap();
    for _ in 0..20 {
        client.write_all(GET.as_bytes()).await.unwrap();
        read_head(&mut client).await;
        assert_eq!(client.read_u8().await.unwrap(), b'2');
    }
    router.routes.send(table(shop(vec![backend(1, nobody)]))).unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    let mut page = String::new();
    client.read_to_string(&mut page).await.unwrap();
    assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("H21"), "{page}");
}

/// The dyno answers, closes on unread bytes, and so resets: the client still reads the answer.
#[tokio::test]
async fn an_early_answer_survives_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            read_head(&mut io).await;
            io.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await.unwrap();
        }
    });
    let router = run(vec![backend(1, address)]).await;
    let client = TcpStream::connect(router.address).await.unwrap();
    let (mut from, mut to) = client.into_split();
    to.write_all(b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 600000\r\n\r\n").await.unwrap();
    let upload = tokio::spawn(async move {
        let _ = to.write_all(&vec![b'x'; 600_000]).await;
        to
    });
    assert!(read_head(&mut from).await.starts_with("HTTP/1.1 413 "));
    let mut body = [0; 2];
    from.read_exact(&mut body).await.unwrap();
    assert_eq!(&body, b"no");
    drop(upload.await.unwrap());
}

#[tokio::test]
async fn what_has_begun_is_finished_at_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = run(vec![backend(1, address)]).await;
    let mut idle = TcpStream::connect(router.address).await.unwrap();
    let mut client = TcpStream::connect(router.address).await.unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    let (mut io, _) = listener.accept().await.unwrap();
    read_head(&mut io).await;
    router.shutdown.cancel();
    // An idle connection ends at once, and no new one is taken …
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
    while TcpStream::connect(router.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!router.served.is_finished());
    // … but the request gets its answer.
    io.write_all(OK.as_bytes()).await.unwrap();
    drop(io);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    router.served.await.unwrap();
}

#[tokio::test]
async fn a_grace_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let router = run(vec![backend(1, listener.local_addr().unwrap())]).await;
    let mut client = TcpStream::connect(router.address).await.unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    let (mut io, _) = listener.accept().await.unwrap();
    read_head(&mut io).await;
    tokio::time::pause();
    router.shutdown.cancel();
    router.served.await.unwrap();
    assert!(matches!(client.read(&mut [0]).await, Ok(0) | Err(_)));
    assert!(router.lines.texts()[0].contains("code=H24"), "{:?}", router.lines.texts());
    tokio::time::advance(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_echoes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let router = run(vec![backend(1, listener.local_addr().unwrap())]).await;
    tokio::spawn(async move {
        let (mut io, _) = listener.accept().await.unwrap();
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await.unwrap();
        let (mut from, mut to) = io.split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
    });
    let mut client = TcpStream::connect(router.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await.unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 101 "));
    let sent: Vec<u8> = (0..200_000_u32).map(|index| (index % 251) as u8).collect();
    let (mut from, mut to) = client.split();
    let mut back = vec![0; sent.len()];
    let (written, read) = tokio::join!(to.write_all(&sent), from.read_exact(&mut back));
    written.unwrap();
    read.unwrap();
    assert!(back == sent, "bytes changed on the way");
    drop(client);
    // The tunnel is one of the things that a stopping router waits for, so its line is there when it has stopped.
    router.shutdown.cancel();
    router.served.await.unwrap();
    assert!(router.lines.texts()[0].contains(" status=101 bytes=200"), "{:?}", router.lines.texts());
}

/// Bytes that tell where they belong.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index * 31 % 251) as u8).collect()
}

const LARGE: usize = 5_000_001;

/// A dyno whose answers are as large: with a length, until its end, or broken off. The path says which.
async fn large_dyno() -> Backend {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = read_head(&mut io).await;
                let broken = head.contains("/broken");
                if head.contains("/endless") {
                    io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await.unwrap();
                    while io.write_all(&[b'?'; 100_003]).await.is_ok() {}
                    return;
                }
                let length = if head.contains("/until-close") { String::new() } else { format!("Content-Length: {LARGE}\r\n") };
                io.write_all(format!("HTTP/1.1 200 OK\r\n{length}\r\n").as_bytes()).await.unwrap();
                for piece in pattern(if broken { LARGE / 2 } else { LARGE }).chunks(100_003) {
                    if io.write_all(piece).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    backend(1, address)
}

async fn ask(client: &mut TcpStream, path: &str) -> Vec<u8> {
    client.write_all(GET.replace("GET / ", &format!("GET {path} ")).as_bytes()).await.unwrap();
    let head = read_head(client).await;
    let mut body = Vec::new();
    if head.to_ascii_lowercase().contains("content-length") {
        // Whatever goes wrong shows in what came.
        let _ = client.take(LARGE as u64).read_to_end(&mut body).await;
    } else {
        client.read_to_end(&mut body).await.unwrap();
    }
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_answers_come_whole_through_the_kernel() {
    let router = run(vec![large_dyno().await]).await;
    let whole = pattern(LARGE);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (address, whole) = (router.address, whole.clone());
            tokio::spawn(async move {
                let mut client = TcpStream::connect(address).await.unwrap();
                for _ in 0..3 {
                    assert!(ask(&mut client, "/").await == whole, "bytes are lost or in disorder");
                }
                assert!(ask(&mut client, "/until-close").await == whole, "bytes are lost or in disorder");
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    router.shutdown.cancel();
    router.served.await.unwrap();
    let lines = router.lines.texts();
    assert_eq!((lines.len(), lines.iter().filter(|line| line.contains(&format!(" status=200 bytes={LARGE} "))).count()), (16, 16), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broken_answer_leaves_behind_reaches_nobody() {
    let router = run(vec![large_dyno().await]).await;
    let whole = pattern(LARGE);
    for _ in 0..3 {
        // One client leaves in the middle, with much on its way; another one's dyno breaks off.
        let mut leaves = TcpStream::connect(router.address).await.unwrap();
        leaves.write_all(GET.replace("GET / ", "GET /endless ").as_bytes()).await.unwrap();
        read_head(&mut leaves).await;
        leaves.read_exact(&mut vec![0; LARGE / 3]).await.unwrap();
        drop(leaves);
        let broken = ask(&mut TcpStream::connect(router.address).await.unwrap(), "/broken").await;
        assert!(broken == whole[..broken.len()] && broken.len() <= LARGE / 2);
        assert!(ask(&mut TcpStream::connect(router.address).await.unwrap(), "/").await == whole, "a body has another one's bytes");
    }
    router.shutdown.cancel();
    router.served.await.unwrap();
    let lines = router.lines.texts();
    assert_eq!(lines.iter().filter(|line| line.contains("code=H18 desc=\"Server Request Interrupted\"")).count(), 3, "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains("code=H27")).count(), 3, "{lines:#?}");
}
