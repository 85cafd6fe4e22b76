//! The lines git's protocols are made of: four hex digits of length, then the text (gitprotocol-common(5)).

use bytes::Bytes;

/// Most bytes of a list of lines: some tens of thousands of refs.
const LONGEST_LIST: usize = 4 * 1024 * 1024;

/// A list of lines as it passes by, up to the flush that ends it.
#[derive(Debug, Default)]
pub(crate) struct List {
    length: Vec<u8>,
    rest_of_line: usize,
    taken: usize,
}

/// Whether a list has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Within,
    Over,
}

impl List {
    /// The next bytes. `None`: the list is too long, or no list of lines.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Option<Progress> {
        while !bytes.is_empty() {
            self.taken += 1;
            if self.taken > LONGEST_LIST {
                return None;
            }
            if self.rest_of_line > 0 {
                let part = self.rest_of_line.min(bytes.len());
                self.rest_of_line -= part;
                self.taken += part - 1;
                bytes = &bytes[part..];
                continue;
            }
            self.length.push(bytes[0]);
            bytes = &bytes[1..];
            if self.length.len() == 4 {
                // Parsing alone would take a sign for a digit.
                let text = std::str::from_utf8(&self.length).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
                let length = usize::from_str_radix(text, 16).ok()?;
                self.length.clear();
                match length {
                    0 => return Some(Progress::Over),
                    1..4 => return None,
                    _ => self.rest_of_line = length - 4,
                }
            }
        }
        Some(Progress::Within)
    }
}

/// Ends a list of lines.
const FLUSH: &str = "0000";

/// What comes before the refs when they are asked for over HTTP (gitprotocol-http(5)).
pub(crate) fn service_header(service: &str) -> Bytes {
    let text = format!("# service=git-{service}\n");
    format!("{:04x}{text}{FLUSH}", text.len() + 4).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_followed_to_its_end_whatever_the_pieces() {
        let list = b"000bold new0005x0000PACK";
        for size in 1..list.len() {
            let mut following = List::default();
            let mut seen = 0;
            for piece in list.chunks(size) {
                seen += piece.len();
                match following.take(piece) {
                    Some(Progress::Within) => assert!(seen < 20, "{size}"),
                    Some(Progress::Over) => {
                        assert!(seen >= 20, "{size}");
                        break;
                    }
                    None => panic!("{size}"),
                }
            }
        }
        for bad in [&b"PACK"[..], b"0001", b"00 5x", b"+005x", b"\xff\xff\xff\xff"] {
            assert_eq!(List::default().take(bad), None, "{bad:?}");
        }
        let mut endless = List::default();
        let line = [b"0064".as_slice(), &[b'x'; 96]].concat();
        assert!((0..100_000).any(|_| endless.take(&line).is_none()));
    }

    #[test]
    fn the_header_is_as_git_itself_sends_it() {
        assert_eq!(service_header("receive-pack"), "001f# service=git-receive-pack\n0000");
        assert_eq!(service_header("upload-pack"), "001e# service=git-upload-pack\n0000");
    }
}
