use std::net::TcpListener;

use crate::support::{Answer, Home, Server, error};

#[test]
fn an_unknown_app_is_a_sentence_a_hint_and_a_request_id() {
    let server = Server::start(|_, _| error(404, r#"{"id":"not_found","resource":"app","message":"Couldn't find that app."}"#).with("request-id", "0123-4567"));
    let said = Home::at(&server).mypaas(&["info", "-a", "nope"]);
    assert_eq!(said.status, 1);
    assert_eq!(said.out, "");
    assert_eq!(said.err, "Error: Couldn't find that app.\nhint: `mypaas apps` lists your apps\nrequest id: 0123-4567\n");
}

#[test]
fn a_wrong_token_and_a_strange_server() {
    let server = Server::start(|_, _| error(401, r#"{"id":"unauthorized","message":"Invalid credentials provided."}"#));
    let said = Home::at(&server).mypaas(&["apps"]);
    assert_eq!((said.status, said.err.as_str()), (1, "Error: Invalid credentials provided.\nhint: log in with `mypaas login`\n"));

    let server = Server::start(|_, _| Answer::new(502, "<html>Bad Gateway</html>"));
    let said = Home::at(&server).mypaas(&["apps"]);
    assert!(said.err.starts_with(&format!("Error: {} answered 502 to GET /apps, without saying why.\n", server.url)), "{}", said.err);

    let server = Server::start(|_, _| Answer::new(200, "<html>hello</html>"));
    let said = Home::at(&server).mypaas(&["apps"]);
    assert_eq!(said.status, 1);
    assert!(said.err.contains("cannot be understood"), "{}", said.err);
}

#[test]
fn nobody_there_is_said_plainly() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://{free}");
    let said = Home::new().with("MYPAAS_SERVER", &server).with("MYPAAS_TOKEN", "t").mypaas(&["config:set", "A=b", "-a", "shop"]);
    assert_eq!(said.status, 1);
    let expected = format!(
        "Setting A and restarting ⬢ shop... !\nError: {server} cannot be reached: nothing listens there.\nhint: check the address and that the server runs\n"
    );
    assert_eq!(said.err, expected);
}

#[test]
fn what_is_not_a_command_is_usage() {
    let said = Home::new().mypaas(&["ps:explode"]);
    assert_eq!(said.status, 2);
    assert_eq!(said.out, "");
    let said = Home::new().mypaas(&["--help"]);
    assert_eq!(said.status, 0);
    assert!(said.out.contains("ps:scale"));
}

#[test]
fn a_redirect_is_not_followed_with_the_token() {
    let elsewhere = Server::start(|_, _| error(500, "{}"));
    let location = format!("{}/apps", elsewhere.url);
    let server = Server::start(move |_, _| Answer::new(302, "").with("location", &location));
    let said = Home::at(&server).mypaas(&["apps"]);
    assert_eq!(said.status, 1);
    assert!(elsewhere.calls().is_empty());
}
