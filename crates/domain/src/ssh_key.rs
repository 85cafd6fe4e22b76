//! Public keys that people push with over SSH, as they are written in `~/.ssh/*.pub` (RFC 4253 section 6.6, RFC 5656, RFC 8709).

use std::{fmt, str::FromStr};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{account::AccountId, ids::Id};

/// A key somebody may push with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    pub id: SshKeyId,
    pub account: AccountId,
    pub key: PublicKey,
    pub created_at: Timestamp,
}
pub type SshKeyId = Id<SshKey>;

/// A public key: what it is, its bytes, and what its owner calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: &'static str,
    blob: Vec<u8>,
    comment: String,
}

/// What OpenSSH shows of a key: `SHA256:` and the digest of its bytes in base64 without padding.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyFingerprint(String);

/// Why a text is no key to push with. None of these sentences repeats the text: it may be a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicKey {
    #[error(
        "This is a private key. It was not kept; paste the public one, whose file ends in .pub. A private key that was shown to others should be replaced."
    )]
    Private,
    #[error("Key is not a public SSH key: it should be one line like `ssh-ed25519 AAAA… name@host`")]
    Malformed,
    #[error("DSA keys are not accepted: they are too weak. Make a key with `ssh-keygen -t ed25519`")]
    Dsa,
    #[error("RSA key is too short (minimum is {MIN_RSA_BITS} bits). Make a key with `ssh-keygen -t ed25519`")]
    ShortRsa,
    #[error("RSA key is too long (maximum is {MAX_RSA_BITS} bits)")]
    LongRsa,
    #[error("Keys of this kind are not accepted. Known are ed25519, ecdsa and rsa")]
    Unknown,
    #[error("Comment is too long (maximum is {MAX_COMMENT} characters)")]
    LongComment,
}

/// Below this an RSA key is refused (NIST SP 800-131A: at least 2048 bits).
const MIN_RSA_BITS: usize = 2048;
/// Above this checking a signature would cost more than it proves; OpenSSH draws the same line.
const MAX_RSA_BITS: usize = 16_384;
const MAX_COMMENT: usize = 200;
/// No key of the accepted kinds is longer as text.
const LONGEST: usize = 16 * 1024;

impl PublicKey {
    /// `ssh-ed25519`
    pub const fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// The third word of its line; empty if there was none.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    pub fn fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint::of(&self.blob)
    }
}

impl KeyFingerprint {
    /// Of a key's bytes as they go over the wire.
    pub fn of(blob: &[u8]) -> Self {
        Self(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As one line, without a line end.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, STANDARD.encode(&self.blob))?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

impl FromStr for PublicKey {
    type Err = InvalidPublicKey;

    fn from_str(text: &str) -> Result<Self, InvalidPublicKey> {
        // Before anything else: what holds a private key is to be named as such, whatever stands around it.
        if text.contains("PRIVATE KEY") || text.contains("PuTTY-User-Key-File") {
            return Err(InvalidPublicKey::Private);
        }
        let line = text.trim();
        if line.len() > LONGEST || line.contains(char::is_control) {
            return Err(InvalidPublicKey::Malformed);
        }
        let mut words = line.splitn(3, ' ');
        let (kind, encoded) = words.next().zip(words.next()).ok_or(InvalidPublicKey::Malformed)?;
        let comment = words.next().unwrap_or_default().trim();
        let algorithm = algorithm(kind)?;
        let blob = STANDARD.decode(encoded).map_err(|_| InvalidPublicKey::Malformed)?;
        check(algorithm, &blob)?;
        if comment.chars().count() > MAX_COMMENT {
            return Err(InvalidPublicKey::LongComment);
        }
        Ok(Self { algorithm, blob, comment: comment.to_owned() })
    }
}

fn algorithm(kind: &str) -> Result<&'static str, InvalidPublicKey> {
    let known = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];
    match known.into_iter().find(|known| *known == kind) {
        Some(known) => Ok(known),
        None if kind == "ssh-dss" => Err(InvalidPublicKey::Dsa),
        None if kind.contains("ssh-") || kind.contains("ecdsa-") => Err(InvalidPublicKey::Unknown),
        None => Err(InvalidPublicKey::Malformed),
    }
}

/// Whether the bytes are a key of that kind and nothing more. That a point lies on its curve shows when it is used.
fn check(algorithm: &str, blob: &[u8]) -> Result<(), InvalidPublicKey> {
    let mut fields = Fields(blob);
    if fields.next()? != algorithm.as_bytes() {
        return Err(InvalidPublicKey::Malformed);
    }
    let fits = match algorithm {
        "ssh-ed25519" => fields.next()?.len() == 32,
        "ssh-rsa" => {
            let (exponent, modulus) = (fields.next()?, fields.next()?);
            check_modulus(modulus)?;
            (1..=8).contains(&exponent.len()) && exponent.last().is_some_and(|last| last % 2 == 1)
        }
        _ => {
            let curve = algorithm.trim_start_matches("ecdsa-sha2-");
            let bytes = match curve {
                "nistp256" => 32,
                "nistp384" => 48,
                _ => 66,
            };
            let (named, point) = (fields.next()?, fields.next()?);
            // 4: both coordinates follow, none is compressed.
            named == curve.as_bytes() && point.len() == 1 + 2 * bytes && point.first() == Some(&4)
        }
    };
    if fits && fields.0.is_empty() { Ok(()) } else { Err(InvalidPublicKey::Malformed) }
}

fn check_modulus(modulus: &[u8]) -> Result<(), InvalidPublicKey> {
    // A leading zero keeps the number positive.
    let digits = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let first = digits.first().copied().unwrap_or(0);
    match (digits.len() * 8).saturating_sub(first.leading_zeros() as usize) {
        0 => Err(InvalidPublicKey::Malformed),
        1..MIN_RSA_BITS => Err(InvalidPublicKey::ShortRsa),
        bits if bits > MAX_RSA_BITS => Err(InvalidPublicKey::LongRsa),
        _ => Ok(()),
    }
}

/// Four bytes of length, then as many bytes; one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<&'a [u8], InvalidPublicKey> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(InvalidPublicKey::Malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| InvalidPublicKey::Malformed)?;
        let (field, rest) = rest.split_at_checked(length).ok_or(InvalidPublicKey::Malformed)?;
        self.0 = rest;
        Ok(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINj0Tm0jSP9MjqYc6Wem5uAynVzSdPwtRDtRz9T9DPTk ann@example.com";

    fn line(kind: &str, fields: &[&[u8]]) -> String {
        let blob: Vec<u8> = fields.iter().flat_map(|field| [&u32::try_from(field.len()).unwrap().to_be_bytes()[..], field].concat()).collect();
        format!("{kind} {}", STANDARD.encode(blob))
    }

    fn rsa(bits: usize) -> String {
        let modulus = [&[0][..], &vec![0xff; bits / 8]].concat();
        line("ssh-rsa", &[b"ssh-rsa", &[1, 0, 1], &modulus])
    }

    #[test]
    fn what_ssh_keygen_writes_is_a_key() {
        let key: PublicKey = format!("  {ED25519}\n").parse().unwrap();
        assert_eq!((key.algorithm(), key.comment(), key.to_string().as_str()), ("ssh-ed25519", "ann@example.com", ED25519));
        // As `ssh-keygen -lf` shows it.
        assert_eq!(key.fingerprint().to_string(), "SHA256:THcucFNEvjPHET4dWFfmeuCR5HRVc+XNAFNpCbj3A/Q");
        assert!(rsa(2048).parse::<PublicKey>().is_ok());
        for (curve, bytes) in [("nistp256", 32), ("nistp384", 48), ("nistp521", 66)] {
            let kind = format!("ecdsa-sha2-{curve}");
            let point = [&[4][..], &vec![7; 2 * bytes]].concat();
            assert!(line(&kind, &[kind.as_bytes(), curve.as_bytes(), &point]).parse::<PublicKey>().is_ok(), "{curve}");
        }
        let spoken: PublicKey = format!("{ED25519} on my laptop").parse().unwrap();
        assert_eq!(spoken.comment(), "ann@example.com on my laptop");
    }

    #[test]
    fn what_is_none_is_told_apart() {
        let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n-----END OPENSSH PRIVATE KEY-----\n";
        let (first, second) = ED25519.split_once(' ').unwrap();
        for (text, why) in [
            (private.to_owned(), InvalidPublicKey::Private),
            (format!("{ED25519}\n{private}"), InvalidPublicKey::Private),
            ("PuTTY-User-Key-File-3: ssh-ed25519".to_owned(), InvalidPublicKey::Private),
            (String::new(), InvalidPublicKey::Malformed),
            (first.to_owned(), InvalidPublicKey::Malformed),
            (format!("{ED25519}\n{ED25519}"), InvalidPublicKey::Malformed),
            (format!("command=\"id\" {ED25519}"), InvalidPublicKey::Malformed),
            (format!("ssh-rsa {second}"), InvalidPublicKey::Malformed),
            ("ssh-ed25519 !!!!".to_owned(), InvalidPublicKey::Malformed),
            (line("ssh-ed25519", &[b"ssh-ed25519", &[1; 31]]), InvalidPublicKey::Malformed),
            (line("ssh-ed25519", &[b"ssh-ed25519", &[1; 32], b"more"]), InvalidPublicKey::Malformed),
            (line("ssh-rsa", &[b"ssh-rsa", &[1, 0, 1], &[]]), InvalidPublicKey::Malformed),
            (rsa(1024), InvalidPublicKey::ShortRsa),
            (rsa(32_768), InvalidPublicKey::LongRsa),
            (line("ssh-dss", &[b"ssh-dss", &[1; 128]]), InvalidPublicKey::Dsa),
            ("sk-ssh-ed25519@openssh.com AAAA".to_owned(), InvalidPublicKey::Unknown),
            (format!("{first} {} {}", second.split(' ').next().unwrap(), "x".repeat(201)), InvalidPublicKey::LongComment),
            (format!("{ED25519}\0"), InvalidPublicKey::Malformed),
            ("a".repeat(20_000), InvalidPublicKey::Malformed),
        ] {
            assert_eq!(text.parse::<PublicKey>(), Err(why), "{text:?}");
        }
    }
}
