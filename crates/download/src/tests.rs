use std::{
    io::{BufRead, BufReader, Write},
    net::{IpAddr, TcpListener},
    thread,
};

use futures_util::TryStreamExt;

use super::*;

/// A server that answers each request with what `answer` says to its path.
fn server(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() <= 2 {
                    break;
                }
                head.push(line);
            }
            let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or("/").to_owned();
            let _ = reader.get_mut().write_all(answer(&path).as_bytes());
        }
    });
    url
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

async fn get(allowed: public::Rule, url: &str) -> Result<String, String> {
    let downloads = PublicDownloads::with_rule(None, allowed).unwrap();
    let stream = downloads.get(url).await.map_err(|error| error.to_string())?;
    let chunks: Vec<Bytes> = stream.try_collect().await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(chunks.concat()).unwrap())
}

const ANYWHERE: public::Rule = |_| true;

#[tokio::test]
async fn what_is_there_comes() {
    let url = server(|path| if path == "/a" { redirect("/b") } else { ok(&"x".repeat(300_000)) });
    assert_eq!(get(ANYWHERE, &format!("{url}/a")).await.unwrap().len(), 300_000);
}

/// Hostile inputs 41.
#[tokio::test]
async fn what_is_not_public_is_not_asked() {
    let url = server(|_| panic!("it was asked"));
    let port = url.rsplit(':').next().unwrap();
    let refused = |host: &str| format!("could not be fetched: {host} is not a public address");
    for host in ["127.0.0.1", "[::1]", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "192.168.0.1"] {
        assert_eq!(get(public::may_be_reached, &format!("http://{host}:{port}/")).await.unwrap_err(), refused(host));
    }
    // However the number is written.
    for host in ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"] {
        assert!(get(public::may_be_reached, &format!("http://{host}:{port}/")).await.is_err(), "{host}");
    }
}

/// Hostile inputs 41.
#[tokio::test]
async fn a_redirect_is_looked_at_as_closely() {
    let secret = server(|_| panic!("it was asked"));
    let inside = secret.replace("127.0.0.1", "127.0.0.2");
    let outside = server(move |_| redirect(&inside));
    // 127.0.0.1 stands for the internet here, 127.0.0.2 for what lies inside.
    let rule: public::Rule = |address| address == IpAddr::from([127, 0, 0, 1]);
    assert_eq!(get(rule, &outside).await.unwrap_err(), "could not be fetched: 127.0.0.2 is not a public address");
    let elsewhere = server(|_| redirect("file:///etc/passwd"));
    assert!(get(ANYWHERE, &elsewhere).await.is_err());
}

#[tokio::test]
async fn an_admins_own_hosts_are_asked_wherever_they_are_and_nothing_beside_them() {
    let inside = server(|_| panic!("it was asked"));
    let (elsewhere, port) = (redirect(&inside), inside.rsplit(':').next().unwrap().to_owned());
    let own = server(move |path| if path == "/away" { elsewhere.clone() } else { ok("theirs") });
    let trusted = [own.trim_start_matches("http://").to_owned()];
    let downloads = PublicDownloads::new(None, &trusted).unwrap();
    let chunks: Vec<Bytes> = downloads.get(&format!("{own}/a")).await.unwrap().try_collect().await.unwrap();
    assert_eq!(chunks.concat(), b"theirs");
    assert!(downloads.trusts(&trusted[0]) && !downloads.trusts("127.0.0.1"));
    for url in [format!("{own}/away"), inside, format!("http://127.0.0.1:{port}@localhost:{port}/")] {
        let Err(refused) = downloads.get(&url).await else { panic!("{url}") };
        assert!(matches!(refused, DownloadError::NotPublic(_)), "{url}: {refused}");
    }
}

#[tokio::test]
async fn failures_are_sentences() {
    let url = server(|path| match path {
        "/missing" => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "/round" => redirect("/round"),
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\ncut".to_owned(),
    });
    assert_eq!(get(ANYWHERE, &format!("{url}/missing")).await.unwrap_err(), "could not be fetched: the server answered 404");
    assert_eq!(get(ANYWHERE, &format!("{url}/round")).await.unwrap_err(), "could not be fetched: there were too many redirects");
    assert!(get(ANYWHERE, &format!("{url}/cut")).await.is_err(), "a body that is cut is no body");
    assert_eq!(get(ANYWHERE, "http://no-such-host.invalid/").await.unwrap_err(), "could not be fetched: there is no host no-such-host.invalid");
    assert_eq!(get(ANYWHERE, "file:///etc/passwd").await.unwrap_err(), "could not be fetched: its address is no http or https URL");
}
