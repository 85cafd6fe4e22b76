//! The one place that knows which failure is which code. Everything else only states facts.

use domain::{ErrorCode, route::Pages};

use crate::{
    http1::{request::Refusal, response::Unfit},
    page::Page,
};

/// What went wrong with a request, without a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fact {
    #[error("the app takes no requests: {}", .0.description())]
    NoDyno(ErrorCode),
    #[error("the app is no longer in the route table")]
    AppGone,
    #[error("no dyno came up in time")]
    NoneCameUp,
    #[error("no dyno that had failed came back in time")]
    AllSetAside,
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
    #[error("the request is not to be passed on: {0}")]
    BadRequest(Refusal),
    #[error("the client left")]
    ClientLeft,
    #[error("the router was stopped")]
    RouterStopped,
}

/// A fact, judged.
pub(crate) struct Verdict {
    pub(crate) code: ErrorCode,
    /// 499: nobody is there to have one. 0: nobody gets one.
    pub(crate) status: u16,
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
            Self::AllSetAside => (E::H99PlatformError, None, None),
            Self::ConnectRefused => (E::H21BackendConnectionRefused, None, None),
            Self::ConnectTimedOut => (E::H19BackendConnectionTimeout, None, None),
            Self::ClosedWithoutResponse => (E::H13ClosedWithoutResponse, None, None),
            Self::DynoBrokeOff => (E::H18ServerRequestInterrupted, None, None),
            Self::ResponseUnreadable => (E::H17PoorlyFormattedResponse, None, None),
            Self::ResponseRestricted(detail) => (E::H25HttpRestriction, Some(detail), None),
            Self::BadChunk => (E::H26RequestError, None, Some("bad chunk")),
            Self::ClientLeft => (E::H27ClientRequestInterrupted, None, None),
            Self::BadRequest(Refusal::ExpectationFailed) => (E::H26RequestError, None, Some("unsupported expect header value")),
            Self::BadRequest(Refusal::Misdirected) => (E::H31MisdirectedRequest, None, None),
            Self::BadRequest(Refusal::CertificateMismatch) => (E::H32TlsCertificateMismatch, None, None),
            Self::BadRequest(Refusal::LostUpgrade) => (E::H23EndpointMisconfigured, None, None),
            Self::BadRequest(_) => (E::H26RequestError, None, Some("bad header")),
            Self::RouterStopped => (E::H24ForcedClose, None, None),
        };
        let status = if self == Self::BadRequest(Refusal::ExpectationFailed) { 417 } else { code.status() };
        Verdict { code, status, detail, cause }
    }

    /// What the client is told. None if nobody is there to be told: its connection is cut.
    pub(crate) fn page(self, pages: &Pages) -> Option<Page> {
        let Verdict { code, status, .. } = self.verdict();
        (!matches!(status, 0 | 499)).then(|| Page::of_app(code, status, pages))
    }
}

impl From<Unfit> for Fact {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Restricted(detail) => Self::ResponseRestricted(detail),
            Unfit::Unreadable => Self::ResponseUnreadable,
        }
    }
}
