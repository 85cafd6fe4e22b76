//! The file: a tar of parts with known names, sealed with age by a passphrase, ending with the list of all parts and their
//! digests. age notices every changed and every missing byte; the list, a part that was never written.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, BufReader, BufWriter, Read},
    path::Path,
};

use age::{Decryptor, Encryptor, stream::StreamWriter};
use anyhow::{Context, bail, ensure};
use domain::{AppId, Sha256};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};

use super::passphrase::Passphrase;

/// What one guess at a passphrase costs: 2^17 rounds of scrypt, some 0.3 s and 128 MiB. (OWASP's first choice.)
const WORK: u8 = if cfg!(test) { 4 } else { 17 };
/// A file that asks for more is not opened.
const MOST_WORK: u8 = 20;

/// What can be in a backup. Nothing else is ever written to a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    About,
    Key(String),
    Certificate(String),
    Blob(Sha256),
    Repository(AppId),
    Database,
    /// The last one.
    List,
}

impl Part {
    pub(super) fn in_folder(folder: &str, name: &str) -> anyhow::Result<Self> {
        Self::parse(&format!("{folder}/{name}"))
    }

    fn parse(name: &str) -> anyhow::Result<Self> {
        let plain = |name: &str| !name.is_empty() && !name.starts_with('.') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        Ok(match (name, name.split_once('/')) {
            ("about.json", _) => Self::About,
            ("mypaas.db", _) => Self::Database,
            ("list.json", _) => Self::List,
            (_, Some(("keys", name))) if plain(name) => Self::Key(name.to_owned()),
            (_, Some(("tls", name))) if plain(name) => Self::Certificate(name.to_owned()),
            (_, Some(("blobs", name))) => Self::Blob(name.parse().ok().context("an archive without a digest")?),
            (_, Some(("repos", name))) => {
                let app = name.strip_suffix(".bundle").and_then(|app| app.parse().ok());
                Self::Repository(app.context("a repository of no app")?)
            }
            _ => bail!("{name:?} is nothing that belongs into a backup"),
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::About => f.write_str("about.json"),
            Self::Key(name) => write!(f, "keys/{name}"),
            Self::Certificate(name) => write!(f, "tls/{name}"),
            Self::Blob(digest) => write!(f, "blobs/{digest}"),
            Self::Repository(app) => write!(f, "repos/{app}.bundle"),
            Self::Database => f.write_str("mypaas.db"),
            Self::List => f.write_str("list.json"),
        }
    }
}

/// Each part's length and digest, by its name.
pub(super) type Parts = BTreeMap<String, Content>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    bytes: u64,
    sha256: String,
}

/// A backup in the making.
pub(super) struct Sealed {
    tar: tar::Builder<StreamWriter<BufWriter<File>>>,
    parts: Parts,
}

impl Sealed {
    pub(super) fn begin(target: File, passphrase: &Passphrase) -> anyhow::Result<Self> {
        let mut recipient = age::scrypt::Recipient::new(passphrase.secret());
        recipient.set_work_factor(WORK);
        let sealing = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).context("the backup could not be begun")?;
        let sealing = sealing.wrap_output(BufWriter::new(target)).context("the backup could not be begun")?;
        Ok(Self { tar: tar::Builder::new(sealing), parts: Parts::new() })
    }

    pub(super) fn bytes(&mut self, part: &Part, bytes: &[u8]) -> io::Result<()> {
        self.take(part, bytes.len() as u64, bytes).map(drop)
    }

    /// A file that nobody changes meanwhile; its digest.
    pub(super) fn file(&mut self, part: &Part, path: &Path) -> io::Result<Sha256> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        self.take(part, length, file)
    }

    fn take(&mut self, part: &Part, length: u64, content: impl Read) -> io::Result<Sha256> {
        let mut header = tar::Header::new_ustar();
        header.set_size(length);
        header.set_mode(0o600);
        let mut hashed = Hashed::new(content.take(length));
        self.tar.append_data(&mut header, part.to_string(), &mut hashed)?;
        let (bytes, digest) = hashed.end();
        if bytes != length {
            return Err(io::Error::other(format!("{part} became shorter while it was read")));
        }
        self.parts.insert(part.to_string(), Content { bytes, sha256: digest.to_string() });
        Ok(digest)
    }

    /// Writes the list and the end.
    pub(super) fn finish(mut self) -> io::Result<(File, Parts)> {
        let list = serde_json::to_vec(&self.parts)?;
        let parts = std::mem::take(&mut self.parts);
        self.bytes(&Part::List, &list)?;
        let target = self.tar.into_inner()?.finish()?;
        Ok((target.into_inner().map_err(io::IntoInnerError::into_error)?, parts))
    }
}

/// Reads a backup from beginning to end and hands over each part; what was in it. An error means that none of it can be trusted.
pub(super) fn read(source: File, passphrase: &Passphrase, mut each: impl FnMut(&Part, &mut dyn Read) -> anyhow::Result<()>) -> anyhow::Result<Parts> {
    const DAMAGED: &str = "the backup is damaged or cut short";
    let opened = Decryptor::new_buffered(BufReader::new(source)).context("this is no backup, or its beginning is damaged")?;
    ensure!(opened.is_scrypt(), "this is no backup that a passphrase opens");
    let mut identity = age::scrypt::Identity::new(passphrase.secret());
    identity.set_max_work_factor(MOST_WORK);
    let plain =
        opened.decrypt(std::iter::once(&identity as &dyn age::Identity)).context("the passphrase does not open the backup, or its beginning is damaged")?;
    let mut tar = tar::Archive::new(plain);
    let (mut parts, mut list) = (Parts::new(), None::<Parts>);
    for entry in tar.entries().context(DAMAGED)? {
        let mut entry = entry.context(DAMAGED)?;
        ensure!(list.is_none() && entry.header().entry_type().is_file(), "the backup holds something that does not belong into it");
        let name = String::from_utf8(entry.path_bytes().into_owned()).context(DAMAGED)?;
        let part = Part::parse(&name)?;
        if part == Part::List {
            list = Some(serde_json::from_reader(&mut entry).context(DAMAGED)?);
            continue;
        }
        let mut hashed = Hashed::new(&mut entry);
        each(&part, &mut hashed).with_context(|| format!("{DAMAGED}, or {part} could not be kept"))?;
        let (bytes, digest) = hashed.end();
        if let Part::Blob(named) = part {
            ensure!(digest == named, "{DAMAGED}: {name} is another archive");
        }
        ensure!(parts.insert(name, Content { bytes, sha256: digest.to_string() }).is_none(), "{DAMAGED}: a part is there twice");
    }
    // Behind the tar's end too, nothing may be missing.
    io::copy(&mut tar.into_inner(), &mut io::sink()).context(DAMAGED)?;
    ensure!(list.as_ref() == Some(&parts), "{DAMAGED}: parts are missing");
    Ok(parts)
}

/// What passes through, counted and digested.
struct Hashed<R> {
    inner: R,
    hasher: Hasher,
    bytes: u64,
}

impl<R> Hashed<R> {
    fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::new(), bytes: 0 }
    }

    fn end(self) -> (u64, Sha256) {
        (self.bytes, Sha256(self.hasher.finalize().into()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_into_a_backup_has_a_name_in_it() {
        let digest = "ab".repeat(32);
        for name in ["about.json", "mypaas.db", "keys/seal.key", "tls/ca.pem", &format!("blobs/{digest}"), "repos/01890000-0000-7000-8000-000000000001.bundle"]
        {
            assert_eq!(Part::parse(name).unwrap().to_string(), name);
        }
        for name in ["", "keys/", "keys/../x", "keys/.x", "../mypaas.db", "/etc/passwd", "keys/a/b", "blobs/../x", "repos/x.bundle", "config.toml"] {
            assert!(Part::parse(name).is_err(), "{name}");
        }
    }
}
