//! A response's head, understood or refused.

use super::{
    body::Framing,
    head::{BadHead, BadLength, HeadReader, Limits, Span, content_length, is_text_byte, words},
    name::Known,
};

/// Heroku: a status line of 8 KB, header lines of 512 KB, cookies of 8 KB; all together as much as one connection may buffer.
pub const LIMITS: Limits = Limits { first_line: 8192, line: 524_288, cookie: 8192, name: 524_288, headers: 1000, total: 1024 * 1024, leading: 0 };

/// Why a response does not go to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too large, or with a length that could be read in two ways (H25).
    #[error("{0}")]
    Restricted(&'static str),
    /// No HTTP (H17).
    #[error("no HTTP")]
    Unreadable,
}

impl From<BadHead> for Unfit {
    fn from(bad: BadHead) -> Self {
        match bad {
            BadHead::FirstLineTooLong => Self::Restricted("oversized status line"),
            BadHead::LineTooLong | BadHead::NameTooLong | BadHead::TooManyHeaders => Self::Restricted("oversized header"),
            BadHead::CookieTooLong => Self::Restricted("oversized cookie"),
            BadHead::Malformed => Self::Unreadable,
        }
    }
}

impl From<BadLength> for Unfit {
    fn from(_: BadLength) -> Self {
        Self::Restricted("invalid content length")
    }
}

/// A response's head, by offsets into its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead {
    pub status: u16,
    /// The words behind the status.
    pub reason: Span,
    pub framing: Framing,
    /// The dyno would take another request.
    pub keep_alive: bool,
    pub length: usize,
}

/// Understands a head whose lines were read. `bodiless` is the answer to a HEAD.
pub fn understand(head: &[u8], lines: &HeadReader, length: usize, bodiless: bool) -> Result<ResponseHead, Unfit> {
    let line = lines.first.of(head);
    let start = lines.first.start();
    let is_1_1 = match line.get(..9) {
        Some(b"HTTP/1.1 ") => true,
        Some(b"HTTP/1.0 ") => false,
        _ => return Err(Unfit::Unreadable),
    };
    let digits = line.get(9..12).filter(|digits| digits.iter().all(u8::is_ascii_digit)).ok_or(Unfit::Unreadable)?;
    let status = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    if status < 100 || !matches!(line.get(12), None | Some(b' ')) || !line.iter().all(|byte| is_text_byte(*byte)) {
        return Err(Unfit::Unreadable);
    }
    let fields = &lines.fields;
    let mut framing = match content_length(fields, head)? {
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    let mut codings = fields.iter().filter(|field| field.known == Known::TransferEncoding);
    if let Some(coding) = codings.next() {
        if !is_1_1 || codings.next().is_some() || !coding.value.of(head).eq_ignore_ascii_case(b"chunked") {
            return Err(Unfit::Unreadable);
        }
        framing = Framing::Chunked;
    }
    if bodiless || status < 200 || status == 204 || status == 304 {
        framing = Framing::Empty;
    }
    let says = |what: &[u8]| words(fields, head, Known::Connection).any(|word| word.eq_ignore_ascii_case(what));
    let keep_alive = framing != Framing::UntilClose && if is_1_1 { !says(b"close") } else { says(b"keep-alive") };
    Ok(ResponseHead { status, reason: Span::new(start + line.len().min(13), start + line.len()), framing, keep_alive, length })
}
