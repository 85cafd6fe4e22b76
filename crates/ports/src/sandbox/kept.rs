//! A program's output, kept instead of shown.

use super::{Finished, OutputSink};

/// What a program wrote, up to [`Kept::MOST`] of each kind.
#[derive(Debug, Default)]
pub struct Kept {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// There was more on standard output.
    pub cut: bool,
}

impl Kept {
    /// Of standard output, and of standard error; in bytes.
    pub const MOST: usize = 64 * 1024;

    fn keep(kept: &mut Vec<u8>, bytes: &[u8]) -> bool {
        let room = Self::MOST - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        bytes.len() > room
    }
}

impl OutputSink for Kept {
    fn stdout(&mut self, bytes: &[u8]) {
        self.cut |= Self::keep(&mut self.stdout, bytes);
    }

    fn stderr(&mut self, bytes: &[u8]) {
        Self::keep(&mut self.stderr, bytes);
    }
}

/// A program that was run to its end, and what it wrote.
#[derive(Debug)]
pub struct Ran {
    pub finished: Finished,
    pub kept: Kept,
}
