//! The program in a real terminal.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::support::Home;

/// Written behind a program's last word: when it has been read, everything has.
const END: &str = "\0end\0";

/// How long something may take to appear on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A program in a terminal of its own, which is read all the time.
pub(crate) struct Terminal {
    pid: rustix::process::Pid,
    keyboard: File,
    shown: Arc<(Mutex<Screen>, Condvar)>,
}

#[derive(Default)]
struct Screen {
    text: String,
    /// The status it ended with.
    status: Option<i32>,
}

impl Terminal {
    /// Runs `mypaas` in `home`, in a window of so many columns.
    pub(crate) fn run(home: &Home, columns: u16, arguments: &[&str]) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        tcsetwinsize(&keyboard, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let inner: OwnedFd = ioctl_tiocgptpeer(&keyboard, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        let mut ending = File::from(inner.try_clone().unwrap());
        let inner = || Stdio::from(inner.try_clone().unwrap());
        // setsid -c makes it the session's own terminal: Ctrl-C is a signal then, and /dev/tty is there.
        // env: who runs the tests in the background of a script has Ctrl-C ignored, and so would the program.
        let arguments = ["-c", "-w", "env", "--default-signal=INT", env!("CARGO_BIN_EXE_mypaas")].into_iter().chain(arguments.iter().copied());
        let mut command: Command = home.command("setsid", &arguments.collect::<Vec<_>>());
        command.env("TERM", "xterm-256color").stdin(inner()).stdout(inner()).stderr(inner());
        let mut child = command.spawn().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let keyboard = File::from(keyboard);
        let shown = Arc::new((Mutex::new(Screen::default()), Condvar::new()));
        let (mut reader, screen) = (keyboard.try_clone().unwrap(), Arc::clone(&shown));
        // This side stays open too: a terminal that everybody has left loses what was not read yet.
        let waiting = thread::spawn(move || {
            let status = child.wait().unwrap().code().unwrap_or(-1);
            ending.write_all(END.as_bytes()).unwrap();
            status
        });
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let length = reader.read(&mut buffer).unwrap();
                bytes.extend_from_slice(&buffer[..length]);
                let text = String::from_utf8_lossy(&bytes);
                let ended = text.ends_with(END);
                screen.0.lock().unwrap().text = text.trim_end_matches(END).to_owned();
                screen.1.notify_all();
                if ended {
                    screen.0.lock().unwrap().status = Some(waiting.join().unwrap());
                    screen.1.notify_all();
                    return;
                }
            }
        });
        Self { pid, keyboard, shown }
    }

    /// Types.
    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Drags the window to another size.
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        tcsetwinsize(&self.keyboard, Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    }

    /// Waits until this has been shown.
    pub(crate) fn until(&self, what: &str) {
        let shown = self.shown.0.lock().unwrap();
        let (shown, _) = self.shown.1.wait_timeout_while(shown, PATIENCE, |shown| !shown.text.contains(what) && shown.status.is_none()).unwrap();
        assert!(shown.text.contains(what), "no {what:?} in {:?}", shown.text);
    }

    /// Waits until keys are no longer shown.
    pub(crate) fn until_silent(&self) {
        let echoes = || tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO);
        let silent = (0..100_000_000_u64).any(|_| {
            thread::yield_now();
            !echoes()
        });
        assert!(silent, "keys are still shown");
    }

    /// Waits for the end: the status, and everything that was shown.
    pub(crate) fn end(self) -> (i32, String) {
        let shown = self.shown.0.lock().unwrap();
        let (shown, _) = self.shown.1.wait_timeout_while(shown, PATIENCE, |shown| shown.status.is_none()).unwrap();
        (shown.status.unwrap_or_else(|| panic!("it goes on: {:?}", shown.text)), shown.text.clone())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that has ended is nobody's to kill. After a panic the lock may be poisoned: then it goes too.
        if self.shown.0.lock().map_or(true, |shown| shown.status.is_none()) {
            let _ = rustix::process::kill_process(self.pid, rustix::process::Signal::KILL);
        }
    }
}

/// Lines as they stand in the end: what a carriage return wrote over is gone.
pub(crate) fn settled(shown: &str) -> Vec<String> {
    let last = |line: &str| line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().replace("\u{1b}[K", "");
    shown.split('\n').map(last).collect()
}

/// Whether a program is here; a shell that is not cannot be tried.
pub(crate) fn is_here(program: impl AsRef<OsStr>) -> bool {
    Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok()
}
