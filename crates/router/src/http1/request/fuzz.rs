//! Whatever is in a `Host` header.

use super::{Span, host_name};

fn name_in(text: &[u8]) -> Option<&[u8]> {
    (!text.is_empty()).then(|| host_name(text, Span::new(0, text.len())))?.map(|name| name.of(text))
}

/// A name that a route can have, or nothing.
fn host(bytes: &[u8]) -> String {
    let Some(name) = name_in(bytes) else { return "refused".to_owned() };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(byte);
    assert!(!name.is_empty() && name.iter().all(plain), "{name:?}");
    assert!(bytes.starts_with(name), "it is what was sent");
    assert_eq!(name_in(name), Some(name), "it is a name by itself");
    assert_eq!(name_in(&[name, b":443"].concat()), Some(name), "the port does not matter");
    format!("{} {}", name.contains(&b'['), name.contains(&b'.'))
}

#[test]
fn fuzz_host() {
    let words: &[&[u8]] = &[b"shop.localhost", b":80", b":65536", b":0", b"[::1]", b"[", b"]", b".", b"@", b"_", b"..", b" ", b"\t", b"xn--", b"SHOP"];
    fuzz::check(&fuzz::Target { name: "host", words, longest: 1_000, run: host });
}
