//! As much of WebSocket's framing (RFC 6455) as it takes to say goodbye between two frames of a dyno.

/// `1012`, "service restart", as a server says it.
pub(crate) const GOODBYE: [u8; 4] = [0x88, 0x02, 0x03, 0xf4];

/// Follows a server's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Frames {
    /// The head read so far.
    head: [u8; 14],
    length: usize,
    /// Of the frame's body.
    left: u64,
}

impl Frames {
    /// At the boundary between two frames.
    pub(crate) fn is_between(&self) -> bool {
        self.length == 0 && self.left == 0
    }

    /// Reads on, and stops at the end of a frame if `stops`. Gives how many bytes were read.
    pub(crate) fn advance(&mut self, bytes: &[u8], stops: bool) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if self.left > 0 {
                let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len() - at);
                self.left -= count as u64;
                at += count;
            } else {
                self.head[self.length] = bytes[at];
                self.length += 1;
                at += 1;
                if self.length < self.needed() {
                    continue;
                }
                self.left = self.body();
                self.length = 0;
            }
            if stops && self.is_between() {
                break;
            }
        }
        at
    }

    /// How long the head is, as far as can be told.
    fn needed(&self) -> usize {
        if self.length < 2 {
            return 2;
        }
        let extended = match self.head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + extended + if self.head[1] & 0x80 == 0 { 0 } else { 4 }
    }

    fn body(&self) -> u64 {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        match self.head[1] & 0x7f {
            126 => number(&self.head[2..4]),
            127 => number(&self.head[2..10]),
            short => u64::from(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_where_they_end_in_any_pieces() {
        let mut stream = vec![0x81, 2, b'h', b'i', 0x82, 126, 0, 200];
        stream.extend([7; 200]);
        stream.extend([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        stream.extend(vec![7; 65536]);
        stream.extend([0x89, 0x80, 1, 2, 3, 4]);
        for size in [1, 3, 1000, stream.len()] {
            let (mut frames, mut ends, mut at) = (Frames::default(), Vec::new(), 0);
            for piece in stream.chunks(size) {
                let mut rest = piece;
                while !rest.is_empty() {
                    let count = frames.advance(rest, true);
                    at += count;
                    rest = &rest[count..];
                    if frames.is_between() {
                        ends.push(at);
                    }
                }
            }
            assert_eq!(ends, [4, 208, 208 + 10 + 65536, stream.len()], "{size}");
        }
    }
}
