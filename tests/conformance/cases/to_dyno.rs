//! 1.3: headers towards the dyno.

use crate::{
    Case, case,
    play::{GET, forwarded, get, post, reach},
    wire::Head,
    world::World,
};

pub(crate) fn cases() -> Vec<Case> {
    [forwarding(), request_ids(), hop_by_hop(), order()].into_iter().flatten().collect()
}

fn forwarding() -> Vec<Case> {
    vec![
        forwarded("1.3 X-Forwarded-For is the peer", GET, |head| assert_eq!(head.one("x-forwarded-for"), "127.0.0.1")),
        forwarded("1.3 X-Forwarded-For is appended to", get("X-Forwarded-For: 1.2.3.4, 5.6.7.8"), |head| {
            assert_eq!(head.one("x-forwarded-for"), "1.2.3.4, 5.6.7.8, 127.0.0.1");
        }),
        forwarded("1.3 X-Forwarded-For lines are joined first", get("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8"), |head| {
            assert_eq!(head.one("x-forwarded-for"), "1.2.3.4, 5.6.7.8, 127.0.0.1");
        }),
        forwarded("1.3 X-Forwarded-Proto is the listener's", GET, |head| assert_eq!(head.one("x-forwarded-proto"), "http")),
        forwarded("1.3 X-Forwarded-Proto is overwritten", get("X-Forwarded-Proto: https\r\nX-Forwarded-Proto: wss"), |head| {
            assert_eq!(head.one("x-forwarded-proto"), "http");
        }),
        case("1.3 X-Forwarded-Port is the listener's and overwritten", || {
            let world = World::shop();
            let head = reach(&world, get("X-Forwarded-Port: 443").as_bytes(), &mut None).head;
            assert_eq!(head.one("x-forwarded-port"), world.address.port().to_string());
        }),
        forwarded("1.3 X-Forwarded-Host, X-Forwarded-By and Forwarded pass", get("X-Forwarded-Host: a\r\nX-Forwarded-By: b\r\nForwarded: for=c"), |head| {
            assert_eq!((head.one("x-forwarded-host"), head.one("x-forwarded-by"), head.one("forwarded")), ("a", "b", "for=c"));
        }),
        forwarded("1.3 X-Request-Start is milliseconds", GET, |head| {
            let start = head.one("x-request-start");
            assert!(start.len() == 13 && start.bytes().all(|byte| byte.is_ascii_digit()), "{start}");
        }),
        forwarded("1.3 X-Request-Start is overwritten", get("X-Request-Start: t=1"), |head| assert_eq!(head.one("x-request-start").len(), 13)),
        forwarded("1.3 Via names the router", GET, |head| assert!(head.one("via").starts_with("1.1 "), "{head:?}")),
        forwarded("1.3 Via is appended to", get("Via: 1.0 fred"), |head| {
            assert!(head.one("via").starts_with("1.0 fred, 1.1 "), "{head:?}");
        }),
        forwarded("1.3 Via of HTTP/1.0 says so", GET.replace("/1.1", "/1.0"), |head| assert!(head.one("via").starts_with("1."), "{head:?}")),
        forwarded("1.3 Connect-Time is milliseconds", GET, |head| digits(head.one("connect-time"))),
        forwarded("1.3 Total-Route-Time is milliseconds", get("Total-Route-Time: x"), |head| digits(head.one("total-route-time"))),
        forwarded("1.3 Host is there once", GET, |head| assert_eq!(head.one("host"), "shop.test")),
        forwarded("1.3 Connection is close", get("Connection: keep-alive"), |head| assert_eq!(head.one("connection"), "close")),
    ]
}

#[track_caller]
fn digits(text: &str) {
    assert!(!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()), "{text:?}");
}

#[track_caller]
fn is_uuid(id: &str) {
    let shape: String = id.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
    assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

fn request_ids() -> Vec<Case> {
    let id = |id: &str| get(&format!("X-Request-Id: {id}"));
    let fresh: fn(&Head) = |head| is_uuid(head.one("x-request-id"));
    let mut cases = vec![
        forwarded("1.3 X-Request-Id is a UUID", GET, fresh),
        forwarded("1.3 X-Request-Id of 20 bytes stays", id("abcdefghij0123456789"), |head| assert_eq!(head.one("x-request-id"), "abcdefghij0123456789")),
        forwarded("1.3 X-Request-Id of 200 bytes stays", id(&"a".repeat(200)), |head| assert_eq!(head.one("x-request-id").len(), 200)),
        forwarded("1.3 X-Request-Id may have + / = -", id("abcdefghij+/=-ABCDEF"), |head| assert_eq!(head.one("x-request-id"), "abcdefghij+/=-ABCDEF")),
        forwarded("1.3 two X-Request-Ids become one", get("X-Request-Id: abcdefghij0123456789\r\nX-Request-Id: 0123456789abcdefghij"), |head| {
            assert_eq!(head.all("x-request-id").len(), 1);
        }),
        case("1.3 X-Request-Id is logged", move || {
            let world = World::shop();
            reach(&world, id("abcdefghij0123456789").as_bytes(), &mut None);
            assert!(world.line().contains(" request_id=abcdefghij0123456789 "));
        }),
    ];
    for (what, bad) in [
        ("of 19 bytes", "a".repeat(19)),
        ("of 201 bytes", "a".repeat(201)),
        ("with a space", "abcdefghij 0123456789".to_owned()),
        ("with a dot", "abcdefghij.0123456789".to_owned()),
        ("with an underscore", "abcdefghij_0123456789".to_owned()),
        ("that is empty", String::new()),
    ] {
        cases.push(forwarded(&format!("1.3 X-Request-Id {what} is replaced"), id(&bad), fresh));
    }
    cases
}

fn hop_by_hop() -> Vec<Case> {
    let mut cases = vec![
        forwarded("1.3 nominated headers go", get("Connection: X-Hop, x-other\r\nX-Hop: 1\r\nX-Other: 2\r\nX-Stays: 3"), |head| {
            assert!(!head.has("x-hop") && !head.has("x-other") && head.has("x-stays"), "{head:#?}");
        }),
        forwarded("1.3 headers nominated in a second line go", get("Connection: X-Hop\r\nConnection: X-Other\r\nX-Hop: 1\r\nX-Other: 2"), |head| {
            assert!(!head.has("x-hop") && !head.has("x-other"), "{head:#?}");
        }),
        case("1.3 a nomination of Content-Length is none", || {
            assert_eq!(reach(&World::shop(), post("Connection: Content-Length\r\nContent-Length: 5", "hello").as_bytes(), &mut None).body, b"hello");
        }),
        case("1.3 a nomination of Transfer-Encoding is none", || {
            let request = post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n");
            assert_eq!(reach(&World::shop(), request.as_bytes(), &mut None).body, b"hello");
        }),
        forwarded("1.3 Proxy-Authenticate and Upgrade-Insecure-Requests pass", get("Proxy-Authenticate: Basic\r\nUpgrade-Insecure-Requests: 1"), |head| {
            assert!(head.has("proxy-authenticate") && head.has("upgrade-insecure-requests"));
        }),
        forwarded("1.3 cookies and authorization pass", get("Cookie: a=1\r\nCookie: b=2\r\nAuthorization: Basic eDp5"), |head| {
            assert_eq!((head.all("cookie").join("; ").as_str(), head.one("authorization")), ("a=1; b=2", "Basic eDp5"));
        }),
    ];
    for name in ["TE", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "HTTP2-Settings"] {
        cases.push(case(format!("1.3 {name} is removed"), move || {
            let head = reach(&World::shop(), get(&format!("{name}: trailers")).as_bytes(), &mut None).head;
            assert!(!head.has(name), "{head:#?}");
        }));
    }
    for name in ["Host", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Request-Id", "X-Request-Start"] {
        cases.push(case(format!("74 a nomination of {name} does not remove it"), move || {
            reach(&World::shop(), get(&format!("Connection: {name}")).as_bytes(), &mut None).head.one(name);
        }));
    }
    cases
}

fn order() -> Vec<Case> {
    vec![
        forwarded("1.3 headers keep their order", get("X-C: 3\r\nX-A: 1\r\nX-B: 2\r\nX-A: 4"), |head| {
            let own: Vec<_> =
                head.lines.iter().filter(|(name, _)| name.len() == 3 && name.to_uppercase().starts_with("X-")).map(|(_, value)| value.as_str()).collect();
            assert_eq!(own, ["3", "1", "2", "4"], "{head:#?}");
        }),
        forwarded("1.3 the order of all headers is the reference's", get("Accept: */*"), |head| {
            let names: Vec<String> = head.lines.iter().map(|(name, _)| name.to_lowercase()).collect();
            let expected = [
                "host",
                "connection",
                "accept",
                "x-request-id",
                "x-forwarded-for",
                "x-forwarded-proto",
                "x-forwarded-port",
                "via",
                "connect-time",
                "x-request-start",
                "total-route-time",
            ];
            assert_eq!(names, expected);
        }),
        forwarded("1.3 names are title-cased", get("x-my-header: 1"), |head| assert!(head.lines.iter().any(|(name, _)| name == "X-My-Header"), "{head:#?}")),
        forwarded("1.3 values with bytes above 127 pass", [get("X-A: caf").trim_end().as_bytes(), b"\xe9\r\n\r\n"].concat(), |head| {
            assert!(head.one("x-a").starts_with("caf"));
        }),
    ]
}
