//! Where reading a log goes on that was read before: nothing twice, nothing left out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ports::log_sink::KeptOf;

/// How far one stream was read. Its frames come in order, and the pieces of a long line are all of the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) at: Timestamp,
    /// Frames of that time.
    frames: u32,
}

impl Read {
    pub(crate) fn on(read: &mut Option<Self>, at: Timestamp) {
        let frames = match *read {
            Some(before) if before.at == at => before.frames + 1,
            _ => 1,
        };
        *read = Some(Self { at, frames });
    }

    /// Whether a frame that comes (again) was read; takes it off.
    pub(crate) fn again(read: &mut Option<Self>, at: Timestamp) -> bool {
        let Some(Self { at: until, frames }) = read else { return false };
        if at == *until && *frames > 0 {
            *frames -= 1;
            return true;
        }
        at < *until
    }
}

/// What of a log the sink kept from before this platform was started.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) newest: Timestamp,
    pub(crate) from: Timestamp,
    times: BTreeMap<Timestamp, u32>,
}

impl Kept {
    pub(crate) fn new(kept: &KeptOf) -> Self {
        let mut times = BTreeMap::new();
        for &at in &kept.times {
            *times.entry(at).or_default() += 1;
        }
        Self { newest: kept.newest, from: kept.from, times }
    }

    /// Whether a line that is read is kept already; takes it off.
    pub(crate) fn holds(&mut self, at: Timestamp) -> bool {
        match self.times.get_mut(&at) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => at < self.from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanosecond(1_800_000_000_000_000_000 + i128::from(nanos)).unwrap()
    }

    /// A stream that breaks off anywhere and is read again from its beginning.
    #[test]
    fn a_stream_goes_on_inside_a_long_line_too() {
        let frames = [(1, "a"), (2, "b1"), (2, "b2"), (2, "b3"), (3, "c"), (3, "d"), (4, "e")];
        for cut in 0..=frames.len() {
            let (mut read, mut got) = (None, Vec::new());
            for (time, text) in &frames[..cut] {
                Read::on(&mut read, at(*time));
                got.push(*text);
            }
            let mut before = read;
            for (time, text) in frames {
                if !Read::again(&mut before, at(time)) {
                    Read::on(&mut read, at(time));
                    got.push(text);
                }
            }
            assert_eq!(got, ["a", "b1", "b2", "b3", "c", "d", "e"], "cut at {cut}");
            assert_eq!(read, Some(Read { at: at(4), frames: 1 }));
        }
    }

    /// Kept after each number of lines, in the order in which they came; read again in the engine's.
    #[test]
    fn lines_of_the_same_time_and_a_late_stream_come_once() {
        // Errors (e) are a little behind; 5 is a line of three messages.
        let lines = [(1, "a"), (3, "b"), (2, "e1"), (5, "c1"), (5, "c2"), (5, "c3"), (4, "e2"), (6, "d")];
        for kept in 1..=lines.len() {
            let times = lines[..kept].iter().map(|(time, _)| at(*time));
            let mut known = Kept::new(&KeptOf::of(times).unwrap());
            let mut got: Vec<_> = lines[..kept].iter().map(|(_, text)| *text).collect();
            got.extend(lines.iter().filter(|(time, _)| !known.holds(at(*time))).map(|(_, text)| *text));
            assert_eq!(got, lines.map(|(_, text)| text), "{kept} kept");
        }
    }

    #[test]
    fn what_was_kept_once_is_not_said_again() {
        let mut known = Kept::new(&KeptOf { newest: at(9), from: at(8), times: vec![at(9)] });
        assert_eq!([7, 8, 9, 9, 10].map(|nanos| known.holds(at(nanos))), [true, false, true, false, false]);
    }
}
