//! From the engine's log frames to lines of text that are safe to show.

use domain::log_line::MAX_LINE;
use jiff::Timestamp;

/// Splits a stream of `timestamp bytes` frames into lines. The engine cuts long lines into several frames.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Of the line's first frame.
    began: Option<Timestamp>,
    partial: Vec<u8>,
}

impl Lines {
    /// Takes what a frame carries and gives the lines that are complete with it.
    pub(crate) fn push(&mut self, at: Timestamp, mut bytes: &[u8], mut line: impl FnMut(Timestamp, String)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            match self.began.take() {
                None => split(&bytes[..end], |text| line(at, text)),
                Some(began) => {
                    self.partial.extend_from_slice(&bytes[..end]);
                    split(&std::mem::take(&mut self.partial), |text| line(began, text));
                }
            }
            bytes = &bytes[end + 1..];
        }
        if !bytes.is_empty() {
            self.began.get_or_insert(at);
            self.partial.extend_from_slice(bytes);
        }
        // A line without end must not fill the memory.
        while self.partial.len() >= 2 * MAX_LINE {
            let rest = self.partial.split_off(boundary(&self.partial, MAX_LINE));
            let at = self.began.unwrap_or(at);
            pieces(&std::mem::replace(&mut self.partial, rest), |text| line(at, text));
        }
    }

    /// Gives what came after the last line end.
    pub(crate) fn finish(&mut self, mut line: impl FnMut(Timestamp, String)) {
        if let Some(at) = self.began.take() {
            split(&std::mem::take(&mut self.partial), |text| line(at, text));
        }
    }
}

/// Reads a frame's timestamp; the rest is what the process wrote. `None` if it does not begin with one.
pub(crate) fn stamped(frame: &[u8]) -> Option<(Timestamp, &[u8])> {
    let space = frame.iter().position(|&byte| byte == b' ')?;
    let at = std::str::from_utf8(&frame[..space]).ok()?.parse().ok()?;
    Some((at, &frame[space + 1..]))
}

/// Logplex's rule: what is longer than 10,000 bytes becomes several lines.
fn split(mut bytes: &[u8], mut line: impl FnMut(String)) {
    bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    while bytes.len() > MAX_LINE {
        let (head, tail) = bytes.split_at(boundary(bytes, MAX_LINE));
        pieces(head, &mut line);
        bytes = tail;
    }
    pieces(bytes, line);
}

/// What was no text is longer as text: nobody after us may have to split a line, since lines are known again by their number.
fn pieces(bytes: &[u8], mut line: impl FnMut(String)) {
    let mut text = clean(bytes);
    while text.len() > MAX_LINE {
        let rest = text.split_off(text.floor_char_boundary(MAX_LINE));
        line(std::mem::replace(&mut text, rest));
    }
    line(text);
}

/// The last place at or before `limit` that is not inside a character.
fn boundary(bytes: &[u8], limit: usize) -> usize {
    let inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (limit - 3..=limit).rev().find(|&at| !inside(at)).unwrap_or(limit)
}

/// As text, without characters that could forge a line or move a reader's cursor. Tabs and colours stay.
fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if bytes.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return text.into_owned();
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(c) = rest.chars().next() {
        let length = colour(rest).unwrap_or(c.len_utf8());
        let breaks_line = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if c == '\t' || !breaks_line || (c == '\u{1b}' && length > 1) {
            clean.push_str(&rest[..length]);
        } else {
            clean.push(char::REPLACEMENT_CHARACTER);
        }
        rest = &rest[length..];
    }
    clean
}

/// The length of the colour sequence (`ESC [ digits and semicolons m`) that the text begins with.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Pushes frames one second apart and collects `second text`.
    fn lines(frames: &[&[u8]]) -> Vec<(i64, String)> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for (second, frame) in frames.iter().enumerate() {
            lines.push(at(second as i64), frame, |at, text| out.push((at.as_second(), text)));
        }
        lines.finish(|at, text| out.push((at.as_second(), text)));
        out
    }

    #[test]
    fn frames_are_joined_up_to_the_line_end_and_keep_the_first_time() {
        assert_eq!(
            lines(&[b"one\n", b"two ", b"halves\r\n", b"\n", b"a\nb\n", b"last"]),
            [(0, "one".into()), (1, "two halves".into()), (3, String::new()), (4, "a".into()), (4, "b".into()), (5, "last".into())]
        );
        assert_eq!(lines(&[b"all\n"]).len(), 1);
    }

    /// Hostile inputs 83.
    #[test]
    fn long_lines_are_split_at_ten_thousand_bytes_never_inside_a_character() {
        let long = format!("x{}\n", "ä".repeat(12_000));
        let pieces: Vec<_> = long.as_bytes().chunks(16_384).collect();
        let out = lines(&pieces);
        assert!(out.iter().all(|(_, text)| text.len() <= MAX_LINE && !text.contains(char::REPLACEMENT_CHARACTER)));
        assert_eq!(out.iter().map(|(_, text)| text.as_str()).collect::<String>(), long.trim_end());
        assert_eq!(out.len(), 3);
        let no_text = lines(&[&[b'\xff'; 10_000], b"\n"]);
        assert_eq!(no_text.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(), [9_999, 9_999, 9_999, 3]);
        let endless = lines(&[&[b'y'; 50_000]]);
        assert_eq!(endless.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(), [10_000; 5]);
    }

    /// Hostile inputs 83.
    #[test]
    fn nothing_in_a_line_can_look_like_another_line() {
        for (bytes, text) in [
            (&b"tab\there"[..], "tab\there"),
            (b"\x1b[1;31mred\x1b[0m", "\u{1b}[1;31mred\u{1b}[0m"),
            (b"\x1b[2Jgone", "\u{fffd}[2Jgone"),
            (b"\x1b", "\u{fffd}"),
            (b"\x1b[3", "\u{fffd}[3"),
            (b"nul\0", "nul\u{fffd}"),
            (b"over\rwritten", "over\u{fffd}written"),
            (b"not \xff text", "not \u{fffd} text"),
            ("\u{2028}\u{85}".as_bytes(), "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(clean(bytes), text);
        }
    }

    #[test]
    fn the_engines_timestamp_is_read_off() {
        let frame = b"2026-11-21T03:00:00.123456789Z hello world\n";
        assert_eq!(stamped(frame), Some(("2026-11-21T03:00:00.123456789Z".parse().unwrap(), &b"hello world\n"[..])));
        assert_eq!(stamped(b"hello world\n"), None);
    }
}
