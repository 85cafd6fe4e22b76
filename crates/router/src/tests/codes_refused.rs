//! Codes of requests that no dyno may get: whose app is suspended or has too much open, and which came in the wrong way.

use domain::route::{Condition, Features, Route, Suspension};
use tokio::io::AsyncWriteExt;

use super::{
    codes::{brief, told},
    harness::{GET, OK, World, backend, read_head, shop},
};

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn h82_and_h83_of_suspended_apps() {
    for (suspension, page, line) in [
        (Suspension::QuotaExhausted, "used up its hours", r#"at=info code=H82 desc="Free dyno quota exhausted" dyno= connect= service= status=503 bytes="#),
        (Suspension::PlannedDegradation, "as announced", r#"at=info code=H83 desc="Planned Service Degradation" dyno= connect= service= status=503 bytes="#),
    ] {
        let world = World::new(Route { suspension: Some(suspension), ..shop(vec![backend(1, Condition::Up)]) });
        let response = world.exchange(GET).await;
        assert!(response.starts_with("HTTP/1.1 503 Service Unavailable\r\n") && response.contains(page), "{response}");
        assert_eq!(brief(&world.line().await), line);
    }
}

#[tokio::test(start_paused = true)]
async fn h22_counts_requests_and_tunnels_together() {
    let world = World::limited(3, |mut io| async move {
        let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let answer = if read_head(&mut io).await.contains("Upgrade: websocket") { switch } else { "" };
        io.write_all(answer.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut tunnels = [world.connect(), world.connect()];
    for tunnel in &mut tunnels {
        tunnel.write_all(HANDSHAKE.as_bytes()).await.unwrap();
        assert!(read_head(tunnel).await.starts_with("HTTP/1.1 101 "));
    }
    let mut waits = world.connect();
    waits.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let line = r#"at=error code=H22 desc="Connection limit reached" dyno= connect= service= status=503 bytes="#;
    assert_eq!(told(&world, GET).await, (503, line.into()));
    // A tunnel that ends makes room.
    drop(tunnels);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(world.router.metrics().contains("open_tunnels{app=\"shop\"} 0"));
    let mut client = world.connect();
    client.write_all(HANDSHAKE.as_bytes()).await.unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 101 "));
}

#[tokio::test(start_paused = true)]
async fn h23_a_handshake_without_its_upgrade() {
    // As proxies that know no WebSockets pass it on: without `Upgrade`, or in HTTP/1.0.
    for request in [
        HANDSHAKE.replace("Connection: Upgrade\r\nUpgrade: websocket\r\n", ""),
        HANDSHAKE.replace("Connection: Upgrade\r\n", "Connection: close\r\n"),
        HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let world = World::answering(OK);
        let line = r#"at=error code=H23 desc="Endpoint misconfigured" dyno= connect= service= status=503 bytes="#;
        let (status, said) = told(&world, &request).await;
        assert_eq!((status, said.replace(" protocol=http1.0 tls=false", "")), (503, line.to_owned()), "{request}");
    }
    // An app with such a name in another method, or nobody's host, is no handshake.
    let world = World::answering(OK);
    let post = HANDSHAKE.replace("GET", "POST").replace("Connection: Upgrade\r\nUpgrade: websocket\r\n", "Connection: close\r\nContent-Length: 0\r\n");
    assert!(world.exchange(&post).await.starts_with("HTTP/1.1 200 "));
    let lost = HANDSHAKE.replace("Connection: Upgrade\r\n", "").replace("shop.localhost", "other.localhost");
    assert!(world.exchange(&lost).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_does_not_count_as_served() {
    let features = Features { least_in_flight: true, ..Features::default() };
    let world = World::new(Route { features, suspension: Some(Suspension::QuotaExhausted), ..shop(vec![backend(1, Condition::Up)]) });
    told(&world, GET).await;
    assert!(world.router.metrics().contains("errors_total{app=\"shop\",code=\"H82\"} 1"), "{}", world.router.metrics());
    assert!(world.router.metrics().contains("open_requests{app=\"shop\"} 0"));
}
