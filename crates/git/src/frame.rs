//! What the hook and the server say to each other: frames of one byte of kind, four bytes of length (big endian) and the
//! payload.
//!
//! ```text
//! hook → server   'P' push id   'E' NAME=value …   'U' old new ref …   '.' end
//! server → hook   'O' output …                                         'X' exit status (one byte)
//! ```
//!
//! A connection that ends before its last frame has failed.

use std::io::{self, ErrorKind, Read};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest payload, in bytes.
pub(crate) const LONGEST: usize = 64 * 1024;
const HEADER: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Push,
    Environment,
    Update,
    End,
    Output,
    Exit,
}

impl Kind {
    const ALL: [(Self, u8); 6] =
        [(Self::Push, b'P'), (Self::Environment, b'E'), (Self::Update, b'U'), (Self::End, b'.'), (Self::Output, b'O'), (Self::Exit, b'X')];

    fn byte(self) -> u8 {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, byte)| *byte)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

/// The frame as bytes. A payload that is too long is an error at the other end; see [`LONGEST`].
pub(crate) fn encode(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.push(kind.byte());
    bytes.extend(length.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn header([kind, length @ ..]: [u8; HEADER]) -> io::Result<(Kind, usize)> {
    let known = Kind::ALL.iter().find(|(_, byte)| *byte == kind);
    let (kind, _) = known.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "a frame of unknown kind"))?;
    match usize::try_from(u32::from_be_bytes(length)) {
        Ok(length) if length <= LONGEST => Ok((*kind, length)),
        _ => Err(io::Error::new(ErrorKind::InvalidData, "a frame that is too long")),
    }
}

/// The next frame; waits for it.
pub(crate) fn read(from: &mut impl Read) -> io::Result<Frame> {
    let mut start = [0; HEADER];
    from.read_exact(&mut start)?;
    let (kind, length) = header(start)?;
    let mut payload = vec![0; length];
    from.read_exact(&mut payload)?;
    Ok(Frame { kind, payload })
}

/// The next frame; waits for it without holding up anything else.
pub(crate) async fn read_async(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let mut start = [0; HEADER];
    from.read_exact(&mut start).await?;
    let (kind, length) = header(start)?;
    let mut payload = vec![0; length];
    from.read_exact(&mut payload).await?;
    Ok(Frame { kind, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_kind_length_payload() {
        assert_eq!(encode(Kind::Output, b"hi\n"), b"O\0\0\0\x03hi\n");
        assert_eq!(encode(Kind::Exit, &[1]), b"X\0\0\0\x01\x01");
        assert_eq!(encode(Kind::End, b""), b".\0\0\0\0");
    }

    #[tokio::test]
    async fn what_was_written_is_read_in_both_ways() {
        for (kind, _) in Kind::ALL {
            let bytes = encode(kind, &[7; 300]);
            let frame = Frame { kind, payload: vec![7; 300] };
            assert_eq!(read(&mut &bytes[..]).unwrap(), frame);
            assert_eq!(read_async(&mut &bytes[..]).await.unwrap(), frame);
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        let fails = |bytes: &[u8]| read(&mut &bytes[..]).unwrap_err().kind();
        assert_eq!(fails(b""), ErrorKind::UnexpectedEof);
        assert_eq!(fails(b"O\0\0\0\x05hi"), ErrorKind::UnexpectedEof);
        assert_eq!(fails(b"?\0\0\0\0"), ErrorKind::InvalidData);
        assert_eq!(fails(b"O\xff\xff\xff\xff"), ErrorKind::InvalidData);
        assert_eq!(fails(&encode(Kind::Output, &[0; LONGEST + 1])), ErrorKind::InvalidData);
    }
}
