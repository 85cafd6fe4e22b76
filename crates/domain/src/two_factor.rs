//! The second factor of a login: codes that an authenticator app shows (TOTP, RFC 6238), and codes on paper for the day the
//! telephone is gone.

use std::fmt::Write;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::account::{AccountId, Email};

/// So long a code is shown, in seconds (RFC 6238, 4.1: X; what apps take without being told).
const PERIOD: i64 = 30;
/// Codes of so many steps before and after now are good too: clocks differ, and people type slowly (RFC 6238, 5.2).
const SKEW: i64 = 1;
/// Codes are numbers below this: six digits.
const CODES: u32 = 1_000_000;

/// A stretch of 30 seconds, counted since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step(pub i64);

impl Step {
    /// The step of this moment.
    pub fn at(now: Timestamp) -> Self {
        Self(now.as_second().div_euclid(PERIOD))
    }
}

/// What an account and its authenticator app both know: 160 drawn bits (RFC 4226, 4: R6). Does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret([u8; 20]);

impl TotpSecret {
    pub const fn new(drawn: [u8; 20]) -> Self {
        Self(drawn)
    }

    /// The bytes, to be sealed.
    pub const fn expose(&self) -> &[u8; 20] {
        &self.0
    }

    /// As people type it into their app.
    pub fn base32(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// As apps read it from a picture: an `otpauth:` URI. The issuer is what the app lists it under.
    pub fn uri(&self, issuer: &str, account: &Email) -> String {
        let issuer = encoded(issuer);
        format!("otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period={PERIOD}", encoded(account.as_str()), self.base32())
    }

    /// The code of a step (RFC 4226, 5.3).
    pub fn code(&self, Step(step): Step) -> u32 {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let at = usize::from(digest[19] & 0xf);
        let four = [digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]];
        u32::from_be_bytes(four) % CODES
    }

    /// The step whose code this is, if it is good now: near enough, and later than the last one that was used. Takes the
    /// same time whatever is given.
    pub fn accepts(&self, given: u32, now: Timestamp, used: Step) -> Option<Step> {
        let Step(current) = Step::at(now);
        let mut accepted = None;
        for step in (current - SKEW..=current + SKEW).map(Step) {
            if bool::from(self.code(step).ct_eq(&given)) && step > used {
                accepted = Some(step);
            }
        }
        accepted
    }
}

/// The second factor of an account, as it is remembered.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    pub secret: TotpSecret,
    /// Since when logins need it. `None`: a secret was given out, and no code of it has been seen yet.
    pub enabled_at: Option<Timestamp>,
    /// The last step whose code was used: neither it nor an earlier one is good any more.
    pub used: Step,
}

/// A code to be written down, good for one login: 80 drawn bits. Does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; 10]);

impl RecoveryCode {
    /// As many as an account is given.
    pub const COUNT: usize = 10;

    pub const fn new(drawn: [u8; 10]) -> Self {
        Self(drawn)
    }

    /// As people write it down: `mfxg-27lb-q4rt-w5oa`.
    pub fn text(&self) -> String {
        let plain = BASE32_NOPAD.encode(&self.0).to_ascii_lowercase();
        [&plain[..4], &plain[4..8], &plain[8..12], &plain[12..]].join("-")
    }

    /// What is stored of it. One round of SHA-256 hides 80 drawn bits; the account is hashed along, so that equal codes of
    /// two accounts do not look equal.
    pub fn hash(&self, account: AccountId) -> [u8; 32] {
        Sha256::new().chain_update(account.uuid().as_bytes()).chain_update(self.0).finalize().into()
    }
}

/// What somebody typed as their second factor.
#[derive(Clone, PartialEq, Eq)]
pub enum GivenCode {
    Totp(u32),
    Recovery(RecoveryCode),
}

impl GivenCode {
    /// Reads six digits or a recovery code, with blanks and dashes wherever people put them. `None`: it is neither.
    pub fn read(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect();
        if plain.len() == 6 && plain.bytes().all(|byte| byte.is_ascii_digit()) {
            return plain.parse().ok().map(Self::Totp);
        }
        let bytes = BASE32_NOPAD.decode(plain.as_bytes()).ok()?;
        Some(Self::Recovery(RecoveryCode(bytes.try_into().ok()?)))
    }
}

/// Percent-encoded, but for what never needs it (RFC 3986, 2.3).
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").unwrap_or_default(),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::ids::Id;

    /// The secret of the examples in RFC 4226 and RFC 6238.
    fn secret() -> TotpSecret {
        TotpSecret::new(*b"12345678901234567890")
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// RFC 4226, appendix D.
    #[test]
    fn codes_of_counters() {
        let codes: Vec<u32> = (0..10).map(|step| secret().code(Step(step))).collect();
        assert_eq!(codes, [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489]);
    }

    /// RFC 6238, appendix B: the last six of its eight digits.
    #[test]
    fn codes_of_times() {
        for (at, code) in
            [(59, 287_082), (1_111_111_109, 81_804), (1_111_111_111, 50_471), (1_234_567_890, 5_924), (2_000_000_000, 279_037), (20_000_000_000, 353_130)]
        {
            assert_eq!(secret().code(Step::at(second(at))), code, "{at}");
        }
    }

    #[test]
    fn a_code_is_good_once_and_near_its_time() {
        let now = second(1_234_567_890);
        let code = secret().code(Step::at(now));
        for (away, good) in [(-61, false), (-30, true), (0, true), (29, true), (30, true), (60, false)] {
            let then = now + SignedDuration::from_secs(away);
            assert_eq!(secret().accepts(code, then, Step(0)).is_some(), good, "{away} s from its time");
        }
        let used = secret().accepts(code, now, Step(0)).unwrap();
        assert_eq!(used, Step::at(now));
        assert_eq!(secret().accepts(code, now, used), None, "twice");
        let before = secret().code(Step(used.0 - 1));
        assert_eq!((secret().accepts(before, now, Step(used.0 - 2)), secret().accepts(before, now, used)), (Some(Step(used.0 - 1)), None));
        assert_eq!(secret().accepts(code.wrapping_add(1) % CODES, now, Step(0)), None);
    }

    #[test]
    fn what_people_type() {
        let is_totp = |text: &str| match GivenCode::read(text) {
            Some(GivenCode::Totp(code)) => Some(code),
            _ => None,
        };
        assert_eq!(
            (is_totp("005924"), is_totp(" 005 924\n"), is_totp("5924"), is_totp("0059240"), is_totp("００５９２４")),
            (Some(5_924), Some(5_924), None, None, None)
        );
        let code = RecoveryCode::new(*b"0123456789");
        assert_eq!(code.text(), "gayt-emzu-gu3d-oobz");
        for text in ["gayt-emzu-gu3d-oobz", "GAYTEMZUGU3DOOBZ", " gayt emzu gu3d oobz "] {
            assert!(GivenCode::read(text) == Some(GivenCode::Recovery(code.clone())), "{text}");
        }
        for text in ["", "gayt-emzu-gu3d", "gayt-emzu-gu3d-oob1", "gayt-emzu-gu3d-oobz-gayt"] {
            assert!(GivenCode::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_stored_hash_is_of_one_account() {
        let (code, one, other) = (RecoveryCode::new([7; 10]), Id::new(second(1), [1; 10]), Id::new(second(1), [2; 10]));
        assert_eq!(code.hash(one), code.hash(one));
        assert_ne!(code.hash(one), code.hash(other));
    }

    #[test]
    fn apps_are_told_all_they_need() {
        assert_eq!(
            secret().uri("mypaas (localhost)", &"ann+x@example.com".parse().unwrap()),
            "otpauth://totp/mypaas%20%28localhost%29:ann%2Bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=mypaas%20%28localhost%29&algorithm=SHA1&digits=6&period=30"
        );
    }
}
