//! A chunked body, followed byte by byte and made canonical in place: extensions are dropped, trailers kept.

use super::{
    head::is_text_byte,
    name::{Known, is_disguised, is_token_byte},
};

/// The longest extension of one chunk, in bytes, and the largest section of trailers.
const MAX_EXTENSION: u16 = 4096;
pub const MAX_TRAILERS: usize = 8192;
/// Digits of a chunk's size.
const MAX_DIGITS: u8 = 15;

/// Bytes that are no chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bad chunk")]
pub struct BadChunk;

/// Where in the body we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunked {
    state: State,
    /// Framing passes, so that what comes out is chunked again.
    framed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size { digits: u8, size: u64 },
    Extension { size: u64, length: u16 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataReturn,
    DataEnd,
    Trailers,
    Done,
}

/// What was done with some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// So many bytes were read.
    pub consumed: usize,
    /// So many are to be passed on; they stand at the beginning.
    pub kept: usize,
    /// So many of these are the body itself.
    pub data: usize,
}

impl Chunked {
    /// At the beginning. `framed` keeps the chunks, else only what is in them.
    pub const fn new(framed: bool) -> Self {
        Self { state: State::Size { digits: 0, size: 0 }, framed }
    }

    /// The body is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Reads as far as it goes, and moves what is to be passed on to the beginning. Trailers are only taken whole.
    pub fn advance(&mut self, bytes: &mut [u8]) -> Result<Step, BadChunk> {
        let mut at = Cursor { bytes, read: 0, written: 0, data: 0 };
        while at.read < at.bytes.len() && self.state != State::Done {
            if !self.step(&mut at)? {
                break;
            }
        }
        Ok(Step { consumed: at.read, kept: at.written, data: at.data })
    }

    /// One byte, or one run of data. False if more bytes are needed first.
    fn step(&mut self, at: &mut Cursor<'_>) -> Result<bool, BadChunk> {
        let byte = at.bytes[at.read];
        self.state = match self.state {
            State::Size { digits, size } => {
                at.pass(self.framed && byte != b';');
                match (byte, hex(byte)) {
                    (_, Some(digit)) if digits < MAX_DIGITS => State::Size { digits: digits + 1, size: size << 4 | u64::from(digit) },
                    (b'\r', _) if digits > 0 => State::SizeEnd { size },
                    (b';', _) if digits > 0 => State::Extension { size, length: 0 },
                    _ => return Err(BadChunk),
                }
            }
            State::Extension { size, length } => {
                at.pass(self.framed && byte == b'\r');
                match byte {
                    b'\r' => State::SizeEnd { size },
                    _ if is_text_byte(byte) && length < MAX_EXTENSION => State::Extension { size, length: length + 1 },
                    _ => return Err(BadChunk),
                }
            }
            State::SizeEnd { size } => {
                at.pass(self.framed);
                match (byte, size) {
                    (b'\n', 0) => State::Trailers,
                    (b'\n', left) => State::Data { left },
                    _ => return Err(BadChunk),
                }
            }
            State::Data { left } => match left - at.pass_data(left) {
                0 => State::DataReturn,
                left => State::Data { left },
            },
            State::DataReturn if byte == b'\r' => {
                at.pass(self.framed);
                State::DataEnd
            }
            State::DataEnd if byte == b'\n' => {
                at.pass(self.framed);
                State::Size { digits: 0, size: 0 }
            }
            State::DataReturn | State::DataEnd => return Err(BadChunk),
            State::Trailers => {
                if !self.trailers(at)? {
                    return Ok(false);
                }
                State::Done
            }
            State::Done => return Ok(false),
        };
        Ok(true)
    }

    /// The lines behind the last chunk, once all of them are there.
    fn trailers(&self, at: &mut Cursor<'_>) -> Result<bool, BadChunk> {
        let section = &mut at.bytes[at.read..];
        let length = if section.starts_with(b"\r\n") {
            2
        } else {
            match memchr::memmem::find(section, b"\r\n\r\n") {
                // The same limit for those that come at once and those that come in pieces.
                Some(end) if end + 4 <= MAX_TRAILERS => end + 4,
                Some(_) => return Err(BadChunk),
                None if section.len() >= MAX_TRAILERS => return Err(BadChunk),
                None => return Ok(false),
            }
        };
        unfold(&mut section[..length]);
        let mut start = 0;
        while start < length - 2 {
            let line = &at.bytes[at.read + start..at.read + length];
            let end = line.iter().position(|byte| *byte == b'\n').filter(|end| *end > 0 && line[end - 1] == b'\r').ok_or(BadChunk)? + 1;
            let passes = self.framed && may_trail(&line[..end - 2])?;
            if passes {
                at.keep(start, end);
            }
            start += end;
        }
        if self.framed {
            at.keep(length - 2, 2);
        }
        at.read += length;
        Ok(true)
    }
}

/// A line that goes on in the next becomes one.
fn unfold(section: &mut [u8]) {
    for at in 2..section.len().saturating_sub(1) {
        if section[at - 2] == b'\r' && section[at - 1] == b'\n' && matches!(section[at], b' ' | b'\t') {
            section[at - 2] = b' ';
            section[at - 1] = b' ';
        }
    }
}

/// Whether a trailer passes: not what frames or routes a message, or speaks for the router (RFC 9110, 6.5.1).
fn may_trail(line: &[u8]) -> Result<bool, BadChunk> {
    let colon = line.iter().position(|byte| !is_token_byte(*byte)).filter(|at| *at > 0 && line[*at] == b':').ok_or(BadChunk)?;
    if !line[colon + 1..].iter().all(|byte| is_text_byte(*byte)) {
        return Err(BadChunk);
    }
    let name = &line[..colon];
    Ok(Known::of(name) == Known::Other && !is_disguised(name) && ![&b"authorization"[..], b"trailer"].iter().any(|no| no.eq_ignore_ascii_case(name)))
}

struct Cursor<'b> {
    bytes: &'b mut [u8],
    read: usize,
    written: usize,
    data: usize,
}

impl Cursor<'_> {
    /// One byte of framing.
    fn pass(&mut self, keep: bool) {
        if keep {
            self.bytes[self.written] = self.bytes[self.read];
            self.written += 1;
        }
        self.read += 1;
    }

    /// As much as there is of a chunk.
    fn pass_data(&mut self, left: u64) -> u64 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(self.bytes.len() - self.read);
        if self.read != self.written {
            self.bytes.copy_within(self.read..self.read + count, self.written);
        }
        self.read += count;
        self.written += count;
        self.data += count;
        count as u64
    }

    /// A piece of what lies ahead.
    fn keep(&mut self, start: usize, length: usize) {
        let from = self.read + start;
        self.bytes.copy_within(from..from + length, self.written);
        self.written += length;
    }
}

const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
