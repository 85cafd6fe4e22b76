//! Whatever is in a `Range` header.

use fuzz::Target;

use super::{Key, Keys, Range};

const RANGE: Target = Target {
    name: "range",
    words: &[
        b"id ..",
        b"version ",
        b"..",
        b"; max=",
        b"max=1000",
        b"order=desc",
        b"order=asc",
        b", ",
        b";",
        b"]",
        b"[",
        b"bytes=0-5",
        b"v3",
        b"max=0",
        b"name a..b",
        b"99999999999999999999",
    ],
    longest: 2_000,
    run: range,
};

const KEYS: &Keys<u64> = &[("id", |n| Key::Text(format!("{:02}", n % 7))), ("version", |n| Key::Number(*n))];

fn range(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return "no text".to_owned() };
    let Ok(mut range) = text.parse::<Range>() else { return "malformed".to_owned() };
    // What is listed page by page is the list: nothing twice, nothing left out, and it ends.
    let all: Vec<u64> = (1..=40).collect();
    let (whole, _, _) = Range { max: usize::MAX, ..range.clone() }.cut(all.clone(), KEYS);
    let (mut listed, mut pages) = (Vec::<u64>::new(), 0);
    loop {
        let (page, more, by) = range.cut(all.clone(), KEYS);
        pages += 1;
        assert!(pages <= all.len() && !(more && page.is_empty()), "it does not end");
        listed.extend(&page);
        if !more {
            break;
        }
        let next = range.next(by, &page[page.len() - 1]);
        range = next.parse().unwrap_or_else(|_| panic!("our own range is malformed: {next:?}"));
    }
    assert_eq!(listed, whole);
    format!("{} in {}", whole.len(), pages.min(4))
}

#[test]
fn fuzz_range() {
    fuzz::check(&RANGE);
}
