//! Heroku's error codes: what went wrong with a request or a dyno, and what everybody calls it.

/// An H code (a request) with its words, exactly as the router logs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    H10AppCrashed,
    H11BacklogTooDeep,
    H12RequestTimeout,
    H13ClosedWithoutResponse,
    H14NoWebProcesses,
    H15IdleConnection,
    H17PoorlyFormattedResponse,
    H18ServerRequestInterrupted,
    H19BackendConnectionTimeout,
    H20BootTimeout,
    H21BackendConnectionRefused,
    H22ConnectionLimit,
    H24ForcedClose,
    H25HttpRestriction,
    H26RequestError,
    H27ClientRequestInterrupted,
    H28ClientConnectionIdle,
    H31MisdirectedRequest,
    H80Maintenance,
    H81BlankApp,
    H99PlatformError,
}

impl ErrorCode {
    /// `H12`.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// The router's `desc="…"`.
    pub const fn description(self) -> &'static str {
        self.row().1
    }

    /// The status the client gets; 499 (client gone) is only logged, and 0 stands for none at all.
    pub const fn status(self) -> u16 {
        self.row().2
    }

    /// The router's `at=`.
    pub const fn at(self) -> &'static str {
        match self {
            Self::H80Maintenance | Self::H81BlankApp => "info",
            Self::H27ClientRequestInterrupted | Self::H28ClientConnectionIdle => "warning",
            _ => "error",
        }
    }

    /// Whose socket broke, printed before `at=` (only H18 and H27).
    pub const fn sock(self) -> Option<&'static str> {
        match self {
            Self::H18ServerRequestInterrupted => Some("backend"),
            Self::H27ClientRequestInterrupted => Some("client"),
            _ => None,
        }
    }

    const fn row(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::H10AppCrashed => ("H10", "App crashed", 503),
            Self::H11BacklogTooDeep => ("H11", "Backlog too deep", 503),
            Self::H12RequestTimeout => ("H12", "Request timeout", 503),
            Self::H13ClosedWithoutResponse => ("H13", "Connection closed without response", 503),
            Self::H14NoWebProcesses => ("H14", "No web processes running", 503),
            Self::H15IdleConnection => ("H15", "Idle connection", 503),
            Self::H17PoorlyFormattedResponse => ("H17", "Poorly formatted HTTP response", 503),
            Self::H18ServerRequestInterrupted => ("H18", "Server Request Interrupted", 503),
            Self::H19BackendConnectionTimeout => ("H19", "Backend connection timeout", 503),
            Self::H20BootTimeout => ("H20", "App boot timeout", 503),
            Self::H21BackendConnectionRefused => ("H21", "Backend connection refused", 503),
            Self::H22ConnectionLimit => ("H22", "Connection limit reached", 503),
            Self::H24ForcedClose => ("H24", "Forced close", 0),
            Self::H25HttpRestriction => ("H25", "HTTP restriction", 502),
            Self::H26RequestError => ("H26", "Request Error", 400),
            Self::H27ClientRequestInterrupted => ("H27", "Client Request Interrupted", 499),
            Self::H28ClientConnectionIdle => ("H28", "Client Connection Idle", 499),
            Self::H31MisdirectedRequest => ("H31", "Misdirected Request", 421),
            Self::H80Maintenance => ("H80", "Maintenance mode", 503),
            Self::H81BlankApp => ("H81", "Blank app", 503),
            Self::H99PlatformError => ("H99", "Platform error", 503),
        }
    }
}
