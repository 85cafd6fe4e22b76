//! The terminal this program runs in.

use std::io::{self, IsTerminal};

use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// Whether a person types and reads: both stdin and stdout are a terminal. A dyno's terminal would change the bytes of a file.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Columns and lines.
pub(crate) fn size() -> Option<(u16, u16)> {
    tcgetwinsize(stdout()).ok().map(|size| (size.ws_col, size.ws_row)).filter(|(columns, lines)| *columns > 0 && *lines > 0)
}

/// Columns of the terminal that stderr is.
pub(crate) fn width_of_stderr() -> Option<u16> {
    tcgetwinsize(stderr()).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}

/// The terminal hands on each key as it is, until this is dropped.
pub(crate) struct RawMode {
    before: Termios,
}

impl RawMode {
    /// Switches stdin's terminal.
    pub(crate) fn enter() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}
