//! Every code that a client or a log can see before an answer has begun.

use domain::route::{Condition, Route};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::{GET, World, backend, read_head, shop};

/// The status line's code, and the log line without what every line has.
pub(super) async fn told(world: &World, request: &str) -> (u16, String) {
    let response = world.exchange(request).await;
    let status = response.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
    (status, brief(&world.line().await))
}

/// Leaves out what is the same in all of these tests, and the drawn id.
pub(super) fn brief(line: &str) -> String {
    let (start, rest) = line.split_once(" method=").unwrap();
    let (_, end) = rest.split_once(" dyno=").unwrap();
    format!("{start} dyno={}", end.strip_suffix(" protocol=http1.1 tls=false").unwrap_or(end))
}

/// The size of the page stands in the line where a dyno was reached.
fn with_page(line: &str, expected: &str) {
    let (start, bytes) = line.split_once(" bytes=").unwrap();
    assert_eq!(start, expected);
    assert!(bytes.parse::<u32>().unwrap() > 300, "{line}");
}

#[tokio::test(start_paused = true)]
async fn h10_all_dynos_crashed() {
    let world = World::new(shop(vec![backend(1, Condition::Crashed), backend(2, Condition::Crashed)]));
    assert_eq!(told(&world, GET).await, (503, r#"at=error code=H10 desc="App crashed" dyno= connect= service= status=503 bytes="#.into()));
}

#[tokio::test(start_paused = true)]
async fn h14_no_web_dyno() {
    let world = World::new(shop(vec![]));
    assert_eq!(told(&world, GET).await, (503, r#"at=error code=H14 desc="No web processes running" dyno= connect= service= status=503 bytes="#.into()));
}

#[tokio::test(start_paused = true)]
async fn h80_maintenance_and_h81_blank() {
    let world = World::new(Route { maintenance: true, ..shop(vec![backend(1, Condition::Up)]) });
    let page = world.exchange(GET).await;
    assert!(page.contains("undergoing maintenance") && page.starts_with("HTTP/1.1 503 "), "{page}");
    assert_eq!(brief(&world.line().await), r#"at=info code=H80 desc="Maintenance mode" dyno= connect= service= status=503 bytes="#);

    let world = World::new(Route { blank: true, ..shop(vec![]) });
    let page = world.exchange(GET).await;
    assert!(page.contains("Nothing here yet: push some code."), "{page}");
    assert_eq!(brief(&world.line().await), r#"at=info code=H81 desc="Blank app" dyno= connect= service= status=503 bytes="#);
}

#[tokio::test(start_paused = true)]
async fn h12_thirty_seconds_without_a_byte() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        // The router hangs up; the dyno would have gone on for ever.
        assert_eq!(io.read(&mut [0]).await.unwrap(), 0);
    });
    let (status, line) = told(&world, GET).await;
    assert_eq!(status, 503);
    let line = line.replace("service=30001ms", "service=30000ms");
    with_page(&line, r#"at=error code=H12 desc="Request timeout" dyno=web.1 connect=0ms service=30000ms status=503"#);
}

#[tokio::test(start_paused = true)]
async fn h12_is_counted_from_the_end_of_the_upload() {
    let world = World::with_dyno(|mut io| async move {
        let mut sink = Vec::new();
        let _ = io.read_to_end(&mut sink).await;
    });
    let mut client = world.connect();
    client.write_all(b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 3\r\n\r\n").await.unwrap();
    for byte in [b"a", b"b", b"c"] {
        tokio::time::sleep(std::time::Duration::from_secs(50)).await;
        client.write_all(byte).await.unwrap();
    }
    let mut page = String::new();
    client.read_to_string(&mut page).await.unwrap();
    assert!(page.contains("H12"), "{page}");
    assert_eq!(world.said.all()[0].service.unwrap().as_secs(), 180, "150 s of upload, then 30 s");
}

#[tokio::test(start_paused = true)]
async fn h13_closed_without_a_byte() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
    });
    let (status, line) = told(&world, GET).await;
    assert_eq!(status, 503);
    with_page(&line, r#"at=error code=H13 desc="Connection closed without response" dyno=web.1 connect=0ms service=0ms status=503"#);
}

#[tokio::test(start_paused = true)]
async fn h17_no_http() {
    for response in
        ["HELLO there\r\n\r\n", "HTTP/1.1 xyz\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx"]
    {
        let world = World::answering(response);
        let (status, line) = told(&world, GET).await;
        assert_eq!(status, 503, "{response}");
        with_page(&line, r#"at=error code=H17 desc="Poorly formatted HTTP response" dyno=web.1 connect=0ms service=0ms status=503"#);
    }
}

#[tokio::test(start_paused = true)]
async fn h18_broken_off_in_the_head() {
    let world = World::answering("HTTP/1.1 200 OK\r\nContent-Le");
    let (status, line) = told(&world, GET).await;
    assert_eq!(status, 503);
    with_page(&line, r#"sock=backend at=error code=H18 desc="Server Request Interrupted" dyno=web.1 connect=0ms service=0ms status=503"#);
}

#[tokio::test(start_paused = true)]
async fn h15_stalled_in_the_head() {
    let world = World::with_dyno(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        let _ = io.read(&mut [0]).await;
    });
    let (status, line) = told(&world, GET).await;
    assert_eq!(status, 503);
    assert!(line.starts_with(r#"at=error code=H15 desc="Idle connection" dyno=web.1"#), "{line}");
    assert_eq!(world.said.all()[0].service.unwrap().as_secs(), 55);
}

#[tokio::test(start_paused = true)]
async fn h19_no_dyno_takes_the_connection() {
    let world = World::new(shop(vec![backend(1, Condition::Up)]));
    world.never_answers(1);
    let (status, line) = told(&world, GET).await;
    let line = line.replace("connect=5001ms", "connect=5000ms");
    assert_eq!((status, line.as_str()), (503, r#"at=error code=H19 desc="Backend connection timeout" dyno=web.1 connect=5000ms service= status=503 bytes="#));
}

#[tokio::test(start_paused = true)]
async fn h20_none_comes_up() {
    let world = World::new(shop(vec![backend(1, Condition::Starting)]));
    let (status, line) = told(&world, GET).await;
    assert_eq!((status, line.as_str()), (503, r#"at=error code=H20 desc="App boot timeout" dyno= connect= service= status=503 bytes="#));
    assert_eq!(world.said.all()[0].at, "2026-01-01T00:01:15Z".parse().unwrap());
}

#[tokio::test(start_paused = true)]
async fn h21_all_refuse() {
    let world = World::new(shop(vec![backend(1, Condition::Up)]));
    world.refuses(1);
    let (status, line) = told(&world, GET).await;
    assert_eq!((status, line.as_str()), (503, r#"at=error code=H21 desc="Backend connection refused" dyno=web.1 connect=0ms service= status=503 bytes="#));
}

#[tokio::test(start_paused = true)]
async fn h25_risky_responses() {
    for (header, detail) in [
        ("Content-Length: 5\r\nContent-Length: 6".to_owned(), "invalid content length"),
        ("Content-Length: -1".to_owned(), "invalid content length"),
        ("Content-Length: 5, 5".to_owned(), "invalid content length"),
        (format!("Set-Cookie: a={}", "x".repeat(9000)), "oversized cookie"),
        (format!("X-Large: {}", "x".repeat(600_000)), "oversized header"),
        (format!("X-Larger: {}", "x".repeat(1_100_000)), "oversized header"),
    ] {
        let world = World::with_dyno(move |mut io| {
            let header = header.clone();
            async move {
                read_head(&mut io).await;
                let _ = io.write_all(format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\nhello").as_bytes()).await;
            }
        });
        let (status, line) = told(&world, GET).await;
        assert_eq!(status, 502, "{line}");
        with_page(&line, &format!(r#"at=error code=H25 desc="HTTP restriction: {detail}" dyno=web.1 connect=0ms service=0ms status=502"#));
    }
}

#[tokio::test(start_paused = true)]
async fn h26_bad_chunk() {
    let world = World::with_dyno(|mut io| async move {
        let mut sink = Vec::new();
        let _ = io.read_to_end(&mut sink).await;
        assert!(!sink.ends_with(b"0\r\n\r\n"), "the dyno must not take it for complete");
    });
    let request = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n";
    let (status, line) = told(&world, request).await;
    assert_eq!(status, 400);
    with_page(&line, r#"at=error code=H26 desc="Request Error" cause="bad chunk" dyno=web.1 connect=0ms service=0ms status=400"#);
}

#[tokio::test(start_paused = true)]
async fn h27_the_client_leaves_while_it_waits() {
    let (noticed, notice) = tokio::sync::oneshot::channel::<()>();
    let noticed = std::sync::Mutex::new(Some(noticed));
    let world = World::with_dyno(move |mut io| {
        let noticed = noticed.lock().unwrap().take();
        async move {
            read_head(&mut io).await;
            assert_eq!(io.read(&mut [0]).await.unwrap(), 0);
            noticed.unwrap().send(()).unwrap();
        }
    });
    let mut client = world.connect();
    client.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    drop(client);
    notice.await.expect("the dyno's request is cancelled");
    let line = brief(&world.line().await);
    assert!(line.starts_with(r#"sock=client at=warning code=H27 desc="Client Request Interrupted" dyno=web.1 connect=0ms service=300"#), "{line}");
    assert!(line.ends_with("status=499 bytes=0"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn h27_the_client_leaves_while_it_sends_or_waits_for_a_boot() {
    let world = World::with_dyno(|mut io| async move {
        let _ = io.read_to_end(&mut Vec::new()).await;
    });
    let mut client = world.connect();
    client.write_all(b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    drop(client);
    assert!(world.line().await.contains("code=H27"));

    let world = World::new(shop(vec![backend(1, Condition::Starting)]));
    let mut client = world.connect();
    client.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    drop(client);
    let line = brief(&world.line().await);
    assert!(line.contains("code=H27") && line.ends_with("dyno= connect= service= status=499 bytes="), "{line}");
}

#[tokio::test(start_paused = true)]
async fn h28_the_client_stops_sending() {
    let world = World::with_dyno(|mut io| async move {
        let _ = io.read_to_end(&mut Vec::new()).await;
    });
    let (status, line) = told(&world, "POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert_eq!(status, 0, "cut without an answer");
    assert!(line.starts_with(r#"at=warning code=H28 desc="Client Connection Idle" dyno=web.1 connect=0ms service=5500"#), "{line}");
    assert!(line.ends_with(" status=499 bytes=0"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_page_says_what_to_do_and_closes() {
    let world = World::new(shop(vec![]));
    let page = world.exchange(GET).await;
    for part in ["Connection: close\r\n", "Content-Type: text/html; charset=utf-8\r\n", "Cache-Control: no-cache, no-store\r\n", "H14", "mypaas logs --tail"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let world = World::new(shop(vec![]));
    let head = world.exchange(&GET.replace("GET", "HEAD")).await;
    assert!(head.starts_with("HTTP/1.1 503 ") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_host_is_told_so_and_no_log_hears() {
    let world = World::new(shop(vec![]));
    let page = world.exchange("GET / HTTP/1.1\r\nHost: other.localhost\r\n\r\n").await;
    assert!(page.starts_with("HTTP/1.1 404 ") && page.contains("No such app"), "{page}");
    assert!(world.said.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_app_may_show_its_own_pages() {
    let pages = domain::route::Pages { error: Some("https://a.example/?a=1&b=\"".parse().unwrap()), maintenance: Some("https://m.example/".parse().unwrap()) };
    let world = World::new(Route { pages: pages.clone(), ..shop(vec![]) });
    let page = world.exchange(GET).await;
    assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("<iframe src=\"https://a.example/?a=1&amp;b=&quot;\">"), "{page}");
    assert!(world.line().await.contains("code=H14"));
    let world = World::new(Route { pages: pages.clone(), maintenance: true, ..shop(vec![backend(1, Condition::Up)]) });
    assert!(world.exchange(GET).await.contains("https://m.example/"));
    // What the client did wrong is not the app's error.
    let world = World::new(Route { pages, ..shop(vec![]) });
    assert!(!world.exchange(&GET.replace("\r\n\r\n", "\r\nExpect: x\r\n\r\n")).await.contains("iframe"));
}
