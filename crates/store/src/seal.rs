//! Sealing: what is secret is ciphertext in the database, so that a stolen file or backup tells nothing.
//!
//! XChaCha20-Poly1305. A sealed value is the key's id (1 byte), the nonce (24 bytes, drawn each time) and the ciphertext
//! with its tag. App and purpose are authenticated along with it: moved to another row, it does not open.

use std::sync::{Arc, PoisonError, RwLock};

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

/// The keys of an installation: the newest seals, all of them open.
pub struct Keys {
    ring: Ring,
    more: Option<Box<More>>,
}

/// The keys that there are now, if they are not those of these ids. A rotation makes one while the platform runs.
type More = dyn Fn(&[u8]) -> Option<Vec<SealKey>> + Send + Sync;

/// At least one key, by their ids.
type Ring = Vec<SealKey>;

impl Keys {
    /// `None` without any key. `more` is asked before anything is sealed, and when something was sealed with a key not known.
    pub fn new(mut keys: Vec<SealKey>, more: impl Fn(&[u8]) -> Option<Vec<SealKey>> + Send + Sync + 'static) -> Option<Self> {
        keys.sort_by_key(|key| key.id);
        (!keys.is_empty()).then(|| Self { ring: keys, more: Some(Box::new(more)) })
    }
}

impl From<SealKey> for Keys {
    fn from(key: SealKey) -> Self {
        Self { ring: vec![key], more: None }
    }
}

/// Seals with the newest key, and opens with all.
pub(crate) struct Sealer {
    ring: RwLock<Arc<Ring>>,
    more: Option<Box<More>>,
    chance: Arc<Chance>,
}

impl Sealer {
    pub(crate) fn new(keys: impl Into<Keys>, chance: Arc<Chance>) -> Self {
        let Keys { ring, more } = keys.into();
        Self { ring: RwLock::new(Arc::new(ring)), more, chance }
    }

    fn known(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys as they are now.
    fn current(&self) -> Arc<Ring> {
        let known = self.known();
        let ids: Vec<u8> = known.iter().map(|key| key.id).collect();
        let Some(mut keys) = self.more.as_ref().and_then(|more| more(&ids)).filter(|keys| !keys.is_empty()) else { return known };
        keys.sort_by_key(|key| key.id);
        let keys = Arc::new(keys);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        keys
    }

    /// The id of the key that seals.
    pub(crate) fn newest(&self) -> u8 {
        newest(&self.current()).id
    }

    /// Seals what belongs to this app for this purpose.
    pub(crate) fn seal(&self, app: AppId, what: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = self.chance.bytes();
        let payload = Payload { msg: plain, aad: &bound_to(app, what) };
        let ring = self.current();
        let key = newest(&ring);
        let ciphertext = key.cipher().encrypt(&XNonce::from(nonce), payload).expect("only a message of 256 GiB is too long to seal");
        [&[key.id], nonce.as_slice(), &ciphertext].concat()
    }

    /// Opens what [`Self::seal`] sealed for the same app and purpose.
    pub(crate) fn open(&self, app: AppId, what: &str, sealed: &[u8]) -> R<Vec<u8>> {
        let corrupt = |why: &str| StoreError::Corrupt(format!("{what} of app {app}: {why}"));
        let Some((&[id], rest)) = sealed.split_first_chunk() else { return Err(corrupt("nothing is there")) };
        let Some((nonce, ciphertext)) = rest.split_first_chunk::<NONCE>() else { return Err(corrupt("the sealed value is cut short")) };
        let of = |ring: &Ring| ring.iter().position(|key| key.id == id);
        let mut ring = self.known();
        if of(&ring).is_none() {
            ring = self.current();
        }
        let Some(key) = of(&ring) else {
            let given = ring.iter().map(|key| key.id.to_string()).collect::<Vec<_>>().join(", ");
            return Err(corrupt(&format!("sealed with key {id}, but the key given is {given}")));
        };
        let payload = Payload { msg: ciphertext, aad: &bound_to(app, what) };
        ring[key].cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| corrupt("the seal is broken, or the key is another one"))
    }
}

fn newest(ring: &Ring) -> &SealKey {
    ring.last().expect("there is a key")
}

/// What links are bound to, besides their kind. No app's id begins like this.
const LINK: &[u8] = b"link:";

impl Sealer {
    /// Makes what a secret link carries: only whoever has the key can make one, or read one.
    pub(crate) fn seal_link(&self, kind: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = self.chance.bytes();
        let payload = Payload { msg: plain, aad: &[LINK, kind.as_bytes()].concat() };
        let ciphertext = newest(&self.current()).cipher().encrypt(&XNonce::from(nonce), payload).expect("only a message of 256 GiB is too long to seal");
        [nonce.as_slice(), &ciphertext].concat()
    }

    /// Reads back what [`Self::seal_link`] made for the same kind of link; nothing else.
    pub(crate) fn open_link(&self, kind: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>()?;
        let aad = [LINK, kind.as_bytes()].concat();
        let payload = |aad| Payload { msg: ciphertext, aad };
        self.known().iter().rev().find_map(|key| key.cipher().decrypt(&XNonce::from(*nonce), payload(&aad)).ok())
    }
}

/// What is authenticated along: the id has a fixed length, so no two pairs read the same.
fn bound_to(app: AppId, what: &str) -> Vec<u8> {
    [app.uuid().as_bytes(), what.as_bytes()].concat()
}
