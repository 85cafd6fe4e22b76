//! The key by which clients know this server again.

use std::fmt;

use russh::keys::{
    HashAlg, PrivateKey,
    ssh_key::{LineEnding, private::Ed25519Keypair},
};

/// An Ed25519 key. Does not print itself.
pub struct HostKey(PrivateKey);

/// A text that is no host key. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an Ed25519 private key in OpenSSH's format, without a passphrase")]
pub struct InvalidHostKey;

impl HostKey {
    /// A new one as it is kept in a file, from 32 drawn bytes.
    pub fn generate(drawn: [u8; 32]) -> String {
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&drawn));
        key.to_openssh(LineEnding::LF).expect("an Ed25519 key without a passphrase can be written").to_string()
    }

    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, InvalidHostKey> {
        let key = PrivateKey::from_openssh(text).map_err(|_| InvalidHostKey)?;
        if key.is_encrypted() || key.key_data().ed25519().is_none() { Err(InvalidHostKey) } else { Ok(Self(key)) }
    }

    /// `SHA256:…`, for people to compare.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// `ssh-ed25519 AAAA…`, for known_hosts files.
    pub fn public_line(&self) -> String {
        self.0.public_key().to_openssh().unwrap_or_default().trim().to_owned()
    }

    pub(super) fn into_inner(self) -> PrivateKey {
        self.0
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_read_again_and_nothing_else() {
        let text = HostKey::generate([7; 32]);
        assert!(text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert_eq!(text, HostKey::generate([7; 32]));
        // Files are trimmed when they are read.
        let key = HostKey::parse(text.trim()).unwrap();
        assert!(key.fingerprint().starts_with("SHA256:") && key.public_line().starts_with("ssh-ed25519 AAAA"));
        assert!(!format!("{key:?}").contains("PRIVATE"));
        for bad in ["", "x", &text[..100]] {
            assert_eq!(HostKey::parse(bad).unwrap_err(), InvalidHostKey);
        }
    }
}
