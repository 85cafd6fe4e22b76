//! HTTP/2 frames, counted as they come in: what no honest client sends so much of ends its connection, and a counter tells.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::Instant,
};

use crate::over::{Over, Reading};

/// Kinds of floods, each with its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    /// Requests taken back as fast as they are made.
    RapidReset,
    /// One head in endless pieces.
    Continuation,
    Settings,
    Ping,
    /// Frames that say nothing: empty data, priorities.
    Idle,
    /// What the HTTP/2 library itself found too much, such as a head that unpacks to more than it may.
    Calmed,
}

impl Flood {
    pub const ALL: [Self; 6] = [Self::RapidReset, Self::Continuation, Self::Settings, Self::Ping, Self::Idle, Self::Calmed];

    /// As metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RapidReset => "rapid_reset",
            Self::Continuation => "continuation",
            Self::Settings => "settings",
            Self::Ping => "ping",
            Self::Idle => "idle_frames",
            Self::Calmed => "calmed",
        }
    }
}

/// Connections that were cut off, by kind.
#[derive(Debug, Default)]
pub struct Floods([AtomicU64; 6]);

impl Floods {
    pub fn count(&self, flood: Flood) -> u64 {
        self.0[flood as usize].load(Relaxed)
    }

    fn tell(&self, flood: Flood) {
        self.0[flood as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn calmed(&self) {
        self.tell(Flood::Calmed);
    }
}

/// Counts start anew after so long.
const PERIOD: Duration = Duration::from_secs(10);
/// Frames of a kind in one period.
const MAX_RESETS: u32 = 200;
const MAX_SETTINGS: u32 = 50;
const MAX_PINGS: u32 = 100;
const MAX_IDLE: u32 = 10_000;
/// Pieces of one head.
const MAX_CONTINUATIONS: u32 = 32;
const PREFACE: usize = 24;

/// Follows a client's frames. Knows no time: the caller begins each period.
#[derive(Debug, Default)]
pub struct Watch {
    /// Bytes of the preface seen.
    preface: usize,
    head: [u8; 9],
    length: usize,
    left: usize,
    resets: u32,
    settings: u32,
    pings: u32,
    idle: u32,
    continuations: u32,
}

impl Watch {
    /// A new period: counts begin anew.
    pub fn begin(&mut self) {
        (self.resets, self.settings, self.pings, self.idle) = (0, 0, 0, 0);
    }

    /// Reads on. Says what it is too much of.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<(), Flood> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = bytes.len() - at;
            if self.preface < PREFACE {
                let count = rest.min(PREFACE - self.preface);
                self.preface += count;
                at += count;
            } else if self.left > 0 {
                let count = rest.min(self.left);
                self.left -= count;
                at += count;
            } else {
                self.head[self.length] = bytes[at];
                self.length += 1;
                at += 1;
                if self.length == self.head.len() {
                    self.length = 0;
                    self.frame()?;
                }
            }
        }
        Ok(())
    }

    fn frame(&mut self) -> Result<(), Flood> {
        let [high, middle, low, kind, flags, ..] = self.head;
        self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let mut more = |count: fn(&mut Self) -> &mut u32, limit, flood| {
            *count(self) += 1;
            if *count(self) > limit { Err(flood) } else { Ok(()) }
        };
        match kind {
            0x0 if high == 0 && middle == 0 && low == 0 && flags & 1 == 0 => more(|watch| &mut watch.idle, MAX_IDLE, Flood::Idle),
            0x1 => {
                self.continuations = 0;
                Ok(())
            }
            0x2 => more(|watch| &mut watch.idle, MAX_IDLE, Flood::Idle),
            0x3 => more(|watch| &mut watch.resets, MAX_RESETS, Flood::RapidReset),
            // An acknowledgement answers our own.
            0x4 if flags & 1 == 0 => more(|watch| &mut watch.settings, MAX_SETTINGS, Flood::Settings),
            0x6 if flags & 1 == 0 => more(|watch| &mut watch.pings, MAX_PINGS, Flood::Ping),
            0x9 => more(|watch| &mut watch.continuations, MAX_CONTINUATIONS, Flood::Continuation),
            _ => Ok(()),
        }
    }
}

/// A connection whose frames are watched.
pub(crate) type Guarded<C> = Over<C, Guard>;

/// Watches while a connection is read.
pub(crate) struct Guard {
    watch: Watch,
    since: Instant,
    floods: Arc<Floods>,
}

impl<C> Guarded<C> {
    pub(crate) fn new(io: C, floods: Arc<Floods>) -> Self {
        Self { io, reading: Guard { watch: Watch::default(), since: Instant::now(), floods } }
    }
}

impl Reading for Guard {
    fn poll_read<C: AsyncRead + Unpin>(&mut self, io: &mut C, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(io).poll_read(cx, buf))?;
        if self.since.elapsed() > PERIOD {
            self.since = Instant::now();
            self.watch.begin();
        }
        if let Err(flood) = self.watch.advance(&buf.filled()[before..]) {
            buf.set_filled(before);
            self.floods.tell(flood);
            tracing::debug!(flood = flood.name(), "an HTTP/2 client is cut off");
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(kind: u8, flags: u8, body: u8, count: usize) -> Vec<u8> {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        for _ in 0..count {
            bytes.extend([0, 0, body, kind, flags, 0, 0, 0, 1]);
            bytes.extend(vec![0; body.into()]);
        }
        bytes
    }

    fn told(bytes: &[u8], size: usize) -> Result<(), Flood> {
        let mut watch = Watch::default();
        bytes.chunks(size).try_for_each(|piece| watch.advance(piece))
    }

    #[test]
    fn each_flood_has_its_limit_in_any_pieces() {
        for (kind, body, limit, flood) in [
            (0x3, 4, MAX_RESETS, Flood::RapidReset),
            (0x9, 20, MAX_CONTINUATIONS, Flood::Continuation),
            (0x4, 6, MAX_SETTINGS, Flood::Settings),
            (0x6, 8, MAX_PINGS, Flood::Ping),
            (0x0, 0, MAX_IDLE, Flood::Idle),
        ] {
            for size in [1, 7, 100_000] {
                assert_eq!(told(&frames(kind, 0, body, limit as usize), size), Ok(()), "{flood:?}");
                assert_eq!(told(&frames(kind, 0, body, limit as usize + 1), size), Err(flood));
            }
        }
        assert_eq!(told(&frames(0x6, 1, 8, 1000), 100), Ok(()), "acknowledgements are answers");
    }
}
