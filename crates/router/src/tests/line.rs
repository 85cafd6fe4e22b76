//! The line, field by field.

use domain::ErrorCode;

use super::harness::{GET, OK, World};
use crate::RequestRouted;

#[tokio::test(start_paused = true)]
async fn an_ordinary_request() {
    let world = World::answering(OK);
    let request = GET.replace("GET / ", "GET /a%20b?c=d ").replace("\r\n\r\n", "\r\nX-Request-Id: 0123456789abcdef-ABCDEF+/=\r\nConnection: close\r\n\r\n");
    assert!(world.exchange(&request).await.ends_with("\r\n\r\nhello"));
    assert_eq!(
        world.line().await,
        "at=info method=GET path=\"/a%20b?c=d\" host=shop.localhost request_id=0123456789abcdef-ABCDEF+/= fwd=\"192.0.2.7\" \
         dyno=web.1 connect=0ms service=0ms status=200 bytes=5 protocol=http1.1 tls=false"
    );
}

/// Hostile inputs 83.
#[tokio::test(start_paused = true)]
async fn nobody_can_forge_a_field() {
    let world = World::answering(OK);
    let request = "GET /\"dyno=web.9 HTTP/1.1\r\nHost: shop.localhost:8080\r\nX-Forwarded-For: 1.2.3.4\" status=200\t\r\nConnection: close\r\n\r\n";
    // A space too many in the request line is refused; a quote is not.
    assert!(world.exchange(&request.replace("dyno=", " dyno=")).await.starts_with("HTTP/1.1 400 "));
    world.exchange(request).await;
    let line = world.line().await;
    assert!(line.contains(" path=\"/%22dyno=web.9\" host=shop.localhost "), "{line}");
    assert!(line.contains(" fwd=\"1.2.3.4%22 status=200, 192.0.2.7\" "), "{line}");
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_field() {
    let world = World::answering(OK);
    world.exchange(&GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).await;
    let told = world.said.all().remove(0);
    let odd = RequestRouted {
        path: "/a\"b\n\u{85}c\\".into(),
        request_id: "id".into(),
        version: http::Version::HTTP_10,
        tls: Some("unknown"),
        code: Some(ErrorCode::H18ServerRequestInterrupted),
        service: None,
        ..told
    };
    assert_eq!(
        odd.line(),
        "sock=backend at=error code=H18 desc=\"Server Request Interrupted\" method=GET path=\"/a%22b%0A%C2%85c\\\" host=shop.localhost \
         request_id=id fwd=\"192.0.2.7\" dyno=web.1 connect=0ms service= status=200 bytes=5 protocol=http1.0 tls=true tls_version=unknown"
    );
}
