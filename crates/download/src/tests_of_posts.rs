use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    thread,
};

use ports::posts::{Post, PostError, Posts};

use crate::{PublicPosts, public};

/// Answers every request with this; passes on what came.
fn server(answer: &'static str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (pass, passed) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut text, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() <= 2 {
                    break;
                }
                let lower = line.to_ascii_lowercase();
                length = lower.strip_prefix("content-length: ").map_or(length, |rest| rest.trim().parse().unwrap());
                text.push_str(&lower);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            text.push_str(&String::from_utf8(body).unwrap());
            let _ = pass.send(text);
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    (url, passed)
}

fn post(url: &str) -> Post {
    Post { url: url.to_owned(), headers: vec![("Content-Type", "application/json".to_owned()), ("X-Signed", "Yes".to_owned())], body: "{\"a\":1}".to_owned() }
}

#[tokio::test]
async fn a_post_arrives_with_its_headers_and_its_answer_comes_back() {
    let (url, passed) = server("HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let posts = PublicPosts::with_rule(|_| true).unwrap();
    assert_eq!(posts.post(post(&format!("{url}/hook?x=1"))).await, Ok(503));
    let text = passed.recv().unwrap();
    assert!(text.starts_with("post /hook?x=1 http/1.1") && text.contains("x-signed: yes") && text.ends_with("{\"a\":1}"), "{text}");
}

/// Hostile inputs 41.
#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (inside, passed) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let answer = format!("HTTP/1.1 302 Found\r\nlocation: {inside}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let (outside, _kept) = server(answer.leak());
    assert_eq!(PublicPosts::with_rule(|_| true).unwrap().post(post(&outside)).await, Ok(302));
    assert!(passed.try_recv().is_err(), "nobody asked there");
}

/// Hostile inputs 41.
#[tokio::test]
async fn what_is_not_public_is_told_nothing() {
    let (url, passed) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let port = url.rsplit(':').next().unwrap();
    let posts = PublicPosts::with_rule(public::may_be_reached).unwrap();
    for host in ["127.0.0.1", "[::1]", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1"] {
        assert_eq!(posts.post(post(&format!("http://{host}:{port}/"))).await, Err(PostError::NotPublic), "{host}");
    }
    assert_eq!(posts.post(post("http://no-such-host.invalid/")).await, Err(PostError::UnknownHost));
    assert!(passed.try_recv().is_err(), "nobody asked there");
    let own = PublicPosts::new(None, &[url.trim_start_matches("http://").to_owned()]).unwrap();
    assert_eq!(own.post(post(&url)).await, Ok(200), "an admin's own host is told wherever it is");
}
