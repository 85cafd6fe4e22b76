//! `run` against a rendezvous server with a certificate of its own.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::bodies;
use crate::support::{Home, Server, json as answer};

pub(crate) type Stream = StreamOwned<ServerConnection, std::net::TcpStream>;

pub(crate) struct Rendezvous {
    pub(crate) url: String,
    pub(crate) certificate: String,
    /// What the client sent after the secret.
    pub(crate) conversation: JoinHandle<Vec<u8>>,
}

/// Reads the secret, greets, then lets `talk` go on.
pub(crate) fn rendezvous(talk: impl FnOnce(&mut Stream) -> Vec<u8> + Send + 'static) -> Rendezvous {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rendezvous://localhost:{}/s3cret", listener.local_addr().unwrap().port());
    let conversation = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), socket);
        let mut secret = [0; 8];
        // A client that does not trust the certificate goes away here.
        if stream.read_exact(&mut secret).is_err() {
            return Vec::new();
        }
        assert_eq!(&secret, b"s3cret\r\n");
        stream.write_all(b"rendezvous\r\n").unwrap();
        stream.flush().unwrap();
        let said = talk(&mut stream);
        stream.conn.send_close_notify();
        let _ = stream.flush();
        said
    });
    Rendezvous { url, certificate: cert.pem(), conversation }
}

pub(crate) fn api(attach_url: &str) -> Server {
    let mut dyno = bodies::dyno("run.4821", "starting");
    dyno["attach_url"] = json!(attach_url);
    Server::start(move |_, _| answer(&dyno))
}

pub(crate) fn home(server: &Server, certificate: &str) -> Home {
    let home = Home::at(server);
    let ca = home.path("ca.pem");
    std::fs::write(&ca, certificate).unwrap();
    home.with("MYPAAS_CA", ca.to_str().unwrap())
}

fn until_eot(stream: &mut Stream) -> Vec<u8> {
    let mut said = Vec::new();
    let mut byte = [0];
    while said.last() != Some(&4) && stream.read(&mut byte).unwrap() > 0 {
        said.push(byte[0]);
    }
    said
}

#[test]
fn bytes_go_both_ways_and_the_exit_status_comes_back() {
    let rendezvous = rendezvous(|stream| {
        let said = until_eot(stream);
        // Cut within the marker, and within its first character.
        for piece in ["out\r\nput\0\u{FFFF}".as_bytes(), b"\n\xEF\xBF", b"\xBF heroku-command-exit", b"-status: 3", b"7\r\n"] {
            stream.write_all(piece).unwrap();
            stream.flush().unwrap();
        }
        said
    });
    let server = api(&rendezvous.url);
    let home = home(&server, &rendezvous.certificate);
    let said = home.mypaas_with(&["run", "-e", "A=b", "--", "grep", "-c", "a b"], "line one\nline two");
    assert_eq!(said.out, "out\r\nput\0\u{FFFF}\n");
    assert_eq!(said.err, "Running grep -c \"a b\" on ⬢ shop... up, run.4821 (Standard-1X)\n");
    assert_eq!(said.status, 37);
    assert_eq!(rendezvous.conversation.join().unwrap(), b"line one\nline two\x04");

    let body: Value = serde_json::from_str(&server.request("POST /apps/shop/dynos").body).unwrap();
    assert_eq!(body["command"], "( grep -c \"a b\"\n) ; echo \"\u{FFFF} heroku-command-exit-status: $?\"");
    assert_eq!((&body["attach"], &body["force_no_tty"]), (&json!(true), &json!(true)));
    assert_eq!(body["env"], json!({"A": "b"}));
}

#[test]
fn much_output_and_much_input_pass() {
    let rendezvous = rendezvous(|stream| {
        // The output comes before the input is read: neither side may wait for the other.
        stream.write_all("0123456789\n".repeat(100_000).as_bytes()).unwrap();
        let said = until_eot(stream);
        stream.write_all("\u{FFFF} heroku-command-exit-status: 0\n".as_bytes()).unwrap();
        said
    });
    let server = api(&rendezvous.url);
    let input = "abcdefghi\n".repeat(50_000);
    let said = home(&server, &rendezvous.certificate).mypaas_with(&["run", "cat"], &input);
    assert_eq!(said.status, 0, "{}", said.err);
    assert_eq!(said.out.len(), 1_100_000);
    assert_eq!(rendezvous.conversation.join().unwrap().len(), input.len() + 1);
}

#[test]
fn a_dyno_that_goes_away_is_a_failure() {
    let rendezvous = rendezvous(|stream| {
        stream.write_all(b"half").unwrap();
        Vec::new()
    });
    let server = api(&rendezvous.url);
    let said = home(&server, &rendezvous.certificate).mypaas(&["run", "sleep 100"]);
    assert_eq!((said.status, said.out.as_str()), (1, "half"));
    assert!(said.err.contains("Error: The connection to run.4821 ended before the command reported its exit status.\n"), "{}", said.err);
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    let rendezvous = rendezvous(|_| Vec::new());
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let server = api(&rendezvous.url);
    let said = home(&server, &other.cert.pem()).mypaas(&["run", "ls"]);
    assert_eq!((said.status, said.out.as_str()), (1, ""));
    assert!(said.err.contains("Error: The connection to the dyno could not begin: "), "{}", said.err);
    assert!(!said.err.contains("s3cret"));
    assert_eq!(rendezvous.conversation.join().unwrap(), b"");
}

#[test]
fn a_detached_dyno_is_named_on_stdout() {
    let server = api("");
    let said = Home::at(&server).mypaas(&["run:detached", "rake", "db:migrate"]);
    assert_eq!((said.status, said.out.as_str()), (0, "run.4821\n"));
    assert!(said.err.starts_with("Running rake db:migrate on ⬢ shop... done, run.4821\n"), "{}", said.err);
    let body: Value = serde_json::from_str(&server.request("POST /apps/shop/dynos").body).unwrap();
    assert_eq!((&body["attach"], &body["command"]), (&json!(false), &json!("rake db:migrate")));
}
