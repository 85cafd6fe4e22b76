//! Work that takes a while: what is being done, then how it went.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::environment;
use crate::output;
use crate::progress::Progress;
use crate::terminal;

const FRAMES: [&str; 8] = ["⣾", "⣽", "⣻", "⢿", "⡿", "⣟", "⣯", "⣷"];
const FRAME: Duration = Duration::from_millis(100);

/// Whether something turns: what else is said then takes its line, and it goes on below.
static TURNING: AtomicBool = AtomicBool::new(false);

/// What goes before other talk: it takes the line from what turns on it.
pub(crate) fn before_talk() -> &'static str {
    if TURNING.load(Ordering::Relaxed) { "\r\u{1b}[K" } else { "" }
}

/// Says what is being done, then how it went: `Creating app... done, ⬢ shop`. In between something turns, if stderr is a terminal
/// that is wide enough for the line.
pub(crate) struct Action {
    text: String,
    finished: bool,
    spinner: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Action {
    /// Says what is being done.
    pub(crate) fn start(text: &str) -> Self {
        Self::begin(text, None)
    }

    /// The same of something whose length is known: beside what turns stands how far it is.
    pub(crate) fn measured(text: &str, progress: &Progress) -> Self {
        Self::begin(text, Some(progress.clone()))
    }

    fn begin(text: &str, progress: Option<Progress>) -> Self {
        let text = text.to_owned() + "...";
        let _ = write!(io::stderr().lock(), "{text} ");
        let _ = io::stderr().lock().flush();
        let spinner = room(&text).map(|room| spin(text.clone(), progress, room));
        Self { text, finished: false, spinner }
    }

    /// Says that it is done.
    pub(crate) fn done(self) {
        self.finish("done");
    }

    /// Says how it ended.
    pub(crate) fn finish(mut self, text: &str) {
        self.end(text);
    }

    fn end(&mut self, text: &str) {
        self.finished = true;
        match self.spinner.take() {
            Some((stop, thread)) => {
                drop(stop);
                let _ = thread.join();
                TURNING.store(false, Ordering::Relaxed);
                output::talk(&format!("\r{} {text}\u{1b}[K", self.text));
            }
            None => output::talk(text),
        }
    }
}

impl Drop for Action {
    fn drop(&mut self) {
        if !self.finished {
            self.end("!");
        }
    }
}

/// The columns that are left behind the text and what turns, if the line can be written again and again. One that wraps cannot: `\r` leads
/// to its last piece only.
fn room(text: &str) -> Option<usize> {
    if !io::stderr().is_terminal() || environment::terminal_is_dumb() {
        return None;
    }
    usize::from(terminal::width_of_stderr()?).checked_sub(text.chars().count() + 4)
}

fn spin(text: String, progress: Option<Progress>, room: usize) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = mpsc::channel();
    TURNING.store(true, Ordering::Relaxed);
    let turn = move || {
        let mut frames = FRAMES.iter().cycle();
        while let (Err(RecvTimeoutError::Timeout), Some(frame)) = (stopped.recv_timeout(FRAME), frames.next()) {
            let far = progress.as_ref().map(|progress| progress.shown(room.saturating_sub(1))).filter(|far| !far.is_empty());
            let far = far.map(|far| format!(" {far}")).unwrap_or_default();
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r{text} {frame}{far}\u{1b}[K").and_then(|()| err.flush());
        }
    };
    (stop, thread::spawn(turn))
}
