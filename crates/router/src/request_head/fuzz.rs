//! Whatever is in a `Host` header.

use super::host_name;

/// A name in lower case that a route can have, or nothing.
fn host(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return "no text".to_owned() };
    let Some(name) = host_name(text) else { return "refused".to_owned() };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._[]:".contains(&byte);
    assert!(!name.is_empty() && name.bytes().all(plain), "{name:?}");
    assert!(text.trim().to_ascii_lowercase().starts_with(&name), "it is what was sent");
    assert_eq!(host_name(&name).as_deref(), Some(name.as_str()), "it is a name by itself");
    assert_eq!(host_name(&format!("{name}:443")).as_deref(), Some(name.as_str()), "the port does not matter");
    format!("{} {}", name.contains('['), name.contains('.'))
}

#[test]
fn fuzz_host() {
    let words: &[&[u8]] = &[b"shop.localhost", b":80", b":65536", b":0", b"[::1]", b"[", b"]", b".", b"@", b"_", b"..", b" ", b"\t", b"xn--", b"SHOP"];
    fuzz::check(&fuzz::Target { name: "host", words, longest: 1_000, run: host });
}
