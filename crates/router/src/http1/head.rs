//! The lines of a head, found as bytes arrive. No byte is looked at twice for a line's end, however small the pieces are.

use memchr::memchr;

use super::name::{Known, is_token_byte};

/// A piece of the bytes that were read, by offsets from the head's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// From `start` to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        let short = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: short(start), end: short(end) }
    }

    /// The bytes it stands for.
    pub fn of(self, head: &[u8]) -> &[u8] {
        head.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// Where it begins.
    pub const fn start(self) -> usize {
        self.start as usize
    }

    pub const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub const fn is_empty(self) -> bool {
        self.end == self.start
    }
}

/// One header line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: Span,
    /// Without the white space around it.
    pub value: Span,
    pub known: Known,
}

/// What is wrong with a head's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHead {
    #[error("the first line is too long")]
    FirstLineTooLong,
    #[error("a header line is too long")]
    LineTooLong,
    #[error("a cookie is too long")]
    CookieTooLong,
    #[error("a header's name is too long")]
    NameTooLong,
    #[error("too many headers")]
    TooManyHeaders,
    #[error("a line is no header line")]
    Malformed,
}

/// How much a head may be. Lengths of lines are without the line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub first_line: usize,
    pub line: usize,
    /// A `Set-Cookie` line.
    pub cookie: usize,
    pub name: usize,
    pub headers: usize,
    pub total: usize,
    /// Empty lines before the first one.
    pub leading: u8,
}

/// Reads one head.
#[derive(Debug)]
pub struct HeadReader {
    stage: Stage,
    /// Where the line begins that is not complete yet.
    line: usize,
    /// No line end before this.
    scanned: usize,
    leading: u8,
    /// The first line.
    pub first: Span,
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    FirstLine,
    Fields,
    Done,
}

impl Default for HeadReader {
    fn default() -> Self {
        Self { stage: Stage::FirstLine, line: 0, scanned: 0, leading: 0, first: Span::default(), fields: Vec::new() }
    }
}

impl HeadReader {
    /// Ready for the next head.
    pub fn reset(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self { fields, ..Self::default() };
    }

    /// Whether the first line is there, so that headers are awaited.
    pub fn has_first_line(&self) -> bool {
        self.stage != Stage::FirstLine
    }

    /// Reads on in `head`, which holds every byte of it so far. Gives the head's length once it is complete.
    pub fn advance(&mut self, head: &[u8], limits: &Limits) -> Result<Option<usize>, BadHead> {
        while let Some(found) = head.get(self.scanned..).and_then(|rest| memchr(b'\n', rest)) {
            let end = self.scanned + found;
            let line = &head[self.line..end];
            let Some(line) = line.strip_suffix(b"\r") else { return Err(BadHead::Malformed) };
            let start = std::mem::replace(&mut self.line, end + 1);
            self.scanned = end + 1;
            match self.stage {
                Stage::FirstLine if line.is_empty() => {
                    self.leading += 1;
                    if self.leading > limits.leading {
                        return Err(BadHead::Malformed);
                    }
                }
                Stage::FirstLine => {
                    if line.len() > limits.first_line {
                        return Err(BadHead::FirstLineTooLong);
                    }
                    self.first = Span::new(start, start + line.len());
                    self.stage = Stage::Fields;
                }
                Stage::Fields if line.is_empty() => {
                    self.stage = Stage::Done;
                    return Ok(Some(end + 1));
                }
                Stage::Fields => {
                    if self.fields.len() >= limits.headers {
                        return Err(BadHead::TooManyHeaders);
                    }
                    self.fields.push(field(line, start, limits)?);
                }
                Stage::Done => return Err(BadHead::Malformed),
            }
        }
        self.scanned = head.len();
        self.incomplete(head, limits)
    }

    /// What can already be said against a line whose end has not come.
    fn incomplete(&self, head: &[u8], limits: &Limits) -> Result<Option<usize>, BadHead> {
        let line = head.get(self.line..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.stage == Stage::FirstLine {
            return if line.len() > limits.first_line { Err(BadHead::FirstLineTooLong) } else { Ok(None) };
        }
        if line.len() > limits.line || head.len() > limits.total {
            return Err(BadHead::LineTooLong);
        }
        if line.len() > limits.name && !line[..=limits.name].contains(&b':') {
            return Err(BadHead::NameTooLong);
        }
        Ok(None)
    }
}

/// Reads `Name: value`.
fn field(line: &[u8], start: usize, limits: &Limits) -> Result<Field, BadHead> {
    let colon = line.iter().position(|byte| !is_token_byte(*byte)).filter(|at| *at > 0 && line[*at] == b':').ok_or(BadHead::Malformed)?;
    if colon > limits.name {
        return Err(BadHead::NameTooLong);
    }
    if line.len() > limits.line {
        return Err(BadHead::LineTooLong);
    }
    let known = Known::of(&line[..colon]);
    if known == Known::SetCookie && line.len() > limits.cookie {
        return Err(BadHead::CookieTooLong);
    }
    let value = &line[colon + 1..];
    if !value.iter().all(|byte| is_text_byte(*byte)) {
        return Err(BadHead::Malformed);
    }
    let trimmed_start = value.trim_ascii_start();
    let from = line.len() - trimmed_start.len();
    let value = Span::new(start + from, start + from + trimmed_start.trim_ascii_end().len());
    Ok(Field { name: Span::new(start, start + colon), value, known })
}

/// What a header's value or a reason may hold: no control characters but the tab.
pub const fn is_text_byte(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7f || byte == b'\t'
}

/// The comma-separated words of all lines of a header.
pub fn words<'h>(fields: &'h [Field], head: &'h [u8], known: Known) -> impl Iterator<Item = &'h [u8]> {
    let lines = fields.iter().filter(move |field| field.known == known);
    lines.flat_map(|field| field.value.of(head).split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// The names that a message's `Connection` header takes from it. Empty most of the time.
pub fn nominated<'h>(fields: &'h [Field], head: &'h [u8]) -> Vec<&'h [u8]> {
    let usual = |word: &[u8]| [&b"keep-alive"[..], b"close", b"upgrade", b""].iter().any(|usual| usual.eq_ignore_ascii_case(word));
    words(fields, head, Known::Connection).filter(|word| !usual(word) && Known::of(word).is_nominable()).collect()
}

/// A length in digits only, which all lines agree on.
pub fn content_length(fields: &[Field], head: &[u8]) -> Result<Option<u64>, BadLength> {
    let mut length = None;
    for field in fields.iter().filter(|field| field.known == Known::ContentLength) {
        let value = field.value.of(head);
        let reads = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
        let value = reads.then(|| value.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'))).ok_or(BadLength)?;
        if length.is_some_and(|length| length != value) {
            return Err(BadLength);
        }
        length = Some(value);
    }
    Ok(length)
}

/// The lengths are no number, or not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid content length")]
pub struct BadLength;
