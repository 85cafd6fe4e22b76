//! The three most common plays: a request is refused, a request reaches the dyno, a dyno's answer reaches the client.

use crate::{
    Case, case,
    wire::{Conn, Head, Message},
    world::World,
};

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// `GET` with these headers besides `Host`.
pub(crate) fn get(headers: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: shop.test\r\n{headers}\r\n\r\n")
}

/// `POST` with these headers besides `Host`, and a body.
pub(crate) fn post(headers: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: shop.test\r\n{headers}\r\n\r\n{body}")
}

/// The router answers with one of these itself, says that it closes, does so, and no dyno hears of it.
pub(crate) fn refused(name: &str, request: impl Into<Vec<u8>>, statuses: &'static [u16]) -> Case {
    let request = request.into();
    case(name, move || {
        let world = World::shop();
        let mut client = world.client();
        client.try_send(&request);
        is_refused(&mut client, statuses);
        world.dynos_are_left_alone();
    })
}

/// The next response is one of these and the last one.
#[track_caller]
pub(crate) fn is_refused(client: &mut Conn, statuses: &[u16]) {
    let message = client.response();
    assert!(statuses.contains(&message.head.status()), "{:#?}", message.head);
    assert!(message.head.closes(), "it closes without saying so: {:#?}", message.head);
    client.ends();
}

/// The dyno gets this request's head; it answers, and so does the router.
pub(crate) fn forwarded(name: &str, request: impl Into<Vec<u8>>, check: fn(&Head)) -> Case {
    let request = request.into();
    case(name, move || {
        let (world, mut client) = (World::shop(), None);
        let head = reach(&world, &request, &mut client).head;
        check(&head);
    })
}

/// Sends a request, plays the dyno that answers it, and gives what the dyno got.
#[track_caller]
pub(crate) fn reach(world: &World, request: &[u8], client: &mut Option<Conn>) -> Message {
    let client = client.get_or_insert_with(|| world.client());
    client.send(request);
    let mut dyno = world.dyno();
    let head = dyno.head();
    let body = dyno.body(&head);
    if head.first.starts_with("HEAD") {
        dyno.send(OK.trim_end_matches("hello"));
        assert_eq!(client.head().status(), 200);
    } else {
        dyno.send(OK);
        client.gets(200, "hello");
    }
    Message { head, body }
}

/// The dyno gets this body.
pub(crate) fn body_arrives(name: &str, request: impl Into<Vec<u8>>, body: impl Into<Vec<u8>>) -> Case {
    let (request, body) = (request.into(), body.into());
    case(name, move || {
        let message = reach(&World::shop(), &request, &mut None);
        assert!(message.body == body, "{} bytes came: {:?}", message.body.len(), String::from_utf8_lossy(&message.body[..message.body.len().min(200)]));
    })
}

/// The dyno sends this and closes; the client gets that.
pub(crate) fn answered(name: &str, response: impl Into<Vec<u8>>, check: fn(&Message)) -> Case {
    let response = response.into();
    case(name, move || check(&answer(&World::shop(), GET, &response)))
}

#[track_caller]
pub(crate) fn answer(world: &World, request: &str, response: &[u8]) -> Message {
    let mut client = world.client();
    client.send(request);
    let mut dyno = world.dyno();
    dyno.head();
    dyno.try_send(response);
    drop(dyno);
    client.response()
}
