//! Heroku's error codes: what went wrong with a request, and what everybody calls it.

/// One row per code, so that none can be forgotten anywhere: not in the words, not in the list that tests go through.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $at:literal, $description:literal, $status:literal;)*) => {
        /// An H code (a request) with its words, exactly as the router logs them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// All of them. H16 is not: Heroku retired it.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            const fn row(self) -> (&'static str, &'static str, &'static str, u16) {
                match self {
                    $(Self::$name => ($code, $at, $description, $status),)*
                }
            }
        }
    };
}

codes! {
    H10AppCrashed = "H10", "error", "App crashed", 503;
    H11BacklogTooDeep = "H11", "error", "Backlog too deep", 503;
    H12RequestTimeout = "H12", "error", "Request timeout", 503;
    H13ClosedWithoutResponse = "H13", "error", "Connection closed without response", 503;
    H14NoWebProcesses = "H14", "error", "No web processes running", 503;
    H15IdleConnection = "H15", "error", "Idle connection", 503;
    H17PoorlyFormattedResponse = "H17", "error", "Poorly formatted HTTP response", 503;
    H18ServerRequestInterrupted = "H18", "error", "Server Request Interrupted", 503;
    H19BackendConnectionTimeout = "H19", "error", "Backend connection timeout", 503;
    H20BootTimeout = "H20", "error", "App boot timeout", 503;
    H21BackendConnectionRefused = "H21", "error", "Backend connection refused", 503;
    /// Requests and tunnels of one app together.
    H22ConnectionLimit = "H22", "error", "Connection limit reached", 503;
    /// A WebSocket handshake that lost its `Upgrade` on the way.
    H23EndpointMisconfigured = "H23", "error", "Endpoint misconfigured", 503;
    H24ForcedClose = "H24", "error", "Forced close", 0;
    H25HttpRestriction = "H25", "error", "HTTP restriction", 502;
    H26RequestError = "H26", "error", "Request Error", 400;
    H27ClientRequestInterrupted = "H27", "warning", "Client Request Interrupted", 499;
    H28ClientConnectionIdle = "H28", "warning", "Client Connection Idle", 499;
    /// Over TLS for another host, though this one has a certificate of its own: another connection will do (RFC 9110, 15.5.20).
    H31MisdirectedRequest = "H31", "error", "Misdirected Request", 421;
    /// Over TLS for another host, and there is no certificate for this one. The status is Heroku's own.
    H32TlsCertificateMismatch = "H32", "error", "TLS Certificate Mismatch", 495;
    H80Maintenance = "H80", "info", "Maintenance mode", 503;
    H81BlankApp = "H81", "info", "Blank app", 503;
    H82QuotaExhausted = "H82", "info", "Free dyno quota exhausted", 503;
    H83PlannedDegradation = "H83", "info", "Planned Service Degradation", 503;
    H99PlatformError = "H99", "error", "Platform error", 503;
}

impl ErrorCode {
    /// `H12`.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// The router's `at=`.
    pub const fn at(self) -> &'static str {
        self.row().1
    }

    /// The router's `desc="…"`.
    pub const fn description(self) -> &'static str {
        self.row().2
    }

    /// The status the client gets; 499 (client gone) is only logged, and 0 stands for none at all.
    pub const fn status(self) -> u16 {
        self.row().3
    }

    /// Whose socket broke, printed before `at=` (only H18 and H27).
    pub const fn sock(self) -> Option<&'static str> {
        match self {
            Self::H18ServerRequestInterrupted => Some("backend"),
            Self::H27ClientRequestInterrupted => Some("client"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_heroku_documents_is_there() {
        let documented = "H10 H11 H12 H13 H14 H15 H17 H18 H19 H20 H21 H22 H23 H24 H25 H26 H27 H28 H31 H32 H80 H81 H82 H83 H99";
        let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.join(" "), documented);
    }
}
