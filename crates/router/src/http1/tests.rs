//! Heads and chunks, piece by piece.

use super::{
    body::Framing,
    chunked::{BadChunk, Chunked},
    head::HeadReader,
    request::{self, Refusal, RequestHead},
    response::{self, Unfit},
};

fn read(head: &[u8]) -> Result<RequestHead, Refusal> {
    let mut lines = HeadReader::default();
    let length = lines.advance(head, &request::LIMITS)?.ok_or(Refusal::Timeout)?;
    request::understand(head, &lines, length)
}

fn refused(head: &str) -> Option<Refusal> {
    read(head.as_bytes()).map_or_else(Some, |head| head.fault)
}

#[test]
fn a_head_reads_the_same_in_any_pieces() {
    let head = b"\r\nPOST http://Shop:80?q HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\nX: \t a b \r\n\r\nhello";
    let whole = read(head).unwrap();
    assert_eq!((whole.method.of(head), whole.target.of(head), whole.framing), (&b"POST"[..], &b"?q"[..], Framing::Length(5)));
    assert_eq!(whole.length, head.len() - 5);
    let mut lines = HeadReader::default();
    for end in 0..head.len() - 5 {
        assert_eq!(lines.advance(&head[..end], &request::LIMITS), Ok(None), "{end}");
    }
    let length = lines.advance(head, &request::LIMITS).unwrap().unwrap();
    assert_eq!(request::understand(head, &lines, length).unwrap(), whole);
    assert_eq!(lines.fields[2].value.of(head), b"a b");
}

#[test]
fn what_is_refused() {
    let of = |line: &str, rest: &str| refused(&format!("{line}\r\nHost: a\r\n{rest}\r\n"));
    assert_eq!(of("GET / HTTP/1.1", ""), None);
    assert_eq!(of("GET / HTTP/1.2", ""), Some(Refusal::VersionNotSupported));
    assert_eq!(of("GET / garbage", ""), Some(Refusal::VersionNotSupported));
    for line in ["GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "G(T / HTTP/1.1", "GET a HTTP/1.1", "GET * HTTP/1.1", "GET /\u{1} HTTP/1.1"]
    {
        assert_eq!(of(line, ""), Some(Refusal::BadRequest), "{line}");
    }
    for rest in ["A : b\r\n", " a: b\r\n", "A: b\r\n c\r\n", "A\r\n", ": a\r\n", "A: b\0\r\n", "A: b\rc\r\n", "A: b\n", "Host: a\r\n"] {
        assert_eq!(of("GET / HTTP/1.1", rest), Some(Refusal::BadRequest), "{rest:?}");
    }
    for rest in ["Content-Length: \r\n", "Content-Length: 5a\r\n", "Content-Length: 5 5\r\n", "Transfer-Encoding: ,\r\n", "Connection: upgrade\r\n"] {
        assert_eq!(of("GET / HTTP/1.1", rest), Some(Refusal::BadHeader), "{rest:?}");
    }
    assert_eq!(of(&format!("GET /{} HTTP/1.1", "x".repeat(8199)), ""), None);
    assert_eq!(of(&format!("GET /{} HTTP/1.1", "x".repeat(8200)), ""), Some(Refusal::TargetTooLong));
    assert_eq!(refused(&"\r\n".repeat(6)), Some(Refusal::BadRequest));
    assert_eq!(of(&format!("{}GET / HTTP/1.1", "\r\n".repeat(5)), ""), None);
    assert_eq!(of("GET / HTTP/1.1", &"A: b\r\n".repeat(999)), None);
    assert_eq!(of("GET / HTTP/1.1", &"A: b\r\n".repeat(1000)), Some(Refusal::BadRequest));
}

fn follow(input: &[u8], size: usize, framed: bool) -> Result<(Vec<u8>, bool), BadChunk> {
    let (mut chunked, mut out, mut rest) = (Chunked::new(framed), Vec::new(), Vec::new());
    for piece in input.chunks(size) {
        rest.extend_from_slice(piece);
        let step = chunked.advance(&mut rest)?;
        out.extend_from_slice(&rest[..step.kept]);
        rest.drain(..step.consumed);
    }
    Ok((out, chunked.is_done()))
}

#[test]
fn chunks_are_the_same_in_any_pieces() {
    let input = b"5;a=\"b\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nContent-Length: 3\r\nX-Long: a\r\n b\r\n\r\n";
    for size in 1..=input.len() {
        let (framed, done) = follow(input, size, true).unwrap();
        assert!(done, "{size}");
        assert_eq!(framed, b"5\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nX-Long: a   b\r\n\r\n", "{size}");
        assert_eq!(follow(input, size, false).unwrap().0, b"hello0123456789");
    }
}

#[test]
fn bad_chunks() {
    for input in [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "+1\r\n",
        " 1\r\n",
        "1 \r\n",
        "0x1\r\n",
        "1\n",
        "1\rx",
        "1;a\nb\r\n",
        "1\r\nabc",
        "1\r\na\rb",
        "1\r\na\n",
        "1000000000000000\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\nA : b\r\n\r\n",
        "0\r\nA: \x01\r\n\r\n",
        "0\r\n: b\r\n\r\n",
    ] {
        for size in [1, 1000] {
            assert_eq!(follow(input.as_bytes(), size, true).map(|(out, _)| String::from_utf8(out)), Err(BadChunk), "{input:?}");
        }
    }
    assert!(!follow(b"0\r\nA: b\r\n", 1, true).unwrap().1);
}

#[test]
fn responses() {
    let of = |text: &str, bodiless| {
        let mut lines = HeadReader::default();
        let length = lines.advance(text.as_bytes(), &response::LIMITS)?.ok_or(Unfit::Unreadable)?;
        response::understand(text.as_bytes(), &lines, length, bodiless)
    };
    for line in ["HTTP/1.1 200 OK", "HTTP/1.0 200", "HTTP/1.1 200 "] {
        assert_eq!(of(&format!("{line}\r\n\r\n"), false).unwrap().framing, Framing::UntilClose, "{line}");
    }
    for line in ["HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/2 200 OK", "HTTP/1.1  200", "HTTP/1.1 +20", "HTTP/1.1 099 x", "", "HTTP/1.1 200 a\u{1}"] {
        assert_eq!(of(&format!("{line}\r\n\r\n"), false), Err(Unfit::Unreadable), "{line}");
    }
    assert_eq!(of("HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", true).unwrap().framing, Framing::Empty);
    assert_eq!(of("HTTP/1.1 200\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false).unwrap().framing, Framing::Chunked);
    assert_eq!(of("HTTP/1.1 200\r\nContent-Length: 3,3\r\n\r\n", false), Err(Unfit::Restricted("invalid content length")));
    assert_eq!(of(&format!("HTTP/1.1 200 {}\r\n\r\n", "x".repeat(8190)), false), Err(Unfit::Restricted("oversized status line")));
}
