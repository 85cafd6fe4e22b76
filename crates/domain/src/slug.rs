//! A slug: an app's code, built, as one archive.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::{app::AppId, ids::Id, procfile::Procfile, stack::StackName};

/// A gzipped tar whose entries live under `app/`, which is also an image layer. Never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug {
    pub id: SlugId,
    pub app: AppId,
    /// Digest of the gzipped archive; its name among the blobs.
    pub sha256: Sha256,
    /// Digest of the archive before gzip: what an image calls the layer's diff id.
    pub diff_id: Sha256,
    /// Of the gzipped archive, in bytes.
    pub bytes: u64,
    pub stack: StackName,
    pub process_types: Procfile,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// What the buildpack called the app: `Node.js`.
    pub language: Option<String>,
    pub created_at: Timestamp,
}
pub type SlugId = Id<Slug>;

/// A SHA-256 digest, written in lowercase hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256(pub [u8; 32]);

/// A text that is no SHA-256 in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 in 64 hex digits")]
pub struct InvalidSha256;

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Self, InvalidSha256> {
        if text.len() != 64 || !text.is_ascii() {
            return Err(InvalidSha256);
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| InvalidSha256)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidSha256)?;
        }
        Ok(Self(bytes))
    }
}

/// A size as builds print it, one decimal unless it is zero: `34M`, `50.6M`, `667B`.
pub fn human_bytes(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit < 3 {
        value /= 1024.0;
        unit += 1;
    }
    let text = if unit == 0 { bytes.to_string() } else { format!("{value:.1}") };
    format!("{}{}", text.strip_suffix(".0").unwrap_or(&text), ["B", "K", "M", "G"][unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_heroku_prints_them() {
        for (bytes, text) in [(667, "667B"), (688 * 1024, "688K"), (34 << 20, "34M"), (53_058_568, "50.6M"), (3 << 30, "3G")] {
            assert_eq!(human_bytes(bytes), text);
        }
    }

    #[test]
    fn digests_round_trip() {
        let digest = Sha256([0xab; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!("zz".repeat(32).parse::<Sha256>(), Err(InvalidSha256));
    }
}
