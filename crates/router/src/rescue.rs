//! The one place that knows which failure is which code. Everything else only states facts.

use domain::ErrorCode;
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::error_page;

/// What went wrong with a request, without a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fact {
    #[error("the app takes no requests: {}", .0.description())]
    NoDyno(ErrorCode),
    #[error("the app is no longer in the route table")]
    AppGone,
    #[error("no dyno came up in time")]
    NoneCameUp,
    #[error("the dyno refused the connection")]
    ConnectRefused,
    #[error("the dyno did not take the connection in time")]
    ConnectTimedOut,
    #[error("nothing moved in time: {}", .0.description())]
    ClockRanOut(ErrorCode),
    #[error("the dyno closed the connection without a byte")]
    ClosedWithoutResponse,
    #[error("the dyno broke off")]
    DynoBrokeOff,
    #[error("the dyno's response is no HTTP")]
    ResponseUnreadable,
    #[error("the dyno's response is too risky to pass on: {0}")]
    ResponseRestricted(&'static str),
    #[error("the client sent a body that is no HTTP")]
    BadChunk,
    #[error("the client left")]
    ClientLeft,
    #[error("the router was stopped")]
    RouterStopped,
}

/// A fact, judged.
pub(crate) struct Verdict {
    pub(crate) code: ErrorCode,
    pub(crate) detail: Option<&'static str>,
    pub(crate) cause: Option<&'static str>,
}

impl Fact {
    /// The code of a fact.
    pub(crate) fn verdict(self) -> Verdict {
        use ErrorCode as E;
        let (code, detail, cause) = match self {
            Self::NoDyno(code) | Self::ClockRanOut(code) => (code, None, None),
            Self::AppGone => (E::H14NoWebProcesses, None, None),
            Self::NoneCameUp => (E::H20BootTimeout, None, None),
            Self::ConnectRefused => (E::H21BackendConnectionRefused, None, None),
            Self::ConnectTimedOut => (E::H19BackendConnectionTimeout, None, None),
            Self::ClosedWithoutResponse => (E::H13ClosedWithoutResponse, None, None),
            Self::DynoBrokeOff => (E::H18ServerRequestInterrupted, None, None),
            Self::ResponseUnreadable => (E::H17PoorlyFormattedResponse, None, None),
            Self::ResponseRestricted(detail) => (E::H25HttpRestriction, Some(detail), None),
            Self::BadChunk => (E::H26RequestError, None, Some("bad chunk")),
            Self::ClientLeft => (E::H27ClientRequestInterrupted, None, None),
            Self::RouterStopped => (E::H99PlatformError, None, None),
        };
        Verdict { code, detail, cause }
    }

    /// What the client is told. None if nobody is there to be told: its connection is cut.
    pub(crate) fn page(self) -> Option<Response<Full<bytes::Bytes>>> {
        let code = self.verdict().code;
        match StatusCode::from_u16(code.status()) {
            Ok(status) if status.as_u16() != 499 => Some(error_page::for_code(code, status)),
            _ => None,
        }
    }

    /// Why the dyno's connection gave no response. `received` is how many bytes it did send.
    pub(crate) fn of_response(error: &hyper::Error, received: u64) -> Self {
        if error.is_parse_too_large() {
            Self::ResponseRestricted("oversized header")
        } else if error.is_parse() {
            // hyper tells this one only by its words; a test pins them.
            if error.to_string().contains("content-length") { Self::ResponseRestricted("invalid content length") } else { Self::ResponseUnreadable }
        } else if received == 0 {
            Self::ClosedWithoutResponse
        } else {
            Self::DynoBrokeOff
        }
    }

    /// Why the client's body broke off: it left, or it sent what no chunked body has.
    pub(crate) fn of_upload(error: &hyper::Error) -> Self {
        use std::{error::Error, io};
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return match error.kind() {
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::BadChunk,
                    _ => Self::ClientLeft,
                };
            }
            cause = error.source();
        }
        Self::ClientLeft
    }
}
