//! The header names that mean something to a router.

/// A header that the router treats in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Passed on as it is.
    Other,
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    KeepAlive,
    ProxyConnection,
    ProxyAuthorization,
    Te,
    Upgrade,
    Expect,
    Http2Settings,
    ForwardedFor,
    ForwardedProto,
    ForwardedPort,
    RequestId,
    RequestStart,
    ConnectTime,
    TotalRouteTime,
    Via,
    Cookie,
    SetCookie,
    Date,
    Server,
    /// Only in a WebSocket handshake, and goes from end to end: it arrives where `Upgrade` is lost.
    WebSocketKey,
}

/// By length first: most names are then decided by one comparison.
const NAMES: [(&str, Known); 24] = [
    ("te", Known::Te),
    ("via", Known::Via),
    ("host", Known::Host),
    ("date", Known::Date),
    ("cookie", Known::Cookie),
    ("expect", Known::Expect),
    ("server", Known::Server),
    ("upgrade", Known::Upgrade),
    ("connection", Known::Connection),
    ("keep-alive", Known::KeepAlive),
    ("set-cookie", Known::SetCookie),
    ("x-request-id", Known::RequestId),
    ("connect-time", Known::ConnectTime),
    ("content-length", Known::ContentLength),
    ("http2-settings", Known::Http2Settings),
    ("x-request-start", Known::RequestStart),
    ("x-forwarded-for", Known::ForwardedFor),
    ("total-route-time", Known::TotalRouteTime),
    ("proxy-connection", Known::ProxyConnection),
    ("x-forwarded-port", Known::ForwardedPort),
    ("sec-websocket-key", Known::WebSocketKey),
    ("transfer-encoding", Known::TransferEncoding),
    ("x-forwarded-proto", Known::ForwardedProto),
    ("proxy-authorization", Known::ProxyAuthorization),
];

/// Where the names of each length begin in [`NAMES`].
const FIRST: [u8; 21] = first();

const fn first() -> [u8; 21] {
    let mut first = [0; 21];
    let mut length = 0;
    while length < first.len() {
        let mut index = 0;
        while index < NAMES.len() && NAMES[index].0.len() < length {
            index += 1;
        }
        first[length] = index as u8;
        length += 1;
    }
    first
}

impl Known {
    /// What this name means.
    pub fn of(name: &[u8]) -> Self {
        if name.len() + 1 >= FIRST.len() {
            return Self::Other;
        }
        let range = usize::from(FIRST[name.len()])..usize::from(FIRST[name.len() + 1]);
        NAMES[range].iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map_or(Self::Other, |(_, known)| *known)
    }

    /// Belongs to one connection: never passed on as it came.
    pub const fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::ProxyAuthorization
                | Self::Te
                | Self::Upgrade
                | Self::Http2Settings
                | Self::ContentLength
                | Self::TransferEncoding
        )
    }

    /// What a `Connection` header cannot make us drop: the router's own words, and what frames and routes the message.
    pub const fn is_nominable(self) -> bool {
        matches!(self, Self::Other | Self::Cookie | Self::SetCookie | Self::Date | Self::Server | Self::WebSocketKey)
    }

    /// The router says this itself; a client's word is overwritten.
    pub const fn is_routers(self) -> bool {
        matches!(
            self,
            Self::ForwardedFor
                | Self::ForwardedProto
                | Self::ForwardedPort
                | Self::RequestId
                | Self::RequestStart
                | Self::ConnectTime
                | Self::TotalRouteTime
                | Self::Via
                | Self::Host
        )
    }
}

/// A name with underscores that many servers hand to apps as one of ours (`X_FORWARDED_FOR` and `X-Forwarded-For` are one
/// environment variable in CGI's children): a client could speak in the router's name.
pub fn is_disguised(name: &[u8]) -> bool {
    if !name.contains(&b'_') || name.len() >= FIRST.len() {
        return false;
    }
    let mut plain = [0; 32];
    for (to, from) in plain.iter_mut().zip(name) {
        *to = if *from == b'_' { b'-' } else { *from };
    }
    Known::of(&plain[..name.len()]) != Known::Other
}

/// Whether this byte may stand in a name (RFC 9110 `tchar`).
pub const fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

const TOKEN: [bool; 256] = token();

const fn token() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        table[byte] =
            b.is_ascii_alphanumeric() || matches!(b, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
        byte += 1;
    }
    table
}
