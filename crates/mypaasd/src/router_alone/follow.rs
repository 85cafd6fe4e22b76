//! Follows the routes file. The kernel says when it was written or another was moved into its place; a look every second
//! is for file systems where it does not.

use std::{
    convert::Infallible,
    fs::{self, Metadata},
    io,
    mem::MaybeUninit,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::Context;
use domain::route::RouteTable;
use rustix::{fs::inotify, io::Errno};
use tokio::{
    sync::{Notify, watch},
    time::interval,
};

use super::file::{self, Ids, RoutesFile};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What changes about a file when its content does.
type Look = Option<(u64, u64, i64, i64)>;

/// A routes file over time.
pub(super) struct Follower {
    path: PathBuf,
    ids: Ids,
    notices: Arc<Notify>,
    /// As the file was when it was last read.
    read: Look,
}

impl Follower {
    /// Reads the file for the first time, when there is no last good table yet.
    pub(super) fn start(path: &Path, mut ids: Ids) -> anyhow::Result<(Self, RoutesFile)> {
        let name = || format!("routes file {}", path.display());
        // Watched first: what changes while it is being read is noticed.
        let notices = notices(path).unwrap_or_else(|error| {
            tracing::warn!("changes of {} are noticed by a look every second: {error}", name());
            Arc::default()
        });
        let read = look(path);
        let text = fs::read_to_string(path).with_context(|| format!("{} could not be read", name()))?;
        let first = file::parse(&text, &mut ids).with_context(name)?;
        Ok((Self { path: path.to_owned(), ids, notices, read }, first))
    }

    /// Publishes the table of each good version of the file, whole. A bad one changes nothing.
    pub(super) async fn follow(&mut self, first: &RoutesFile, routes: &watch::Sender<Arc<RouteTable>>) -> Infallible {
        loop {
            self.changed().await;
            match self.read_again() {
                Ok(next) => {
                    if (next.listen, next.timeouts, next.drain) != (first.listen, first.timeouts, first.drain) {
                        tracing::warn!("routes file {}: listen and [timeouts] hold from the next start", self.path.display());
                    }
                    tracing::debug!(hosts = next.table.hosts.len(), "a new route table");
                    routes.send_replace(Arc::new(next.table));
                }
                Err(why) => tracing::error!("routes file {}: {why}; the last good table stays", self.path.display()),
            }
        }
    }

    fn read_again(&mut self) -> Result<RoutesFile, String> {
        self.read = look(&self.path);
        // A large table takes a while; the other threads go on serving.
        tokio::task::block_in_place(|| {
            let text = fs::read_to_string(&self.path).map_err(|error| format!("it could not be read: {error}"))?;
            file::parse(&text, &mut self.ids).map_err(|error| error.to_string())
        })
    }

    /// Waits until the file has another content, and is complete as far as can be known.
    async fn changed(&self) {
        let mut looks = interval(LOOK_EVERY);
        let mut last = self.read;
        loop {
            tokio::select! {
                () = self.notices.notified() => return,
                _ = looks.tick() => {
                    // Somebody may still be writing: it counts once it looks the same twice.
                    let now = look(&self.path);
                    if now != self.read && now == last {
                        return;
                    }
                    last = now;
                }
            }
        }
    }
}

fn look(path: &Path) -> Look {
    let of = |file: Metadata| (file.ino(), file.len(), file.mtime(), file.mtime_nsec());
    fs::metadata(path).ok().map(of)
}

/// Watches the folder, not the file, which others replace by moving a new one into its place. The thread waits in the kernel
/// as long as the process lives.
fn notices(path: &Path) -> io::Result<Arc<Notify>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().as_bytes().to_vec();
    let kernel = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&kernel, folder, inotify::WatchFlags::CLOSE_WRITE | inotify::WatchFlags::MOVED_TO)?;
    let notify = Arc::new(Notify::new());
    let told = notify.clone();
    thread::Builder::new().name("routes".to_owned()).spawn(move || {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&kernel, &mut buffer);
        loop {
            match reader.next() {
                // Without a name: notices were lost, so anything may have happened.
                Ok(event) if event.file_name().is_none_or(|file| file.to_bytes() == name) => told.notify_one(),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return tracing::warn!("changes of the routes file are noticed by a look every second: {error}"),
            }
        }
    })?;
    Ok(notify)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "listen = \"127.0.0.1:1\"\n[[app]]\nname = \"shop\"\nhosts = [\"HOST\"]\n";

    async fn until(table: &mut watch::Receiver<Arc<RouteTable>>, host: &str) {
        let seen = table.wait_for(|table| table.hosts.contains_key(host));
        tokio::time::timeout(Duration::from_secs(20), seen).await.expect("the table comes").unwrap();
    }

    async fn follows(rewrite: impl Fn(&Path, &str), notices: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routes.toml");
        fs::write(&path, FILE.replace("HOST", "one.test")).unwrap();
        let (mut follower, first) = Follower::start(&path, Ids::default()).unwrap();
        if !notices {
            follower.notices = Arc::default();
        }
        let (routes, mut table) = watch::channel(Arc::new(first.table.clone()));
        let following = tokio::spawn(async move { follower.follow(&first, &routes).await });
        rewrite(&path, &FILE.replace("HOST", "two.test"));
        until(&mut table, "two.test").await;
        rewrite(&path, "nonsense");
        rewrite(&path, &FILE.replace("HOST", "three.test"));
        until(&mut table, "three.test").await;
        following.abort();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_written_in_place() {
        follows(|path, text| fs::write(path, text).unwrap(), true).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_moved_into_place() {
        let moved = |path: &Path, text: &str| {
            let beside = path.with_extension("new");
            fs::write(&beside, text).unwrap();
            fs::rename(&beside, path).unwrap();
        };
        follows(moved, true).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_notices_a_look_is_enough() {
        follows(|path, text| fs::write(path, text).unwrap(), false).await;
    }
}
