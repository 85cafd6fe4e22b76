//! Quarantine, limits, affinity, reuse, and dynos that go away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::route::{Condition::Up, Features, Route};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep},
};

use super::harness::{GET, OK, World, backend, read_head, shop, table, values};

fn with(features: Features, dynos: u16) -> World {
    World::new(Route { features, ..shop((1..=dynos).map(|index| backend(index, Up)).collect()) })
}

/// Answers every request on a connection, and counts connections.
fn serves(world: &World, index: u16) -> Arc<AtomicUsize> {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    world.dyno(index, move |mut io| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            while io.read_u8().await.is_ok() {
                read_head(&mut io).await;
                if io.write_all(OK.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    connections
}

async fn asks(client: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), request: &str) -> String {
    client.write_all(request.as_bytes()).await.unwrap();
    let head = read_head(client).await;
    client.read_exact(&mut [0; 5]).await.unwrap();
    head
}

#[tokio::test(start_paused = true)]
async fn a_dyno_that_refused_is_left_alone_for_five_seconds() {
    let world = with(Features::default(), 1);
    world.refuses(1);
    assert!(world.exchange(GET).await.contains("H21"));
    // The dyno is back, but nobody knows.
    serves(&world, 1);
    let start = Instant::now();
    let mut client = world.connect();
    assert!(asks(&mut client, GET).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(start.elapsed().as_secs(), 5);
    // Now everybody does.
    asks(&mut client, GET).await;
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn after_a_quarantine_one_request_tries_for_all() {
    let world = with(Features::default(), 1);
    world.refuses(1);
    assert!(world.exchange(GET).await.contains("H21"));
    let mut clients: Vec<_> = (0..40).map(|_| world.connect()).collect();
    for client in &mut clients {
        client.write_all(GET.as_bytes()).await.unwrap();
    }
    let mut codes = Vec::new();
    for client in &mut clients {
        let mut page = String::new();
        client.read_to_string(&mut page).await.unwrap();
        codes.push(if page.contains("H21") {
            "H21"
        } else if page.contains("H99") {
            "H99"
        } else {
            "?"
        });
    }
    // One try every five seconds, for 75 s; the rest is told that none came back.
    let tries = codes.iter().filter(|code| **code == "H21").count();
    assert!((14..=15).contains(&tries), "the last one is at the very end of its time: {codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "H99").count(), 40 - tries, "{codes:?}");
}

#[tokio::test(start_paused = true)]
async fn h11_too_many_at_once() {
    let world = World::with_dyno(|mut io| async move {
        let _ = io.read_to_end(&mut Vec::new()).await;
    });
    let mut clients: Vec<_> = (0..200).map(|_| world.connect()).collect();
    for client in &mut clients {
        client.write_all(GET.as_bytes()).await.unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    let page = world.exchange(GET).await;
    assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("H11"), "{page}");
    let line = world.line().await;
    assert!(line.starts_with("at=error code=H11 desc=\"Backlog too deep\" ") && line.contains(" dyno= connect= service= status=503 bytes= "), "{line}");
    assert!(world.router.metrics().contains("mypaas_router_open_requests{app=\"shop\"} 200"), "{}", world.router.metrics());
    // Whoever leaves makes room.
    drop(clients.pop());
    sleep(Duration::from_secs(1)).await;
    let mut next = world.connect();
    next.write_all(GET.as_bytes()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.said.all().len(), 2, "it waits like the others");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waited_its_turn_is_served() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        sleep(Duration::from_secs(10)).await;
        io.write_all(OK.as_bytes()).await.unwrap();
    });
    let mut clients: Vec<_> = (0..160).map(|_| world.connect()).collect();
    for client in &mut clients {
        client.write_all(GET.as_bytes()).await.unwrap();
    }
    let start = Instant::now();
    for client in &mut clients {
        assert!(read_head(client).await.starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(start.elapsed().as_secs(), 20, "150 at once, then the rest");
}

#[tokio::test(start_paused = true)]
async fn of_two_dynos_the_less_busy_one() {
    let world = with(Features { least_in_flight: true, ..Features::default() }, 2);
    world.dyno(1, |mut io| async move {
        let _ = io.read_to_end(&mut Vec::new()).await;
    });
    serves(&world, 2);
    // At most one of them goes to the one that never answers.
    let mut clients: Vec<_> = (0..30).map(|_| world.connect()).collect();
    for client in &mut clients {
        client.write_all(GET.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
    assert!(world.said.all().len() >= 29, "{}", world.said.all().len());
}

#[tokio::test(start_paused = true)]
async fn a_cookie_keeps_a_client_with_its_dyno() {
    let world = with(Features { session_affinity: true, ..Features::default() }, 5);
    (1..=5).for_each(|index| drop(serves(&world, index)));
    let mut client = world.connect();
    let head = asks(&mut client, GET).await;
    let cookie = values(&head, "Set-Cookie")[0].to_owned();
    assert!(
        cookie.starts_with("heroku-session-affinity=") && cookie.contains("; Max-Age=86400; Domain=shop.localhost; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap();
    for _ in 0..20 {
        let head = asks(&mut client, &GET.replace("\r\n\r\n", &format!("\r\nCookie: a=b; {pair}\r\n\r\n"))).await;
        assert!(values(&head, "Set-Cookie").is_empty(), "it has the right one");
    }
    let dynos: Vec<_> = world.said.all().iter().map(|event| event.dyno.clone().unwrap()).collect();
    assert!(dynos.iter().all(|dyno| *dyno == dynos[0]), "{dynos:?}");
}

#[tokio::test(start_paused = true)]
async fn connections_are_used_again_if_the_app_wants_it() {
    let world = with(Features { keep_alive: true, ..Features::default() }, 1);
    let connections = serves(&world, 1);
    let (mut one, mut other) = (world.connect(), world.connect());
    for _ in 0..10 {
        asks(&mut one, GET).await;
        asks(&mut other, GET).await;
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    sleep(Duration::from_secs(91)).await;
    drop((one, other));
    asks(&mut world.connect(), GET).await;
    assert_eq!(connections.load(Ordering::Relaxed), 2, "too old");
}

#[tokio::test(start_paused = true)]
async fn a_stale_connection_costs_a_get_nothing_and_a_post_its_answer() {
    for (request, served) in [(GET, true), ("POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 2\r\n\r\nhi", false)] {
        let world = with(Features { keep_alive: true, ..Features::default() }, 1);
        let first = Arc::new(AtomicUsize::new(0));
        world.dyno(1, move |mut io| {
            let is_first = first.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                read_head(&mut io).await;
                io.write_all(OK.as_bytes()).await.unwrap();
                // Takes the next request, and dies of it.
                read_head(&mut io).await;
                if !is_first {
                    io.write_all(OK.as_bytes()).await.unwrap();
                }
            }
        });
        let mut client = world.connect();
        asks(&mut client, GET).await;
        client.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(read_head(&mut client).await.starts_with("HTTP/1.1 200 "), served);
    }
}

#[tokio::test(start_paused = true)]
async fn a_websocket_is_told_when_its_dyno_goes_away() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02h").await.unwrap();
        sleep(Duration::from_secs(3)).await;
        let _ = io.write_all(b"i\x81\x01x").await;
        // Ends when the client's own goodbye has come.
        assert_eq!(io.read_u8().await.unwrap(), 0x88);
    });
    let housekeeping = tokio::spawn(crate::housekeeping::keep(Arc::downgrade(&world.router)));
    let mut client = world.connect();
    client.write_all(b"GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await.unwrap();
    read_head(&mut client).await;
    assert!(world.router.metrics().contains("open_tunnels{app=\"shop\"} 1"));
    sleep(Duration::from_secs(1)).await;
    world.routes.send(table(shop(vec![backend(2, Up)]))).unwrap();
    let mut seen = [0; 8];
    client.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"\x81\x02hi\x88\x02\x03\xf4", "the frame is finished, then goodbye is said");
    client.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    assert!(world.line().await.contains(" status=101 "));
    housekeeping.abort();
}
