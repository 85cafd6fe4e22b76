//! What a client of the rendezvous sends behind its secret, on its way to a program's standard input.

/// End of transmission: how clients say that their input has ended, terminal or not.
const EOT: u8 = 0x04;

/// Takes away what is not meant for the program.
#[derive(Debug)]
pub(crate) struct Typed {
    line_end: LineEnd,
    /// A terminal knows what EOT means; without one it is ours to understand.
    terminal: bool,
    /// An EOT came last: the end, if nothing follows.
    held: bool,
    over: bool,
}

/// The line end that most clients send with the secret, and some do not.
#[derive(Debug, Clone, Copy)]
enum LineEnd {
    Expected,
    HalfSeen,
    Past,
}

impl Typed {
    pub(crate) const fn new(terminal: bool) -> Self {
        Self { line_end: LineEnd::Expected, terminal, held: false, over: false }
    }

    /// What of this goes to the program now.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(chunk.len() + 1);
        for &byte in chunk {
            match (self.line_end, byte) {
                (LineEnd::Expected, b'\r') => self.line_end = LineEnd::HalfSeen,
                (LineEnd::HalfSeen, b'\n') => self.line_end = LineEnd::Past,
                (LineEnd::HalfSeen, _) => {
                    self.line_end = LineEnd::Past;
                    bytes.extend([b'\r', byte]);
                }
                (LineEnd::Expected | LineEnd::Past, _) => {
                    self.line_end = LineEnd::Past;
                    if std::mem::take(&mut self.held) {
                        bytes.push(EOT);
                    }
                    bytes.push(byte);
                }
            }
        }
        if self.over {
            return Vec::new();
        }
        if !self.terminal && bytes.last() == Some(&EOT) {
            bytes.pop();
            self.held = true;
        }
        bytes
    }

    /// Whether what came last may have been the end.
    pub(crate) const fn holds_end(&self) -> bool {
        self.held
    }

    /// It was: nothing goes to the program any more.
    pub(crate) const fn ended(&mut self) {
        (self.held, self.over) = (false, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(terminal: bool, chunks: &[&str], passed: &[&str], holds_end: bool) {
        let mut typed = Typed::new(terminal);
        let got: Vec<String> = chunks.iter().map(|chunk| String::from_utf8(typed.take(chunk.as_bytes())).unwrap()).collect();
        assert_eq!((got.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), typed.holds_end()), (passed, holds_end), "{chunks:?}");
    }

    #[test]
    fn the_line_end_of_the_secret_is_not_input() {
        check(true, &["\r\nls\r"], &["ls\r"], false);
        check(true, &["\r", "\n", "ls\r"], &["", "", "ls\r"], false);
        check(true, &["ls\r\n"], &["ls\r\n"], false);
        check(true, &["\rls"], &["\rls"], false);
        check(true, &["\r\n\r\n"], &["\r\n"], false);
    }

    #[test]
    fn only_an_end_of_transmission_that_comes_last_is_the_end() {
        check(false, &["\r\nhello\u{4}"], &["hello"], true);
        check(false, &["hello", "\u{4}"], &["hello", ""], true);
        check(false, &["a\u{4}b"], &["a\u{4}b"], false);
        check(false, &["a\u{4}", "b"], &["a", "\u{4}b"], false);
        check(true, &["a\u{4}"], &["a\u{4}"], false);
    }

    #[test]
    fn nothing_follows_the_end() {
        let mut typed = Typed::new(false);
        typed.take(b"a\x04");
        typed.ended();
        assert_eq!((typed.take(b"more"), typed.holds_end()), (vec![], false));
    }
}
