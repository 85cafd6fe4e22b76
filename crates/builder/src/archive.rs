//! Tar archives as we write them: owned by the sandbox's user, without anything that could hurt whoever unpacks them.

use std::{
    ffi::OsStr,
    io::{self, Read, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use tar::{EntryType, Header};

/// The user and group of everything in sandboxes and dynos.
const OWNER: u64 = 1000;

/// Writes an archive. Modes lose their setuid, setgid and sticky bits; times are seconds since 1970.
pub(crate) struct ArchiveWriter<W: Write>(tar::Builder<W>);

impl<W: Write> ArchiveWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self(tar::Builder::new(out))
    }

    pub(crate) fn folder(&mut self, path: &[u8], mode: u32, mtime: u64) -> io::Result<()> {
        let mut header = header(EntryType::Directory, mode, mtime);
        self.0.append_data(&mut header, as_path(path), io::empty())
    }

    /// `content` must have `size` bytes; less is an error, more is cut.
    pub(crate) fn file(&mut self, path: &[u8], mode: u32, mtime: u64, size: u64, content: impl Read) -> io::Result<()> {
        let mut header = header(EntryType::Regular, mode, mtime);
        header.set_size(size);
        self.0.append_data(&mut header, as_path(path), Exactly { content, left: size })
    }

    /// The target is inert text here: it may lead anywhere.
    pub(crate) fn symlink(&mut self, path: &[u8], target: &[u8], mtime: u64) -> io::Result<()> {
        self.link(EntryType::Symlink, path, target, mtime)
    }

    /// `target` is the path of an earlier entry.
    pub(crate) fn hard_link(&mut self, path: &[u8], target: &[u8], mtime: u64) -> io::Result<()> {
        self.link(EntryType::Link, path, target, mtime)
    }

    fn link(&mut self, kind: EntryType, path: &[u8], target: &[u8], mtime: u64) -> io::Result<()> {
        let mut header = header(kind, 0o777, mtime);
        // Literally where it fits: `append_link` would tidy up `a//b`.
        if header.set_link_name_literal(target).is_ok() {
            return self.0.append_data(&mut header, as_path(path), io::empty());
        }
        self.0.append_link(&mut header, as_path(path), as_path(target))
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        self.0.into_inner()
    }
}

fn header(kind: EntryType, mode: u32, mtime: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode & 0o777);
    header.set_uid(OWNER);
    header.set_gid(OWNER);
    header.set_mtime(mtime);
    header.set_size(0);
    header
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Fails when there is less: an archive whose header says otherwise would be garbage from there on.
struct Exactly<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.content.read(&mut into[..most])?;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Reads through, and knows whether what was read ends as an archive does: with two blocks of zeros.
/// Without them a stream that was cut between two entries would look complete.
pub(crate) struct EndWatch<R> {
    reader: R,
    zeros: u64,
}

impl<R: Read> EndWatch<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, zeros: 0 }
    }

    /// Reads what is left and checks the end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink())?;
        if self.zeros < 1024 { Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends in the middle")) } else { Ok(()) }
    }
}

impl<R: Read> Read for EndWatch<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        let zeros = into[..count].iter().rev().take_while(|&&byte| byte == 0).count();
        self.zeros = if zeros == count { self.zeros + count as u64 } else { zeros as u64 };
        Ok(count)
    }
}

/// A path's parts, without empty ones and `.`; or what is wrong with it.
pub(crate) fn parts(path: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    let parts: Vec<_> = path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    match () {
        () if path.starts_with(b"/") => Err("has an absolute path"),
        () if path.contains(&0) => Err("has a NUL byte in its path"),
        () if parts.contains(&b"..".as_slice()) => Err("has `..` in its path"),
        () if path.len() > 4095 || parts.iter().any(|part| part.len() > 255) => Err("has too long a path"),
        () => Ok(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile inputs 33, 34.
    #[test]
    fn paths_are_taken_apart_or_refused() {
        assert_eq!(parts(b"./a//b/").unwrap(), [b"a", b"b"]);
        for bad in [b"/a".as_slice(), b"a/../b", b"..", b"a\0b", &[b'x'; 256]] {
            assert!(parts(bad).is_err());
        }
    }

    #[test]
    fn content_that_is_too_short_is_an_error_and_not_garbage() {
        let mut archive = ArchiveWriter::new(Vec::new());
        assert_eq!(archive.file(b"a", 0o644, 0, 10, b"short".as_slice()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
