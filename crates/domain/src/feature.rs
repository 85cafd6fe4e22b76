//! What an app can have switched on (Heroku: "App Features", "Labs").

use std::{fmt, str::FromStr};

/// Something an app does only if it is asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    Preboot,
    SessionAffinity,
    EndToEndContinue,
    LogRuntimeMetrics,
    KeepAlive,
    LeastInFlight,
}

/// A text that names no feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Couldn't find that feature.")]
pub struct UnknownFeature;

impl Feature {
    /// By name.
    pub const ALL: [Self; 6] = [Self::EndToEndContinue, Self::SessionAffinity, Self::KeepAlive, Self::LeastInFlight, Self::LogRuntimeMetrics, Self::Preboot];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Preboot => "preboot",
            Self::SessionAffinity => "http-session-affinity",
            Self::EndToEndContinue => "http-end-to-end-continue",
            Self::LogRuntimeMetrics => "log-runtime-metrics",
            Self::KeepAlive => "keep-alive",
            Self::LeastInFlight => "least-in-flight",
        }
    }

    /// One line for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Preboot => "Start new web dynos and wait until they are up before the old ones get no more requests",
            Self::SessionAffinity => "Send all requests of a client to the same web dyno, by a cookie",
            Self::EndToEndContinue => "Let the app answer `Expect: 100-continue` itself",
            Self::LogRuntimeMetrics => "Write memory and load of every dyno to the log, every 20 seconds",
            Self::KeepAlive => "Keep connections to web dynos open between requests",
            Self::LeastInFlight => "Of two web dynos drawn at random, choose the one with fewer requests under way",
        }
    }

    /// Whether it is among Heroku's labs features, which `labs` lists, rather than `features`.
    pub const fn is_labs(self) -> bool {
        matches!(self, Self::LogRuntimeMetrics)
    }
}

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(text: &str) -> Result<Self, UnknownFeature> {
        Self::ALL.into_iter().find(|feature| feature.name() == text).ok_or(UnknownFeature)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
