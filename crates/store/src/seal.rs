//! Sealing: what is secret is ciphertext in the database, so that a stolen file or backup tells nothing.
//!
//! XChaCha20-Poly1305. A sealed value is the key's id (1 byte), the nonce (24 bytes, drawn each time) and the ciphertext
//! with its tag. App and purpose are authenticated along with it: moved to another row, it does not open.

use std::sync::Arc;

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use domain::AppId;
use ports::chance::Chance;
use secrecy::{ExposeSecret, SecretBox};

use crate::error::{R, StoreError};

const NONCE: usize = 24;

/// The key that seals, and the number that sealed values remember it by.
pub struct SealKey {
    id: u8,
    bytes: SecretBox<[u8; 32]>,
}

impl SealKey {
    /// A key of 32 unpredictable bytes. Another key gets another id, so that a value says which one opens it.
    pub fn new(id: u8, bytes: [u8; 32]) -> Self {
        Self { id, bytes: SecretBox::new(Box::new(bytes)) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.bytes.expose_secret()))
    }
}

/// Seals and opens with one key.
pub(crate) struct Sealer {
    key: SealKey,
    chance: Arc<Chance>,
}

impl Sealer {
    pub(crate) const fn new(key: SealKey, chance: Arc<Chance>) -> Self {
        Self { key, chance }
    }

    /// Seals what belongs to this app for this purpose.
    pub(crate) fn seal(&self, app: AppId, what: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = self.chance.bytes();
        let payload = Payload { msg: plain, aad: &bound_to(app, what) };
        let ciphertext = self.key.cipher().encrypt(&XNonce::from(nonce), payload).expect("only a message of 256 GiB is too long to seal");
        [&[self.key.id], nonce.as_slice(), &ciphertext].concat()
    }

    /// Opens what [`Self::seal`] sealed for the same app and purpose.
    pub(crate) fn open(&self, app: AppId, what: &str, sealed: &[u8]) -> R<Vec<u8>> {
        let corrupt = |why: &str| StoreError::Corrupt(format!("{what} of app {app}: {why}"));
        let Some((&[key], rest)) = sealed.split_first_chunk() else { return Err(corrupt("nothing is there")) };
        let Some((nonce, ciphertext)) = rest.split_first_chunk::<NONCE>() else { return Err(corrupt("the sealed value is cut short")) };
        if key != self.key.id {
            return Err(corrupt(&format!("sealed with key {key}, but the key given is {}", self.key.id)));
        }
        let payload = Payload { msg: ciphertext, aad: &bound_to(app, what) };
        self.key.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| corrupt("the seal is broken, or the key is another one"))
    }
}

/// What links are bound to, besides their kind. No app's id begins like this.
const LINK: &[u8] = b"link:";

impl Sealer {
    /// Makes what a secret link carries: only whoever has the key can make one, or read one.
    pub(crate) fn seal_link(&self, kind: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = self.chance.bytes();
        let payload = Payload { msg: plain, aad: &[LINK, kind.as_bytes()].concat() };
        let ciphertext = self.key.cipher().encrypt(&XNonce::from(nonce), payload).expect("only a message of 256 GiB is too long to seal");
        [nonce.as_slice(), &ciphertext].concat()
    }

    /// Reads back what [`Self::seal_link`] made for the same kind of link; nothing else.
    pub(crate) fn open_link(&self, kind: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: ciphertext, aad: &[LINK, kind.as_bytes()].concat() };
        self.key.cipher().decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

/// What is authenticated along: the id has a fixed length, so no two pairs read the same.
fn bound_to(app: AppId, what: &str) -> Vec<u8> {
    [app.uuid().as_bytes(), what.as_bytes()].concat()
}
