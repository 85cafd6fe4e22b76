//! Small tar archives made in memory.

use std::io;

use bytes::Bytes;
use tar::{Builder, EntryType, Header};

/// The user that dynos and builds run as.
pub(crate) const APP_UID: u64 = 1000;
pub(crate) const ROOT_UID: u64 = 0;

/// An archive under construction.
pub(crate) struct Archive(Builder<Vec<u8>>);

impl Archive {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// A folder, mode 0755. If it exists, it is given to this owner.
    pub(crate) fn folder(mut self, path: &str, owner: u64) -> io::Result<Self> {
        let mut header = header(owner, 0o755, 0);
        header.set_entry_type(EntryType::Directory);
        self.0.append_data(&mut header, path, io::empty())?;
        Ok(self)
    }

    pub(crate) fn file(mut self, path: &str, bytes: &[u8], mode: u32) -> io::Result<Self> {
        self.0.append_data(&mut header(ROOT_UID, mode, bytes.len() as u64), path, bytes)?;
        Ok(self)
    }

    pub(crate) fn finish(self) -> io::Result<Bytes> {
        Ok(self.0.into_inner()?.into())
    }
}

fn header(owner: u64, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header
}

/// The bytes of the only file in an archive; `None` if it is a link or a folder.
pub(crate) fn only_file(archive: &[u8]) -> io::Result<Option<Vec<u8>>> {
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            io::copy(&mut entry, &mut bytes)?;
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}
