//! One drain, served: gather what is there, send it, wait longer after each failure, and keep count.

use std::{collections::VecDeque, fmt::Write, sync::Arc, time::Duration};

use domain::{Drain, LogLine, Source};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Outlet,
    connect::Unreached,
    frame::{Frame, Holds, seconds},
    link::{Failure, Link, batch_bytes, dialect},
    lost::{Count, Lost},
};
use crate::{filter::LOGPLEX, logplex::Channel, reader::Reader, ring::Bounds, tail::TailEvent};

/// The same frames are sent once and so often again (Logplex's number).
const AGAIN: u32 = 2;
/// Between attempts: this, then twice as long each time.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// The owner is told of lost lines this often at most, of anything else ten times less.
const TELLING: Duration = Duration::from_secs(60);

pub(super) struct Pump {
    drain: Drain,
    reader: Reader,
    /// Where the owner is told.
    channel: Arc<Channel>,
    outlet: Arc<Outlet>,
    bounds: Bounds,
    lost: Lost,
    link: Option<Link>,
    wait: Duration,
    /// Not before then is the owner told of further losses.
    tell_at: Instant,
    complain_at: Instant,
}

impl Pump {
    pub(super) fn new(drain: Drain, reader: Reader, channel: Arc<Channel>, outlet: Arc<Outlet>, bounds: Bounds) -> Self {
        let now = Instant::now();
        Self { drain, reader, channel, outlet, bounds, lost: Lost::default(), link: None, wait: SHORTEST, tell_at: now, complain_at: now }
    }

    /// Until the app is gone.
    pub(super) async fn run(mut self) {
        while let Some(frames) = self.gather().await {
            self.deliver(frames).await;
        }
    }

    /// Waits for something to send, and takes all there is of it up to a batch; `None` if nothing comes any more.
    async fn gather(&mut self) -> Option<VecDeque<Frame>> {
        let mut frames = VecDeque::new();
        let (mut bytes, limit) = (0, batch_bytes(self.drain.url.scheme));
        let mut event = if self.lost.has_unsent() { self.reader.next_now() } else { Some(self.wait_for_event().await?) };
        loop {
            if let Some(TailEvent::Dropped { count, since }) = event {
                self.lost.add(Count { lines: count, since });
                self.tell();
            }
            let dialect = dialect(self.drain.url.scheme);
            if let Some(count) = self.lost.take_unsent() {
                frames.push_back(Frame::notice(count, self.outlet.clock.now(), &self.drain.token, dialect));
            }
            if let Some(TailEvent::Line { line, .. }) = &event {
                let frame = Frame::line(line, &self.drain.token, dialect);
                bytes += frame.bytes.len();
                frames.push_back(frame);
            }
            if bytes >= limit {
                return Some(frames);
            }
            event = self.reader.next_now();
            if event.is_none() {
                return Some(frames);
            }
        }
    }

    async fn wait_for_event(&mut self) -> Option<TailEvent> {
        loop {
            let ended = async {
                match &mut self.link {
                    Some(link) => link.ended().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Whoever has gone is known to be gone before anything more is sent to them.
                biased;
                () = ended => self.link = None,
                event = self.reader.next() => return event,
                () = sleep_until(self.tell_at), if self.lost.has_untold() => self.tell(),
            }
        }
    }

    /// Sends frames until they are gone, one way or the other.
    async fn deliver(&mut self, mut frames: VecDeque<Frame>) {
        let id = self.outlet.chance.bytes::<16>().iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let mut attempts = 0;
        while let Err(failure) = self.send(&id, &mut frames).await {
            tracing::debug!(drain = self.drain.token, %failure, "a drain is not served");
            match failure {
                Failure::Unreached(why) => self.complain(&why),
                Failure::Again(_) if attempts < AGAIN => attempts += 1,
                Failure::Again(_) => self.lose(frames.drain(..).map(|frame| frame.holds)),
                // It was understood, and is as good as answered.
                Failure::Refused(_) => {
                    self.lose(frames.drain(..).map(|frame| frame.holds));
                    return;
                }
                Failure::Broken(_, cut) => self.lose(cut.into_iter()),
            }
            self.link = None;
            if let Some((lines, since)) = self.reader.missed() {
                self.lost.add(Count { lines, since });
            }
            self.tell();
            sleep(self.wait).await;
            self.wait = (self.wait * 2).min(LONGEST);
            if frames.is_empty() {
                return;
            }
        }
        self.wait = SHORTEST;
    }

    async fn send(&mut self, id: &str, frames: &mut VecDeque<Frame>) -> Result<(), Failure> {
        let link = match &mut self.link {
            Some(link) => link,
            None => self.link.insert(Link::open(&self.drain, &self.outlet).await?),
        };
        link.send(&self.drain, id, frames).await
    }

    fn lose(&mut self, frames: impl Iterator<Item = Holds>) {
        for frame in frames {
            match frame {
                Holds::Line(since) => self.lost.add(Count { lines: 1, since }),
                Holds::Notice(count) => self.lost.notice(count),
            }
        }
        self.tell();
    }

    /// Tells the owner what was lost, if it is time.
    fn tell(&mut self) {
        if Instant::now() < self.tell_at {
            return;
        }
        if let Some(Count { lines, since }) = self.lost.take_untold() {
            self.tell_at = Instant::now() + TELLING;
            self.say(format!("Error L10 (output buffer overflow): drain '{}' dropped {lines} messages since {}.", self.drain.token, seconds(since)));
        }
    }

    /// Tells the owner what only they can mend.
    fn complain(&mut self, why: &Unreached) {
        let place = self.drain.url.shown();
        let text = match why {
            Unreached::Certificate(error) => format!("Error L14 (certificate validation): error=\"{error}\" uri=\"{place}\""),
            Unreached::NotPublic => format!("Drain '{}' is not served: {place} is not at a public address.", self.drain.token),
            Unreached::TooSlow | Unreached::Io(_) => return,
        };
        if Instant::now() >= self.complain_at {
            self.complain_at = Instant::now() + 10 * TELLING;
            self.say(text);
        }
    }

    fn say(&self, text: String) {
        let line = LogLine { at: self.outlet.clock.now(), source: Source::Heroku, process: LOGPLEX.to_owned(), text };
        self.channel.write(line, self.bounds);
    }
}
