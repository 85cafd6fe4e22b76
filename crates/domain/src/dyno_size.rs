//! Dyno sizes: how much memory, processor and how many processes a dyno gets.

use std::{fmt, str::FromStr};

/// A size by Heroku's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum DynoSize {
    Eco,
    Basic,
    #[default]
    Standard1X,
    Standard2X,
    PerformanceM,
    PerformanceL,
}

/// A text that names no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("No such dyno size: {0}. Sizes are Eco, Basic, Standard-1X, Standard-2X, Performance-M and Performance-L.")]
pub struct UnknownDynoSize(pub String);

impl DynoSize {
    pub const ALL: [Self; 6] = [Self::Eco, Self::Basic, Self::Standard1X, Self::Standard2X, Self::PerformanceM, Self::PerformanceL];

    /// As Heroku writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eco => "Eco",
            Self::Basic => "Basic",
            Self::Standard1X => "Standard-1X",
            Self::Standard2X => "Standard-2X",
            Self::PerformanceM => "Performance-M",
            Self::PerformanceL => "Performance-L",
        }
    }

    /// The memory quota in MiB (Heroku: "Dyno Types").
    pub const fn memory_mib(self) -> u64 {
        match self {
            Self::Eco | Self::Basic | Self::Standard1X => 512,
            Self::Standard2X => 1024,
            Self::PerformanceM => 2560,
            Self::PerformanceL => 14336,
        }
    }

    /// Processor shares relative to other dynos; 1024 is one ordinary container.
    pub const fn cpu_shares(self) -> i64 {
        match self {
            Self::Eco | Self::Basic | Self::Standard1X => 512,
            Self::Standard2X => 1024,
            Self::PerformanceM => 6144,
            Self::PerformanceL => 24576,
        }
    }

    /// How many processes and threads it may have (Heroku: "Dynos: process/thread limits").
    pub const fn pids(self) -> i64 {
        match self {
            Self::Eco | Self::Basic | Self::Standard1X => 256,
            Self::Standard2X => 512,
            Self::PerformanceM => 16384,
            Self::PerformanceL => 32768,
        }
    }
}

impl FromStr for DynoSize {
    type Err = UnknownDynoSize;

    /// Upper and lower case alike, as the API takes it.
    fn from_str(text: &str) -> Result<Self, UnknownDynoSize> {
        Self::ALL.into_iter().find(|size| size.name().eq_ignore_ascii_case(text)).ok_or_else(|| UnknownDynoSize(text.escape_debug().take(40).collect()))
    }
}

impl fmt::Display for DynoSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
