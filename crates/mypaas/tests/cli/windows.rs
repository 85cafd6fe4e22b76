//! What follows the size of a window, and what is drawn in it: bars, a dyno's terminal.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::mpsc;

use serde_json::{Value, json};

use crate::pty::{Terminal, settled};
use crate::support::{Answer, Home, Server, error, json as answer};
use crate::{bodies, run};

/// Says what it was sent, until `q`.
fn until_q(stream: &mut run::Stream) -> Vec<u8> {
    stream.write_all(b"$ ").unwrap();
    stream.flush().unwrap();
    let (mut said, mut byte) = (Vec::new(), [0]);
    while said.last() != Some(&b'q') && stream.read(&mut byte).unwrap() > 0 {
        said.push(byte[0]);
    }
    stream.write_all("\u{FFFF} heroku-command-exit-status: 0\r\n".as_bytes()).unwrap();
    said
}

/// A server with one attached dyno; it hands on every size that it is told, and answers with `status`.
fn sizes(attach_url: &str, status: u16) -> (Server, mpsc::Receiver<Value>) {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let mut dyno = bodies::dyno("run.4821", "starting");
    dyno["attach_url"] = json!(attach_url);
    let server = Server::start(move |request, _| match request.call.as_str() {
        "POST /apps/shop/dynos/run.4821/actions/resize" => {
            let _ = tell.lock().unwrap().send(serde_json::from_str(&request.body).unwrap());
            match status {
                200 => answer("{}"),
                _ => error(status, r#"{"id":"not_found","message":"The requested API endpoint was not found. Are you using the right HTTP verb?"}"#),
            }
        }
        "POST /apps/shop/dynos" => answer(&dyno),
        _ => error(404, r#"{"id":"not_found","message":"Not found here."}"#),
    });
    (server, told)
}

#[test]
fn the_dynos_terminal_follows_the_window() {
    let rendezvous = run::rendezvous(until_q);
    let (server, told) = sizes(&rendezvous.url, 200);
    let home = run::home(&server, &rendezvous.certificate);
    let mut terminal = Terminal::run(&home, 97, &["run", "bash"]);
    terminal.until("$ ");
    for (columns, lines) in [(132, 50), (40, 10)] {
        terminal.resize(columns, lines);
        assert_eq!(told.recv_timeout(crate::pty::PATIENCE).unwrap(), json!({"columns": columns, "lines": lines}));
    }
    terminal.type_in("q");
    let (status, shown) = terminal.end();
    assert_eq!(status, 0, "{shown}");
    assert_eq!(rendezvous.conversation.join().unwrap(), b"q", "nothing of it is among what was typed");
    // The first size came with the dyno, and is not told twice.
    assert_eq!(told.try_iter().count(), 0);
    assert!(server.request("POST /apps/shop/dynos").body.contains(r#""COLUMNS":"97""#));
}

#[test]
fn a_server_that_cannot_be_told_is_asked_once_and_nothing_is_said() {
    let rendezvous = run::rendezvous(until_q);
    let (server, told) = sizes(&rendezvous.url, 404);
    let home = run::home(&server, &rendezvous.certificate);
    let mut terminal = Terminal::run(&home, 97, &["run", "bash"]);
    terminal.until("$ ");
    terminal.resize(132, 50);
    told.recv_timeout(crate::pty::PATIENCE).unwrap();
    terminal.type_in("q");
    let (status, shown) = terminal.end();
    assert_eq!((status, shown.contains("Error"), shown.contains("endpoint")), (0, false, false), "{shown}");
}

/// A server that takes an upload when it is told to.
fn slow_upload() -> (Server, mpsc::Sender<()>) {
    let (go, gone) = mpsc::channel();
    let gone = Mutex::new(gone);
    let server = Server::start(move |request, _| {
        let host = format!("http://{}", request.header("host").unwrap());
        match request.call.as_str() {
            "POST /apps/shop/sources" => {
                gone.lock().unwrap().recv().unwrap();
                answer(json!({"source_blob": {"put_url": format!("{host}/put"), "get_url": format!("{host}/get")}}))
            }
            "PUT /put" => {
                gone.lock().unwrap().recv().unwrap();
                Answer::new(200, "")
            }
            _ => error(422, r#"{"id":"invalid_params","message":"That is far enough."}"#),
        }
    });
    (server, go)
}

const UPLOAD: [&str; 3] = ["builds:create", "--source-tar", "app.tgz"];

fn home_with_archive(server: &Server) -> Home {
    let home = Home::at(server);
    std::fs::write(home.path("work/app.tgz"), vec![7; 3 << 20]).unwrap();
    home
}

#[test]
fn an_upload_shows_how_far_it_is_and_leaves_one_line() {
    let (server, go) = slow_upload();
    let home = home_with_archive(&server).with("NO_COLOR", "1");
    let terminal = Terminal::run(&home, 100, &UPLOAD);
    terminal.until("[>                       ] 0 B of 3 MB");
    go.send(()).unwrap();
    terminal.until("[========================] 3 MB of 3 MB");
    go.send(()).unwrap();
    let (status, shown) = terminal.end();
    assert_eq!((status, settled(&shown)[0].as_str()), (1, "Uploading source... done, 3 MB"), "{shown:?}");
    assert!(!shown.replace("\u{1b}[K", "").contains('\u{1b}'), "only the line is wiped, nothing is coloured: {shown:?}");
    let put = server.request("PUT /put");
    assert_eq!((put.bytes.len(), put.header("content-length"), put.header("transfer-encoding")), (3 << 20, Some("3145728"), None));
}

#[test]
fn in_a_narrow_window_it_is_a_percentage() {
    let (server, go) = slow_upload();
    let home = home_with_archive(&server);
    let terminal = Terminal::run(&home, 40, &UPLOAD);
    terminal.until("Uploading source... ⣾ 0%");
    go.send(()).unwrap();
    terminal.until(" 100%");
    go.send(()).unwrap();
    let (_, shown) = terminal.end();
    let frames = shown.split(['\r', '\n']).filter(|line| line.starts_with("Uploading")).map(|line| line.replace("\u{1b}[K", "").chars().count());
    assert!(frames.max().unwrap() < 40 && !shown.contains("=="), "{shown:?}");
}

#[test]
fn where_nobody_looks_nothing_is_drawn() {
    let (server, go) = slow_upload();
    go.send(()).unwrap();
    go.send(()).unwrap();
    let said = home_with_archive(&server).mypaas(&UPLOAD);
    assert_eq!((said.status, said.out.as_str()), (1, ""));
    assert_eq!(said.err.lines().next(), Some("Uploading source... done, 3 MB"), "{:?}", said.err);
    assert!(!said.err.contains(['\r', '\u{1b}', '%']), "{:?}", said.err);
}
