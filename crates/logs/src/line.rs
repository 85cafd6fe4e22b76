//! What a line may contain. Everything that becomes one goes through here.

use std::borrow::Cow;

use domain::log_line::MAX_LINE;

/// Takes text apart into lines that are safe to store and to send: split at line breaks and at 10,000 bytes (Logplex's
/// limit, never inside a character), control characters other than tab and escape (colours) replaced.
/// Text without any line break is one line, even when it is empty; a break at its end starts no further line.
pub fn safe(text: &str) -> Vec<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    lines.flat_map(|line| line.split(BREAKS)).flat_map(|line| pieces(&printable(line)).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Whether text is one safe line as it is, told quickly: not every line that is one is known for it.
pub(crate) fn is_safe(text: &str) -> bool {
    text.len() <= MAX_LINE && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | 0x1b))
}

/// What else ends a line for some reader: carriage return, next line, line and paragraph separator.
const BREAKS: [char; 4] = ['\r', '\u{85}', '\u{2028}', '\u{2029}'];

fn printable(line: &str) -> Cow<'_, str> {
    let harmful = |c: char| c.is_control() && c != '\t' && c != '\u{1b}';
    if line.contains(harmful) { Cow::Owned(line.replace(harmful, "\u{fffd}")) } else { Cow::Borrowed(line) }
}

/// Pieces of at most [`MAX_LINE`] bytes; at least one.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let (piece, after) = line.split_at(line.floor_char_boundary(MAX_LINE));
        rest = (!after.is_empty()).then_some(after);
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile inputs 83.
    #[test]
    fn text_becomes_safe_lines() {
        for (text, lines) in [
            ("hello", vec!["hello"]),
            ("", vec![""]),
            ("hello\n", vec!["hello"]),
            ("a\r\nb\n\nc", vec!["a", "b", "", "c"]),
            ("10%\r20%\r", vec!["10%", "20%"]),
            ("a\u{2028}data: b", vec!["a", "data: b"]),
            ("\u{1b}[31mred\u{1b}[0m\tx", vec!["\u{1b}[31mred\u{1b}[0m\tx"]),
            ("a\0b\u{7}", vec!["a\u{fffd}b\u{fffd}"]),
        ] {
            assert_eq!(safe(text), lines, "{text:?}");
            assert!(!is_safe(text) || lines == [text], "{text:?}");
        }
    }

    #[test]
    fn long_lines_are_split_between_characters() {
        let text = format!("{}é{}", "x".repeat(MAX_LINE - 1), "y".repeat(MAX_LINE));
        let lines = safe(&text);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE - 1, MAX_LINE, 2]);
        assert_eq!(lines.concat(), text);
        assert_eq!(safe(&"x".repeat(MAX_LINE)).len(), 1);
        assert_eq!([MAX_LINE, MAX_LINE + 1].map(|length| is_safe(&"x".repeat(length))), [true, false]);
    }
}
