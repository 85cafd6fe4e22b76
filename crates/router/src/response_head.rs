//! What the dyno answers, and what the client is told of it.

use http::{HeaderValue, Version, header, response::Parts};

use crate::{
    request_head::{append_via, drop_hop_by_hop, is_chunked},
    rescue::Fact,
};

/// Heroku: a response's header line is at most 512 KB, a cookie 8 KB.
const MAX_LINE: usize = 524_288;
const MAX_COOKIE: usize = 8192;
const LINE_FRAME: usize = 4;

/// Makes the dyno's head fit for the client, or says why it must not go there.
pub(crate) fn towards_client(parts: &mut Parts, upgraded: bool) -> Result<(), Fact> {
    for (name, value) in &parts.headers {
        let line = name.as_str().len() + value.len();
        if name == header::SET_COOKIE && line + 2 > MAX_COOKIE {
            return Err(Fact::ResponseRestricted("oversized cookie"));
        }
        if line + LINE_FRAME > MAX_LINE {
            return Err(Fact::ResponseRestricted("oversized header"));
        }
    }
    if is_chunked(&parts.headers).map_err(|_| Fact::ResponseUnreadable)? {
        parts.headers.remove(header::CONTENT_LENGTH);
    } else if let Some(length) = content_length(parts)? {
        parts.headers.insert(header::CONTENT_LENGTH, length);
    }
    let protocol = parts.headers.get(header::UPGRADE).cloned();
    drop_hop_by_hop(&mut parts.headers);
    parts.headers.remove(header::TRANSFER_ENCODING);
    if upgraded {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Some(protocol) = protocol {
            parts.headers.insert(header::UPGRADE, protocol);
        }
    }
    let via = append_via(&parts.headers);
    parts.headers.insert(header::VIA, via);
    parts.version = Version::HTTP_11;
    Ok(())
}

/// The one length that all lines agree on. hyper would also read lists and leave the choice to the client.
fn content_length(parts: &Parts) -> Result<Option<HeaderValue>, Fact> {
    let mut length: Option<&HeaderValue> = None;
    for value in parts.headers.get_all(header::CONTENT_LENGTH) {
        let reads = !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit);
        if !reads || length.is_some_and(|length| length != value) {
            return Err(Fact::ResponseRestricted("invalid content length"));
        }
        length = Some(value);
    }
    Ok(length.cloned())
}
