//! Between the dyno's processes and the log: two pipes, read by one thread, which writes on what passes the gate.

use std::{
    io::{self, PipeReader, PipeWriter, Read, pipe, stderr, stdout},
    os::fd::{AsFd, BorrowedFd},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::prctl,
    time::{ClockId, clock_gettime},
    unistd::write,
};

use crate::gate::{Budget, Flow, Now, Rate};

/// Read at once; as much as a pipe holds.
const READ: usize = 64 * 1024;
/// How long the log may take for the last words.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The pipes' end that the log hangs on.
pub(crate) struct Outlet {
    thread: JoinHandle<io::Result<()>>,
    /// Closed, it says that nothing more will come.
    over: PipeWriter,
}

impl Outlet {
    /// Begins to serve; gives what output and errors are to be written to.
    pub(crate) fn begin(rate: Rate) -> io::Result<(Self, [PipeWriter; 2])> {
        // Or the app could write to our own output, past the gate (`/proc/1/fd/1`).
        prctl::set_dumpable(false)?;
        let ((out, to_out), (errors, to_errors), (end, over)) = (pipe()?, pipe()?, pipe()?);
        for unblocked in [out.as_fd(), errors.as_fd(), stdout().as_fd(), stderr().as_fd()] {
            let flags = OFlag::from_bits_retain(fcntl(unblocked, FcntlArg::F_GETFL)?);
            fcntl(unblocked, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        let budget = Budget::new(rate, now()?);
        let thread = thread::Builder::new().stack_size(256 * 1024).spawn(move || serve(&[out, errors], &end, budget))?;
        Ok((Self { thread, over }, [to_out, to_errors]))
    }

    /// Writes on what is still there, and ends.
    pub(crate) fn end(self) {
        drop(self.over);
        // Whatever went wrong there, nobody is left to hear it.
        let _ = self.thread.join();
    }
}

fn serve(from: &[PipeReader; 2], end: &PipeReader, mut budget: Budget) -> io::Result<()> {
    let (out, errors) = (stdout(), stderr());
    let to = [out.as_fd(), errors.as_fd()];
    let mut flows = [Flow::default(), Flow::default()];
    let mut buffer = vec![0; READ];
    let mut over: Option<Duration> = None;
    loop {
        let waits = flows.iter().any(Flow::has_dropped).then(|| budget.opens_in(now().unwrap_or(NEVER)));
        wait(from, to, &flows, end, over.is_some(), waits)?;
        let now = now()?;
        let mut quiet = true;
        for (from, flow) in from.iter().zip(&mut flows) {
            match (&mut &*from).read(&mut buffer) {
                Ok(0) => {}
                Ok(read) => {
                    quiet = false;
                    flow.take(&buffer[..read], &mut budget, now);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
        if over.is_none() && closed(end) {
            over = Some(now.steady + LAST_WORDS);
            // What was written before is seen in the next turn.
            quiet = false;
        }
        let last = over.is_some() && quiet;
        for (flow, to) in flows.iter_mut().zip(to) {
            if last || budget.opens_in(now).is_zero() {
                flow.tell();
            }
            pass_on(flow, to);
        }
        if over.is_some_and(|limit| (last && flows.iter().all(|flow| flow.waiting.is_empty())) || limit <= now.steady) {
            return Ok(());
        }
    }
}

/// Waits until there is something to read, or the log takes more of what waits.
fn wait(from: &[PipeReader; 2], to: [BorrowedFd<'_>; 2], flows: &[Flow; 2], end: &PipeReader, over: bool, until: Option<Duration>) -> io::Result<()> {
    let full = flows.each_ref().map(|flow| !flow.waiting.is_empty());
    let mut watched: Vec<PollFd<'_>> = from.iter().map(|from| PollFd::new(from.as_fd(), PollFlags::POLLIN)).collect();
    watched.extend(to.into_iter().zip(full).filter(|(_, full)| *full).map(|(to, _)| PollFd::new(to, PollFlags::POLLOUT)));
    if !over {
        watched.push(PollFd::new(end.as_fd(), PollFlags::POLLIN));
    }
    let until = if over { Some(Duration::from_millis(if full == [false; 2] { 0 } else { 50 })) } else { until };
    // Rounded up, or the last millisecond would be spent asking again and again.
    let timeout = until.map_or(PollTimeout::NONE, |until| PollTimeout::try_from(until + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX));
    match poll(&mut watched, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn closed(end: &PipeReader) -> bool {
    let mut watched = [PollFd::new(end.as_fd(), PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// Writes what the log takes without waiting.
fn pass_on(flow: &mut Flow, to: BorrowedFd<'_>) {
    let mut written = 0;
    while written < flow.waiting.len() {
        match write(to, &flow.waiting[written..]) {
            Ok(count) => written += count,
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => break,
            // Nobody reads any more.
            Err(_) => written = flow.waiting.len(),
        }
    }
    flow.waiting.drain(..written);
    if flow.waiting.is_empty() {
        // After a stall, the memory is given back.
        flow.waiting.shrink_to(READ);
    }
}

const NEVER: Now = Now { steady: Duration::ZERO, shown: Duration::ZERO };

fn now() -> io::Result<Now> {
    let read = |clock| clock_gettime(clock).map(Duration::from);
    Ok(Now { steady: read(ClockId::CLOCK_MONOTONIC)?, shown: read(ClockId::CLOCK_REALTIME)? })
}
