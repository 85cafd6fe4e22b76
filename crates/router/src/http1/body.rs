//! A body on its way through, whatever its framing.

use super::chunked::{BadChunk, Chunked, Step};

/// How a body's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    Length(u64),
    Chunked,
    /// By the end of the connection. Only a response.
    UntilClose,
}

/// A body being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    Length { left: u64 },
    Chunked(Chunked),
    UntilClose,
}

impl Body {
    /// At its beginning. `framed` keeps chunks as they are.
    pub const fn new(framing: Framing, framed: bool) -> Self {
        match framing {
            Framing::Empty => Self::Length { left: 0 },
            Framing::Length(left) => Self::Length { left },
            Framing::Chunked => Self::Chunked(Chunked::new(framed)),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// Nothing more belongs to it.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Length { left } => *left == 0,
            Self::Chunked(chunked) => chunked.is_done(),
            Self::UntilClose => false,
        }
    }

    /// Reads as far as it goes; see [`Chunked::advance`].
    pub fn advance(&mut self, bytes: &mut [u8]) -> Result<Step, BadChunk> {
        let count = match self {
            Self::Length { left } => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= count as u64;
                count
            }
            Self::Chunked(chunked) => return chunked.advance(bytes),
            Self::UntilClose => bytes.len(),
        };
        Ok(Step { consumed: count, kept: count, data: count })
    }
}
