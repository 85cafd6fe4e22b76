//! Places for dynos on this machine: a folder each, with what becomes its `/app`.
//!
//! `<folder>/<name>/app` is bound into the container; over it an overlay of the slug is mounted, what is written going to
//! `upper`. In `assigned` stands what a spare dyno has become. A container says by a label which place is its.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, Permissions},
    io,
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{Timespec, Timestamps};
use tokio::net::UnixListener;

use crate::{archive::APP_UID, labels::Labels, mounts, trees::private_folder};

/// Where a spare finds the platform, in what will be its `/app`.
pub(crate) const SOCKET: &str = ".platform";

const ASSIGNED: &str = "assigned";

/// A place is made before the container that names it; one so old has none.
pub(crate) const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// The folder of places.
#[derive(Debug)]
pub(crate) struct Places {
    folder: PathBuf,
    number: AtomicU64,
    /// What spares have become, as it stands in their places.
    assigned: Mutex<HashMap<String, Labels>>,
}

impl Places {
    /// Makes the folder if needed and reads what spares of an earlier life have become.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        private_folder(&folder)?;
        private_folder(&folder.join(EMPTY))?;
        fs::set_permissions(folder.join(EMPTY), Permissions::from_mode(0o755))?;
        let places = Self { folder, number: AtomicU64::new(0), assigned: Mutex::default() };
        for name in places.names()? {
            if let Ok(text) = fs::read_to_string(places.path(&name).join(ASSIGNED)) {
                let labels = text.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
                places.lock().insert(name, labels);
            }
        }
        Ok(places)
    }

    /// What is mounted in here from now on is seen by containers that run already.
    pub(crate) fn share(&self) -> io::Result<()> {
        mounts::share(&self.folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What is bound into the container.
    pub(crate) fn app(&self, name: &str) -> PathBuf {
        self.path(name).join("app")
    }

    /// Where what a dyno writes goes.
    pub(crate) fn written(&self, name: &str) -> PathBuf {
        self.path(name).join("upper")
    }

    /// The files of a dyno without a slug.
    pub(crate) fn empty(&self) -> PathBuf {
        self.folder.join(EMPTY)
    }

    /// A new place; its name.
    pub(crate) fn make(&self, now: Timestamp) -> io::Result<String> {
        let name = format!("{:x}-{}", now.as_millisecond(), self.number.fetch_add(1, Ordering::Relaxed));
        self.furnish(&name)?;
        Ok(name)
    }

    fn furnish(&self, name: &str) -> io::Result<()> {
        let path = self.path(name);
        private_folder(&path)?;
        for (folder, owner) in [("app", None), ("upper", Some(APP_UID as u32)), ("work", None)] {
            let folder = path.join(folder);
            private_folder(&folder)?;
            fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
            std::os::unix::fs::chown(&folder, owner, owner)?;
        }
        // The folder is as old as in every slug.
        let epoch = Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::fs::utimensat(rustix::fs::CWD, path.join("upper"), &Timestamps { last_access: epoch, last_modification: epoch }, rustix::fs::AtFlags::empty())?;
        Ok(())
    }

    /// Mounts a dyno's own view of these files, unless it is.
    pub(crate) fn mount(&self, name: &str, files: &Path) -> io::Result<()> {
        let path = self.path(name);
        if mounts::is_mounted(&self.app(name)) {
            return Ok(());
        }
        for folder in ["upper", "work"] {
            remove_folder(&path.join(folder))?;
        }
        self.furnish(name)?;
        mounts::overlay(files, &path.join("upper"), &path.join("work"), &self.app(name))
    }

    /// Opens the socket at which a spare will ask what to become.
    pub(crate) fn listen(&self, name: &str) -> io::Result<UnixListener> {
        let app = self.app(name);
        // Not by its own name: a socket's may have no more than 107 bytes.
        let folder = fs::File::open(&app)?;
        let listener = UnixListener::bind(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))?;
        fs::set_permissions(app.join(SOCKET), Permissions::from_mode(0o666))?;
        Ok(listener)
    }

    /// Closes the door behind the spare.
    pub(crate) fn unlisten(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.app(name).join(SOCKET))
    }

    /// Writes down what a spare becomes. Not lost by a crash of ours; after one of the machine's, the spare is not there either.
    pub(crate) fn assign(&self, name: &str, labels: Labels) -> io::Result<()> {
        let text: String = labels.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        let draft = self.path(name).join("assigned.new");
        fs::write(&draft, text)?;
        fs::rename(draft, self.path(name).join(ASSIGNED))?;
        self.lock().insert(name.to_owned(), labels);
        Ok(())
    }

    /// What a spare has become.
    pub(crate) fn assigned(&self, name: &str) -> Option<Labels> {
        self.lock().get(name).cloned()
    }

    /// Removes a place whose container is no more.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        self.lock().remove(name);
        mounts::detach(&self.app(name))?;
        remove_folder(&self.path(name))
    }

    /// Removes places that no container names, and that were made before this time: long enough ago never to be named.
    pub(crate) fn sweep(&self, named: &HashSet<String>, before: Timestamp) -> io::Result<()> {
        for name in self.names()?.into_iter().filter(|name| !named.contains(name)) {
            if made(&name).is_none_or(|made| made < before) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            names.extend(entry?.file_name().into_string().ok().filter(|name| name != EMPTY));
        }
        Ok(names)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Labels>> {
        self.assigned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const EMPTY: &str = "empty";

/// When a place was made, as its name tells.
fn made(name: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::from_str_radix(name.split_once('-')?.0, 16).ok()?).ok()
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
