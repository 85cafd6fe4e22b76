//! The life of the main process, as PID 1 sees it: signals in, orphans reaped, an exit status out.

use std::{io, os::unix::process::CommandExt, process::Command};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, alarm},
};
use signal_hook::{
    consts::{SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU},
    iterator::Signals,
};

/// How long what is left behind may take to end after the main process has.
const FAREWELL_SECS: u32 = 2;

/// The signals, taken one by one. They are caught, not blocked: a blocked signal would stay blocked in the dyno's processes.
pub(crate) struct Watch {
    signals: Signals,
    /// On a terminal, Ctrl-C is for the foreground processes, which get it from the kernel.
    terminal: bool,
}

impl Watch {
    /// Starts to catch signals; before there is a child, so that none is missed.
    pub(crate) fn begin(terminal: bool) -> io::Result<Self> {
        let on_terminal: &[i32] = if terminal { &[SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU] } else { &[] };
        let signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGCHLD, SIGALRM].iter().chain(on_terminal))?;
        Ok(Self { signals, terminal })
    }

    /// Runs the main process to its end, and everything else to its own; the exit status, 128 + n for signal n.
    ///
    /// The child stays in our process group: on a terminal that is the foreground group, so Ctrl-C reaches it and a shell
    /// in it can do job control.
    pub(crate) fn run(mut self, command: &mut Command) -> io::Result<u8> {
        let first = nix::unistd::getpid() == Pid::from_raw(1);
        let own_group = !first && !self.terminal;
        if own_group {
            // Run by hand: what is signalled is a group of its own, never the caller's whole session.
            command.process_group(0);
        }
        let child = Pid::from_raw(i32::try_from(command.spawn()?.id()).map_err(io::Error::other)?);
        let everything = match (first, own_group) {
            (true, _) => Pid::from_raw(-1),
            (false, true) => Pid::from_raw(-child.as_raw()),
            (false, false) => child,
        };
        let mut ended = None;
        let mut farewell = false;
        for signal in self.signals.forever() {
            match signal {
                SIGCHLD => {
                    let left = reap(child, &mut ended);
                    let Some(status) = ended else { continue };
                    if !farewell {
                        farewell = true;
                        // The child's own number is free again by now, and may be another's.
                        if everything != child {
                            terminate(everything);
                        }
                        alarm::set(FAREWELL_SECS);
                    }
                    if let Left::Nothing = left {
                        return Ok(status);
                    }
                }
                // Long enough for what was left behind.
                SIGALRM if farewell => break,
                SIGTERM | SIGHUP => terminate(everything),
                SIGINT if !self.terminal => terminate(everything),
                _ => {}
            }
        }
        Ok(ended.unwrap_or_default())
    }
}

enum Left {
    Something,
    Nothing,
}

/// Reaps all that have ended, noting the main process's status.
fn reap(child: Pid, ended: &mut Option<u8>) -> Left {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => *ended = Some(u8::try_from(code).unwrap_or(u8::MAX)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => *ended = Some(128 + u8::try_from(signal as i32).unwrap_or(0)),
            Ok(WaitStatus::StillAlive) => return Left::Something,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Left::Nothing,
        }
    }
}

/// SIGTERM to all; SIGCONT too, since a stopped process would not notice.
fn terminate(everything: Pid) {
    for signal in [Signal::SIGTERM, Signal::SIGCONT] {
        // Nobody left is fine.
        let _ = kill(everything, signal);
    }
}
