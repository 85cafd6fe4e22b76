//! New inputs out of old ones.

use crate::Target;

/// Numbers that follow from a seed (SplitMix64).
pub struct Chance(u64);

impl Chance {
    /// The same numbers for the same seed.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % (bound.max(1) as u64)) as usize
    }

    /// A part of something that long; seldom all of it, often little.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = if self.below(4) == 0 { length - start } else { (length - start).min(16) };
        start..start + self.below(most + 1)
    }
}

/// What breaks parsers whatever they parse.
const NASTY: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\n",
    b"\t",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc0\xaf",
    "\u{202e}".as_bytes(),
    "\u{0130}".as_bytes(),
    "\u{2028}".as_bytes(),
    b"..",
    b"../",
    b"/",
    b"-",
    b"--",
    b"$(id)",
    b"`id`",
    b";",
    b"|",
    b"'",
    b"\"",
    b"\\",
    b"%2e%2e",
    b"{}",
    b"[",
    b"]",
    b"\x1b[2J",
    b"0",
    b"-1",
    b"65536",
    b"4294967296",
    b"18446744073709551616",
    b"99999999999999999999999",
];

/// One input, changed in one to six ways.
pub(crate) fn mutated(pool: &[Vec<u8>], target: &Target, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = pool[chance.below(pool.len())].clone();
    for _ in 0..=chance.below(6) {
        change(&mut bytes, pool, target, chance);
        bytes.truncate(target.longest);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, pool: &[Vec<u8>], target: &Target, chance: &mut Chance) {
    let at = chance.below(bytes.len() + 1);
    match chance.below(11) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = chance.below(256) as u8;
            }
        }
        2 => drop(bytes.drain(chance.range(bytes.len()))),
        3 => bytes.truncate(at),
        4 | 5 => {
            let words = if target.words.is_empty() || chance.below(3) == 0 { NASTY } else { target.words };
            let word = words[chance.below(words.len())];
            // Over what is there, or between.
            let end = if chance.below(2) == 0 { at } else { (at + word.len()).min(bytes.len()) };
            bytes.splice(at..end, word.iter().copied());
        }
        6 => {
            let part = bytes[chance.range(bytes.len())].to_vec();
            bytes.splice(at..at, part);
        }
        7 => {
            let part = bytes[chance.range(bytes.len())].to_vec();
            let times = [2, 10, 100, 1_000, 10_000][chance.below(5)].min(target.longest / part.len().max(1));
            bytes.splice(at..at, part.repeat(times));
        }
        8 => {
            let other = &pool[chance.below(pool.len())];
            bytes.truncate(at);
            bytes.extend(&other[chance.below(other.len() + 1)..]);
        }
        9 => {
            // Lines (or records) in another order.
            let mut lines: Vec<_> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
            let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
            if !lines.is_empty() {
                lines.swap(one, other);
            }
            *bytes = lines.concat();
        }
        _ => {
            let random: Vec<u8> = (0..chance.below(8)).map(|_| chance.below(256) as u8).collect();
            bytes.splice(at..at, random);
        }
    }
}
