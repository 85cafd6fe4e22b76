use crate::bodies;
use crate::support::{Answer, Home, Request, Server, error, json};

fn url(request: &Request) -> String {
    format!("http://{}/stream/s3cret", request.header("host").unwrap())
}

#[test]
fn the_lines_there_are_come_unchanged() {
    let server = Server::start(|request, _| match request.call.as_str() {
        "POST /apps/shop/log-sessions" => json(bodies::log_session(&url(request))),
        _ => Answer::new(200, "one app[web.1]: a\u{1b}[0m\ntwo\nthree without end"),
    });
    let said = Home::at(&server).mypaas(&["logs", "-d", "web.1", "-s", "app"]);
    assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (0, "one app[web.1]: a\u{1b}[0m\ntwo\nthree without end\n", ""));
    let asked = server.request("POST /apps/shop/log-sessions");
    assert_eq!(asked.body, r#"{"dyno_name":"web.1","lines":100,"source":"app","tail":false}"#);
    let stream = server.request("GET /stream/s3cret");
    assert_eq!((stream.header("accept"), stream.header("authorization")), (Some("text/plain"), None));
}

#[test]
fn a_tail_resumes_behind_the_last_line() {
    let server = Server::start(|request, _| match (request.call.as_str(), request.header("last-event-id")) {
        ("POST /apps/shop/log-sessions", _) => json(bodies::log_session(&url(request))),
        (_, None) => Answer::new(200, "retry: 1\n\nid: 1\ndata: one\n\nid: 2\ndata: two\n\nid: 3\ndata: thr"),
        (_, Some("2")) => Answer::new(200, "id: 3\ndata: three\n\n"),
        _ => error(404, r#"{"id":"not_found","message":"Gone."}"#),
    });
    let said = Home::at(&server).mypaas(&["logs", "--tail"]);
    assert_eq!((said.status, said.out.as_str()), (1, "one\ntwo\nthree\n"));
    assert_eq!(said.err, "Error: Log stream timed out. Please try again.\n");
    assert_eq!(server.request("GET /stream/s3cret").header("accept"), Some("text/event-stream"));
}
