//! A folder of a container that runs on this machine, packed by reading its files where the engine has them mounted: in a
//! third of the time in which they come through the engine's archive call.
//!
//! What is in there belongs to the app and may still be written to by what its build left running. So no name is followed
//! that leads anywhere else: folders are opened beneath the container's root without symbolic links, and files are only read
//! if they turn out to be files.

use std::{
    collections::HashMap,
    ffi::{CStr, CString, OsStr},
    fs::File,
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use ports::{ByteStream, pipe::pipe};
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, open, openat, openat2, readlinkat, statat},
    io::Errno,
};
use tar::{Builder, EntryType, Header};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// A pipe that has taken a file's place makes nobody wait.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::NO_XDEV);

/// Packs `folder` of the files below `root` as [`ports::Sandbox::take`] has it; `None` if it cannot be reached like this.
pub(crate) fn pack(root: &Path, folder: &str) -> Option<ByteStream> {
    let folder = PathBuf::from(folder.trim_start_matches('/'));
    let name = folder.file_name()?.to_owned();
    let root = open(root, FOLDER, Mode::empty()).ok()?;
    let top = openat2(&root, &folder, FOLDER, Mode::empty(), BENEATH).ok()?;
    let (stream, _) = pipe(move |out| Packing { top, name: name.into(), seen: HashMap::new(), out: Builder::new(out) }.all());
    Some(stream)
}

struct Packing<W: Write> {
    top: OwnedFd,
    /// What the folder is called in the archive.
    name: PathBuf,
    /// Files of several names, by device and number, and the first name of each.
    seen: HashMap<(u64, u64), PathBuf>,
    out: Builder<W>,
}

impl<W: Write> Packing<W> {
    fn all(mut self) -> io::Result<()> {
        let top = fstat(&self.top)?;
        self.folder(Path::new(""), &top)?;
        let mut waiting = vec![PathBuf::new()];
        while let Some(folder) = waiting.pop() {
            let opened = match folder.as_os_str().is_empty() {
                true => openat(&self.top, c".", FOLDER, Mode::empty()),
                false => openat2(&self.top, &folder, FOLDER, Mode::empty(), BENEATH),
            };
            let Some(opened) = still_there(opened)? else { continue };
            let mut inside = Vec::new();
            // Always in the same order, so that the same files make the same archive.
            for name in names(&opened)? {
                if self.entry(&opened, &folder, &name)? {
                    inside.push(folder.join(os(&name)));
                }
            }
            waiting.extend(inside.into_iter().rev());
        }
        self.out.into_inner().map(drop)
    }

    /// True: a folder, whose files are to follow.
    fn entry(&mut self, parent: &OwnedFd, folder: &Path, name: &CStr) -> io::Result<bool> {
        let Some(stat) = still_there(statat(parent, name, AtFlags::SYMLINK_NOFOLLOW))? else { return Ok(false) };
        let path = folder.join(os(name));
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.folder(&path, &stat).map(|()| true),
            FileType::Symlink => {
                let Some(target) = still_there(readlinkat(parent, name, Vec::new()))? else { return Ok(false) };
                self.link(EntryType::Symlink, &path, os(&target), &stat).map(|()| false)
            }
            FileType::RegularFile => self.file(parent, name, &path).map(|()| false),
            // Sockets, pipes and devices mean nothing elsewhere.
            _ => Ok(false),
        }
    }

    fn folder(&mut self, path: &Path, stat: &Stat) -> io::Result<()> {
        let mut path = self.named(path).into_os_string();
        // As the engine names them.
        path.push("/");
        self.out.append_data(&mut header(EntryType::Directory, stat, 0), path, io::empty())
    }

    fn file(&mut self, parent: &OwnedFd, name: &CStr, path: &Path) -> io::Result<()> {
        let opened = match openat(parent, name, FILE, Mode::empty()) {
            // Something else by now, which is nobody's file.
            Err(Errno::LOOP | Errno::NXIO) => return Ok(()),
            opened => opened,
        };
        let Some(opened) = still_there(opened)? else { return Ok(()) };
        let stat = fstat(&opened)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(());
        }
        if stat.st_nlink > 1 {
            if let Some(first) = self.seen.get(&(stat.st_dev, stat.st_ino)) {
                let first = first.clone();
                return self.link(EntryType::Link, path, first.as_os_str(), &stat);
            }
            self.seen.insert((stat.st_dev, stat.st_ino), self.named(path));
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        // As large as was said, whatever happens to it meanwhile.
        let content = File::from(opened).chain(io::repeat(0)).take(size);
        let path = self.named(path);
        self.out.append_data(&mut header(EntryType::Regular, &stat, size), path, content)
    }

    fn link(&mut self, kind: EntryType, path: &Path, target: &OsStr, stat: &Stat) -> io::Result<()> {
        let mut header = header(kind, stat, 0);
        let path = self.named(path);
        // Literally where it fits: `append_link` would tidy up `a//b`.
        if header.set_link_name_literal(target.as_bytes()).is_ok() {
            return self.out.append_data(&mut header, path, io::empty());
        }
        self.out.append_link(&mut header, path, target)
    }

    fn named(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() { self.name.clone() } else { self.name.join(path) }
    }
}

fn header(kind: EntryType, stat: &Stat, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    header.set_size(size);
    header
}

fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// `None` for what has gone, or become something else, since it was listed.
fn still_there<T>(found: rustix::io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::INVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn os(name: &CStr) -> &OsStr {
    OsStr::from_bytes(name.to_bytes())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use futures_util::TryStreamExt;
    use rustix::fs::CWD;

    use super::*;

    /// Every entry: kind, path, link's target or content.
    async fn packed(root: &Path, folder: &str) -> Vec<String> {
        let bytes: Vec<u8> = pack(root, folder).unwrap().try_collect::<Vec<_>>().await.unwrap().concat();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let link = entry.link_name_bytes().map(|link| format!(" -> {}", String::from_utf8_lossy(&link))).unwrap_or_default();
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            format!("{:?} {:o} {path}{link} {content}", entry.header().entry_type(), entry.header().mode().unwrap()).trim_end().to_owned()
        });
        entries.collect()
    }

    #[tokio::test]
    async fn a_folder_is_packed_as_it_lies_there() {
        let root = tempfile::tempdir().unwrap();
        let top = root.path().join("tmp/build_1");
        let long = "x".repeat(120);
        fs::create_dir_all(top.join("b/c")).unwrap();
        fs::create_dir(top.join("empty")).unwrap();
        fs::write(top.join("b/c/file"), "deep").unwrap();
        fs::write(top.join("a"), "first").unwrap();
        fs::hard_link(top.join("a"), top.join("b/again")).unwrap();
        fs::write(top.join(&long), "long").unwrap();
        symlink("nowhere//at/all", top.join("dangling")).unwrap();
        symlink(&long, top.join("z")).unwrap();
        rustix::fs::mknodat(CWD, top.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        for (path, mode) in [("", 0o755), ("b", 0o755), ("b/c", 0o700), ("empty", 0o755), ("a", 0o4750), ("b/c/file", 0o000), (&long, 0o644)] {
            fs::set_permissions(top.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
        let long_line = format!("Regular 644 build_1/{long} long");
        let long_link = format!("Symlink 777 build_1/z -> {long}");
        let expected = [
            "Directory 755 build_1/",
            "Regular 4750 build_1/a first",
            "Directory 755 build_1/b/",
            "Symlink 777 build_1/dangling -> nowhere//at/all",
            "Directory 755 build_1/empty/",
            &long_line,
            &long_link,
            "Link 4750 build_1/b/again -> build_1/a",
            "Directory 700 build_1/b/c/",
            "Regular 0 build_1/b/c/file deep",
        ];
        assert_eq!(packed(root.path(), "/tmp/build_1").await, expected);
    }

    /// Hostile inputs: a folder that becomes a link to somewhere else while it is read.
    #[tokio::test]
    async fn nothing_outside_is_reached() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        fs::create_dir_all(root.path().join("tmp")).unwrap();
        symlink(outside.path(), root.path().join("tmp/build_1")).unwrap();
        assert!(pack(root.path(), "/tmp/build_1").is_none());
        assert!(pack(root.path(), "/tmp/../../etc").is_none());
        assert!(pack(root.path(), "/no/such").is_none());

        fs::create_dir(root.path().join("tmp/build_2")).unwrap();
        let top = open(root.path().join("tmp/build_2"), FOLDER, Mode::empty()).unwrap();
        let mut packing = Packing { top, name: "build_2".into(), seen: HashMap::new(), out: Builder::new(Vec::new()) };
        // Files when they were listed.
        symlink(outside.path().join("secret"), root.path().join("tmp/build_2/file")).unwrap();
        rustix::fs::mknodat(CWD, root.path().join("tmp/build_2/pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let parent = open(root.path().join("tmp/build_2"), FOLDER, Mode::empty()).unwrap();
        for name in [c"file", c"pipe", c"gone"] {
            packing.file(&parent, name, Path::new("x")).unwrap();
        }
        assert!(packing.out.into_inner().unwrap().iter().all(|&byte| byte == 0), "nothing was packed");
        // Folders when they were listed.
        symlink(outside.path(), root.path().join("tmp/build_2/folder")).unwrap();
        let opened = openat2(&parent, "folder", FOLDER, Mode::empty(), BENEATH);
        assert!(still_there(opened).unwrap().is_none());
    }
}
