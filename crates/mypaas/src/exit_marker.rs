//! The line in which an attached command reports its exit status, and how it is taken out of the output.
//!
//! Rendezvous carries raw bytes and no status. Heroku's command line (`run -x`) therefore appends an `echo` to the command and looks
//! for its line in the output; the line starts with U+FFFF, which no text contains.

/// What the line starts with: U+FFFF in UTF-8, then words.
const MARKER: &[u8] = b"\xEF\xBF\xBF heroku-command-exit-status: ";

/// `command`, reporting its exit status when it is over. It runs in a subshell, so that an `exit` in it does not take the
/// report with it; the line end before the bracket ends a comment.
pub(crate) fn reporting(command: &str) -> String {
    format!("( {command}\n) ; echo \"\u{FFFF} heroku-command-exit-status: $?\"")
}

/// Takes the marker out of a stream, wherever the stream is cut.
#[derive(Debug, Default)]
pub(crate) struct ExitMarker {
    held: Vec<u8>,
    status: Option<u8>,
    /// Nothing came since the marker.
    last: bool,
}

impl ExitMarker {
    /// Takes a piece of the output and gives back what can be shown of it; what may be the start of a marker is held.
    pub(crate) fn filter(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.last &= piece.is_empty();
        let mut shown = Vec::new();
        loop {
            let Some(start) = find(&self.held, MARKER) else {
                let keep = longest_start(&self.held);
                shown.extend(self.held.drain(..self.held.len() - keep));
                return shown;
            };
            shown.extend(self.held.drain(..start));
            match status_line(&self.held[MARKER.len()..]) {
                Line::Complete { status, length } => {
                    self.status = Some(status);
                    self.held.drain(..MARKER.len() + length);
                    self.last = self.held.is_empty();
                }
                Line::Incomplete => return shown,
                // Only looks like it. Its first byte goes out, so that the search goes on behind it.
                Line::Other => shown.extend(self.held.drain(..1)),
            }
        }
    }

    /// Whether what came last was the marker, and all of it: most likely the output's end.
    pub(crate) fn came_last(&self) -> bool {
        self.last
    }

    /// The end of the output: what was still held, and the status if one was reported.
    pub(crate) fn finish(mut self) -> (Vec<u8>, Option<u8>) {
        if let Some(line) = self.held.strip_prefix(MARKER)
            && let Line::Complete { status, .. } = status_line(&[line, b"\n"].concat())
        {
            self.status = Some(status);
            self.held.clear();
        }
        (self.held, self.status)
    }
}

enum Line {
    Complete { status: u8, length: usize },
    Incomplete,
    Other,
}

/// Digits and a line end; a terminal writes `\r\n`.
fn status_line(text: &[u8]) -> Line {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let status = std::str::from_utf8(&text[..digits]).ok().and_then(|digits| digits.parse().ok());
    match (status, &text[digits..]) {
        (_, []) | (Some(_), [b'\r']) if digits <= 3 => Line::Incomplete,
        (Some(status), [b'\n', ..]) => Line::Complete { status, length: digits + 1 },
        (Some(status), [b'\r', b'\n', ..]) => Line::Complete { status, length: digits + 2 },
        _ => Line::Other,
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// How many bytes at the end of `text` may be the start of a marker.
fn longest_start(text: &[u8]) -> usize {
    (1..MARKER.len().min(text.len() + 1)).rev().find(|length| text.ends_with(&MARKER[..*length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Filters `output` cut into pieces of every length, and demands the same each time.
    fn check(output: &[u8], shown: &[u8], status: Option<u8>) {
        for size in 1..=output.len().max(1) {
            let mut marker = ExitMarker::default();
            let mut seen: Vec<u8> = output.chunks(size).flat_map(|piece| marker.filter(piece)).collect();
            let (rest, reported) = marker.finish();
            seen.extend(rest);
            assert_eq!((seen.as_slice(), reported), (shown, status), "in pieces of {size}");
        }
    }

    #[test]
    fn the_line_is_taken_out_however_the_stream_is_cut() {
        let line = |text: &str| format!("{text}\u{FFFF} heroku-command-exit-status: ").into_bytes();
        check(&[line("hello\n"), b"0\n".to_vec()].concat(), b"hello\n", Some(0));
        check(&[line("no line end"), b"137\r\n".to_vec()].concat(), b"no line end", Some(137));
        check(&[line(""), b"1".to_vec()].concat(), b"", Some(1));
        check(&[b"\x00\xFF\xEF\xBF".to_vec(), line("\u{FFFF}"), b"2\nrest".to_vec()].concat(), b"\x00\xFF\xEF\xBF\xEF\xBF\xBFrest", Some(2));
    }

    #[test]
    fn other_bytes_come_through_unchanged() {
        let odd = "\u{FFFF} heroku-command-exit-status: none\n\u{FFFF} heroku-command-exit-status: 9999\n";
        check(odd.as_bytes(), odd.as_bytes(), None);
        check(b"\xEF\xBF\xBF heroku", b"\xEF\xBF\xBF heroku", None);
        check(b"", b"", None);
    }

    #[test]
    fn the_command_is_as_herokus_own_command_line_sends_it() {
        assert_eq!(reporting("ls"), "( ls\n) ; echo \"\u{FFFF} heroku-command-exit-status: $?\"");
    }
}
