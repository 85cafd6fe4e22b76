//! The cookie that keeps a client with its dyno (`http-session-affinity`). It says nothing but which of the app's dynos it was:
//! a dyno that is another container under the same name is another dyno.

use std::hash::{DefaultHasher, Hash, Hasher};

use domain::route::{Backend, Route};
use jiff::{SignedDuration, Timestamp};

use crate::http1::{head::HeadReader, name::Known};

const NAME: &str = "heroku-session-affinity";
const AGE: SignedDuration = SignedDuration::from_hours(24);

/// What stands for this dyno.
pub(crate) fn value(route: &Route, backend: &Backend) -> String {
    let mut hasher = DefaultHasher::new();
    (route.app, &backend.dyno, backend.address).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The value that the client came with.
pub(crate) fn given(lines: &HeadReader, head: &[u8]) -> Option<String> {
    let cookies = lines.fields.iter().filter(|field| field.known == Known::Cookie).flat_map(|field| field.value.of(head).split(|byte| *byte == b';'));
    let mut values = cookies.filter_map(|cookie| cookie.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"="));
    values.next().and_then(|value| String::from_utf8(value.to_vec()).ok())
}

/// What the client is to send from now on.
pub(crate) fn cookie(value: &str, host: &str, now: Timestamp, is_tls: bool) -> String {
    let expires = now.checked_add(AGE).unwrap_or(now).strftime("%a, %d %b %Y %H:%M:%S GMT");
    let secure = if is_tls { "; Secure" } else { "" };
    format!("{NAME}={value}; Version=1; Expires={expires}; Max-Age={}; Domain={host}; Path=/; HttpOnly; SameSite=Lax{secure}", AGE.as_secs())
}
