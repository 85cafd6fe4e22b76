//! Whatever bytes come, in whatever pieces: heads and bodies mean the same, and what goes out says what came in.

use super::{
    body::Framing,
    chunked::Chunked,
    head::{BadHead, HeadReader, Limits},
    request, response,
    write::{self, Afterwards, Manner, Said},
};

/// For heads that we wrote: a line of ours may be all lines of a client's together.
const ANY: Limits = Limits { first_line: 1 << 20, line: 1 << 20, cookie: 1 << 20, name: 1 << 20, headers: 4000, total: 1 << 22, leading: 0 };

/// Reads a head that comes in pieces of this size.
fn read(bytes: &[u8], limits: &Limits, size: usize) -> Result<Option<(HeadReader, usize)>, BadHead> {
    let mut lines = HeadReader::default();
    let mut end = 0;
    while end < bytes.len() {
        end = end.saturating_add(size).min(bytes.len());
        if let Some(length) = lines.advance(&bytes[..end], limits)? {
            return Ok(Some((lines, length)));
        }
    }
    Ok(None)
}

/// The same in any pieces; gives what it is.
fn read_any(bytes: &[u8], limits: &Limits) -> Option<(HeadReader, usize)> {
    let whole = read(bytes, limits, usize::MAX);
    for size in [1, 2, 13] {
        match (&whole, read(bytes, limits, size)) {
            (Ok(Some((one, length))), Ok(Some((other, its)))) => {
                assert_eq!((*length, one.first), (its, other.first));
                assert!(one.fields.iter().map(|field| (field.name, field.value)).eq(other.fields.iter().map(|field| (field.name, field.value))));
            }
            (Ok(None), Ok(None)) | (Err(_), Err(_)) => {}
            (whole, pieces) => panic!("whole: {:?}, in pieces of {size}: {:?}", whole.as_ref().map(Option::is_some), pieces.map(|head| head.is_some())),
        }
    }
    whole.ok().flatten()
}

fn one_framing(lines: &HeadReader, head: &[u8]) {
    let count = |name: &[u8]| lines.fields.iter().filter(|field| field.name.of(head).eq_ignore_ascii_case(name)).count();
    let (lengths, codings) = (count(b"content-length"), count(b"transfer-encoding"));
    assert!(lengths + codings <= 1, "{lengths} lengths and {codings} codings");
}

fn request_head(bytes: &[u8]) -> String {
    let Some((lines, length)) = read_any(bytes, &request::LIMITS) else { return "no head".to_owned() };
    let came = match request::understand(bytes, &lines, length) {
        Ok(came) => came,
        Err(refusal) => return refusal.to_string(),
    };
    if let Some(fault) = came.fault {
        return format!("fault {fault}");
    }
    let afterwards = if came.upgrade.is_some() { Afterwards::Upgrade } else { Afterwards::Close };
    let said = Said { request_id: b"id", forwarded_for: b"192.0.2.7", proto: "http", port: 80, start: 1, connect: 2, route: 3, afterwards, expect: false };
    let mut out = Vec::new();
    write::request(&mut out, bytes, &lines, &came, &said);
    let (lines, length) = read(&out, &ANY, usize::MAX).expect("we write heads").expect("and whole ones");
    assert_eq!(length, out.len(), "a head ends once");
    one_framing(&lines, &out);
    let went = request::understand(&out, &lines, length).expect("we understand ourselves");
    assert_eq!(went.fault, None);
    assert_eq!((went.method.of(&out), went.host.of(&out)), (came.method.of(bytes), came.host.of(bytes)));
    assert!(went.target.of(&out).ends_with(came.target.of(bytes)));
    assert_eq!(went.upgrade.map(|word| word.of(&out)), came.upgrade.map(|word| word.of(bytes)));
    let same = went.framing == came.framing || (came.framing == Framing::Empty && went.framing == Framing::Length(0));
    assert!(same, "{:?} became {:?}", came.framing, went.framing);
    format!("{:?} {} {}", std::mem::discriminant(&came.framing), came.keep_alive, came.upgrade.is_some())
}

fn response_head(bytes: &[u8]) -> String {
    let Some((lines, length)) = read_any(bytes, &response::LIMITS) else { return "no head".to_owned() };
    let came = match response::understand(bytes, &lines, length, false) {
        Ok(came) => came,
        Err(unfit) => return unfit.to_string(),
    };
    let mut out = Vec::new();
    let manner = Manner { close: true, chunks: true, date: b"now", cookie: None };
    write::response(&mut out, bytes, &lines, &came, &manner);
    let (lines, length) = read(&out, &ANY, usize::MAX).expect("we write heads").expect("and whole ones");
    assert_eq!(length, out.len(), "a head ends once");
    one_framing(&lines, &out);
    let went = response::understand(&out, &lines, length, false).expect("we understand ourselves");
    assert_eq!((went.status, went.framing), (came.status, came.framing));
    format!("{} {:?}", came.status / 100, std::mem::discriminant(&came.framing))
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// Complete, with so many bytes behind it.
    Done(Vec<u8>, usize),
    More(Vec<u8>),
    Bad,
}

/// What comes out of a chunked body that comes in pieces of this size.
fn decode(bytes: &[u8], framed: bool, size: usize) -> Told {
    let (mut chunked, mut out, mut waits, mut rest) = (Chunked::new(framed), Vec::new(), Vec::new(), bytes);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(size));
        waits.extend_from_slice(piece);
        rest = after;
        let Ok(step) = chunked.advance(&mut waits) else { return Told::Bad };
        out.extend_from_slice(&waits[..step.kept]);
        waits.drain(..step.consumed);
        if chunked.is_done() {
            return Told::Done(out, waits.len() + rest.len());
        }
    }
    Told::More(out)
}

fn chunked_body(bytes: &[u8]) -> String {
    for framed in [true, false] {
        let whole = decode(bytes, framed, usize::MAX);
        for size in [1, 2, 13] {
            assert_eq!(decode(bytes, framed, size), whole, "in pieces of {size}");
        }
    }
    match (decode(bytes, true, usize::MAX), decode(bytes, false, usize::MAX)) {
        (Told::Done(chunks, rest), Told::Done(data, behind)) => {
            assert_eq!(rest, behind);
            assert_eq!(decode(&chunks, false, usize::MAX), Told::Done(data, 0), "what goes out says the same");
            assert_eq!(decode(&chunks, true, usize::MAX), Told::Done(chunks.clone(), 0), "and stays as it is");
            format!("done {}", rest > 0)
        }
        (Told::More(_), Told::More(_)) => "more".to_owned(),
        (Told::Bad, Told::Bad) => "bad".to_owned(),
        // Only whoever passes trailers on minds what they are.
        (Told::Bad, Told::Done(..)) => "bad trailers".to_owned(),
        (one, other) => panic!("{one:?}, but without framing {other:?}"),
    }
}

const WORDS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\n",
    b"POST ",
    b" HTTP/1.0\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"Host: shop.localhost\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: ",
    b"Upgrade",
    b"close",
    b"Expect: 100-continue\r\n",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b";a=b",
    b"Trailer: x\r\n",
    b"X_Forwarded_For: 1\r\n",
    b"+5",
    b"0x5",
    b"http://",
    b"#",
    b"?",
];

#[test]
fn fuzz_request_head() {
    fuzz::check(&fuzz::Target { name: "request_head", words: WORDS, longest: 20_000, run: request_head });
}

#[test]
fn fuzz_response_head() {
    fuzz::check(&fuzz::Target { name: "response_head", words: WORDS, longest: 20_000, run: response_head });
}

#[test]
fn fuzz_chunked_body() {
    fuzz::check(&fuzz::Target { name: "chunked_body", words: WORDS, longest: 2_000, run: chunked_body });
}
