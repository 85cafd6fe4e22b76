//! How much of what a dyno writes goes into its log: all of it up to a rate, and beyond it whole lines are dropped and
//! counted, so that a dyno that writes without end costs its own processor time and nobody else's. The count stands where
//! the lines are missing, in the words of Heroku's L12.

use std::{fmt::Write, str::FromStr, time::Duration};

/// What may go into the log in a second; a second's worth may go at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) lines: u32,
    pub(crate) bytes: u32,
}

/// `LINES,BYTES`
impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (lines, bytes) = text.split_once(',').ok_or(())?;
        let number = |text: &str| text.parse().ok().filter(|number| *number > 0).ok_or(());
        Ok(Self { lines: number(lines)?, bytes: number(bytes)? })
    }
}

/// Of a message, in bytes: longer lines become several (Logplex's rule), and are counted so.
const MESSAGE: usize = 10_000;
/// Once something was dropped, so long everything is: else each of the lines of a flood would have a notice before it.
const CLOSED: Duration = Duration::from_millis(500);
/// Bytes that wait for a log that takes nothing: the app is not held up.
const MOST_WAITING: usize = 1 << 20;

/// The time: for measuring, and to show (since 1970, UTC).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) steady: Duration,
    pub(crate) shown: Duration,
}

/// What both streams of a dyno may still write.
#[derive(Debug)]
pub(crate) struct Budget {
    rate: Rate,
    lines: f64,
    bytes: f64,
    counted: Duration,
    closed_until: Duration,
}

impl Budget {
    pub(crate) fn new(rate: Rate, now: Now) -> Self {
        Self { rate, lines: rate.lines.into(), bytes: rate.bytes.into(), counted: now.steady, closed_until: Duration::ZERO }
    }

    /// When something that was closed opens again, from now.
    pub(crate) fn opens_in(&self, now: Now) -> Duration {
        self.closed_until.saturating_sub(now.steady)
    }

    fn allows(&mut self, waiting: usize, now: Now) -> bool {
        let passed = now.steady.saturating_sub(self.counted).as_secs_f64();
        self.counted = now.steady;
        self.lines = (self.lines + passed * f64::from(self.rate.lines)).min(self.rate.lines.into());
        self.bytes = (self.bytes + passed * f64::from(self.rate.bytes)).min(self.rate.bytes.into());
        if now.steady < self.closed_until {
            return false;
        }
        if self.lines < 1.0 || self.bytes <= 0.0 || waiting >= MOST_WAITING {
            self.closed_until = now.steady + CLOSED;
            return false;
        }
        self.lines -= 1.0;
        true
    }
}

/// One stream on its way into the log.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// What the log has not taken yet.
    pub(crate) waiting: Vec<u8>,
    /// Bytes of the message that is being written; 0: the next byte begins one.
    message: usize,
    passes: bool,
    /// The log has the beginning of a line.
    open: bool,
    /// The last message ended for its length, not its line end.
    continues: bool,
    dropped: Option<Dropped>,
}

#[derive(Debug, Clone, Copy)]
struct Dropped {
    messages: u64,
    since: Duration,
}

impl Flow {
    /// Takes what the app wrote.
    pub(crate) fn take(&mut self, mut bytes: &[u8], budget: &mut Budget, now: Now) {
        while let Some(&first) = bytes.first() {
            if self.message == 0 {
                if self.continues && first == b'\n' {
                    // It ends what was long enough already, and is no message.
                    self.continues = false;
                    self.end_line();
                    bytes = &bytes[1..];
                    continue;
                }
                self.begin(budget, now);
            }
            let most = (MESSAGE - self.message).min(bytes.len());
            let end = bytes[..most].iter().position(|&byte| byte == b'\n');
            let (part, rest) = bytes.split_at(end.map_or(most, |end| end + 1));
            if self.passes {
                self.waiting.extend_from_slice(part);
                budget.bytes -= part.len() as f64;
                self.open = end.is_none();
            }
            let whole = self.message + part.len() >= MESSAGE;
            self.continues = end.is_none() && whole;
            self.message = if end.is_some() || whole { 0 } else { self.message + part.len() };
            bytes = rest;
        }
    }

    fn begin(&mut self, budget: &mut Budget, now: Now) {
        self.passes = budget.allows(self.waiting.len(), now);
        if self.passes {
            self.tell();
        } else {
            self.end_line();
            self.dropped.get_or_insert(Dropped { messages: 0, since: now.shown }).messages += 1;
        }
    }

    /// Whether there is something to tell that was not told.
    pub(crate) const fn has_dropped(&self) -> bool {
        self.dropped.is_some()
    }

    /// Says how many messages were dropped since it was last said.
    pub(crate) fn tell(&mut self) {
        let Some(Dropped { messages, since }) = self.dropped.take() else { return };
        let mut notice = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(notice, "Error L12: {messages} messages dropped since {}.", utc(since));
        self.waiting.extend_from_slice(notice.as_bytes());
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.open) {
            self.waiting.push(b'\n');
        }
    }
}

/// `2026-11-21T03:00:00.123456+00:00` of the time since 1970.
fn utc(since: Duration) -> String {
    let (seconds, micros) = (since.as_secs(), since.subsec_micros());
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that leap days are at their ends; 1970 was 719,468 days after March of the year 0.
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, year) = (if month < 10 { month + 3 } else { month - 9 }, era * 400 + year + u64::from(month >= 10));
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}.{micros:06}+00:00", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Now {
        Now { steady: Duration::from_millis(millis), shown: Duration::from_millis(1_800_000_000_000 + millis) }
    }

    fn written(flow: &mut Flow) -> String {
        String::from_utf8(std::mem::take(&mut flow.waiting)).unwrap()
    }

    /// Lines seen, and lines that notices tell of.
    fn counted(text: &str) -> (u64, u64) {
        let notices = text.lines().filter_map(|line| line.strip_prefix("Error L12: ")?.split(' ').next()?.parse::<u64>().ok());
        let (told, lost) = notices.fold((0, 0), |(told, lost), count| (told + 1, lost + count));
        (text.lines().count() as u64 - told, lost)
    }

    #[test]
    fn what_stays_within_the_rate_passes_as_it_is() {
        let (mut flow, mut budget) = (Flow::default(), Budget::new(Rate { lines: 10, bytes: 100_000 }, at(0)));
        for (millis, bytes) in [(0, "one\ntwo"), (50, " halves\n\nprompt> "), (100, "answer\n")] {
            flow.take(bytes.as_bytes(), &mut budget, at(millis));
        }
        assert_eq!(written(&mut flow), "one\ntwo halves\n\nprompt> answer\n");
        let long = format!("{}\n{}\nend\n", "x".repeat(MESSAGE), "y".repeat(2 * MESSAGE + 1));
        for piece in long.as_bytes().chunks(777) {
            flow.take(piece, &mut budget, at(1_000));
        }
        assert_eq!(written(&mut flow), long);
        assert!(!flow.has_dropped());
    }

    /// Hostile inputs 83.
    #[test]
    fn a_flood_is_dropped_by_whole_lines_and_counted() {
        let (mut flow, mut budget) = (Flow::default(), Budget::new(Rate { lines: 100, bytes: 100_000 }, at(0)));
        for millis in 0..3_000 {
            flow.take(b"a\nb\nc\nd", &mut budget, at(millis));
            flow.take(b"d\n", &mut budget, at(millis));
        }
        flow.tell();
        let text = written(&mut flow);
        let (passed, lost) = counted(&text);
        assert_eq!(passed + lost, 12_000);
        // A second's worth at once, and then as much as the rate gives.
        assert!((300..=400).contains(&passed), "{passed}");
        assert!(text.lines().all(|line| ["a", "b", "c", "dd"].contains(&line) || line.starts_with("Error L12: ")), "{text}");
        assert!(text.matches("L12").count() <= 7, "{text}");
        assert!(text.contains(" messages dropped since 2027-01-15T08:00:00.025000+00:00.\n"), "{text}");
    }

    #[test]
    fn a_line_without_end_is_cut_and_counted_by_messages() {
        let (mut flow, mut budget) = (Flow::default(), Budget::new(Rate { lines: 100, bytes: 25_000 }, at(0)));
        for _ in 0..100 {
            flow.take(&[b'x'; 1_000], &mut budget, at(0));
        }
        flow.take(b"\nafter\n", &mut budget, at(2_000));
        let text = written(&mut flow);
        assert_eq!(text, format!("{}\nError L12: 7 messages dropped since 2027-01-15T08:00:00.000000+00:00.\nafter\n", "x".repeat(3 * MESSAGE)));
    }

    #[test]
    fn a_log_that_takes_nothing_fills_no_memory() {
        let (mut flow, mut budget) = (Flow::default(), Budget::new(Rate { lines: u32::MAX, bytes: u32::MAX }, at(0)));
        let mut sent = 0;
        for millis in 0..1_000 {
            for _ in 0..100 {
                flow.take(&[&[b'x'; 99][..], b"\n"].concat(), &mut budget, at(millis));
                sent += 1;
            }
        }
        assert!(flow.waiting.len() < MOST_WAITING + MESSAGE, "{}", flow.waiting.len());
        flow.tell();
        let (passed, lost) = counted(&written(&mut flow));
        assert_eq!(passed + lost, sent);
        assert!(lost > 0);
    }

    #[test]
    fn rates_are_two_numbers() {
        assert_eq!("10,200".parse(), Ok(Rate { lines: 10, bytes: 200 }));
        for wrong in ["", "10", "0,1", "1,0", "a,1", "1,2,3", "-1,2"] {
            assert_eq!(wrong.parse::<Rate>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn times_are_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
            (1_798_761_599, "2026-12-31T23:59:59"),
        ] {
            assert_eq!(utc(Duration::from_secs(seconds)), format!("{text}.000000+00:00"));
        }
    }
}
