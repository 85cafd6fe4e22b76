//! Keeps containers from filling the disk. Few engines can limit what a container writes (overlay on XFS with project
//! quotas, btrfs, ZFS); where they cannot, it is measured, and whoever wrote too much is stopped.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bollard::{
    models::{ContainerCreateBody, ContainerSummary, HostConfig, SystemInfo},
    query_parameters::{CreateContainerOptions, KillContainerOptions, ListContainersOptions},
};
use domain::log_line::{LogLine, Source};
use domain::slug::human_bytes;
use ports::RuntimeError;
use tokio::time::Instant;

use crate::{
    connect::Engine,
    error::refused,
    labels::{Kind, PLACE},
};

/// How much may be written, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskLimits {
    /// By a build, its cache included.
    pub build: u64,
    /// By a dyno.
    pub dyno: u64,
    /// With less free than this, builds that have written much are stopped.
    pub min_free: u64,
}

impl Default for DiskLimits {
    fn default() -> Self {
        Self { build: 10 << 30, dyno: 10 << 30, min_free: 1 << 30 }
    }
}

/// How often the room is looked at, which costs nothing.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Containers are measured when so much less is free than before, in bytes,
const STEP: u64 = 256 << 20;
/// or when it has been so long: room that somebody else makes hides what is written.
const MEASURE_EVERY: Duration = Duration::from_secs(60);
/// A build that has written less is not why the disk is full. In bytes.
const MUCH: u64 = 256 << 20;

pub(crate) struct Disk {
    limits: DiskLimits,
    /// Where the engine writes, if that is on this machine.
    folder: PathBuf,
    /// Whether the engine keeps to the limits itself.
    quota: bool,
    stopped: Mutex<HashMap<String, Stopped>>,
}

/// Why a build was stopped. In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    OverLimit { limit: u64 },
    DiskFull { free: u64, floor: u64 },
}

impl From<Stopped> for RuntimeError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::OverLimit { limit } => Self::OutOfDisk { limit },
            Stopped::DiskFull { free, floor } => Self::DiskFull { free, floor },
        }
    }
}

/// What is to be done about a container that has written so much.
fn judge(limits: DiskLimits, kind: Kind, written: u64, free: Option<u64>) -> Option<Stopped> {
    let limit = if kind == Kind::Sandbox { limits.build } else { limits.dyno };
    match free {
        _ if written > limit => Some(Stopped::OverLimit { limit }),
        // A dyno cannot be tried again later, and stopping it makes no room.
        Some(free) if kind == Kind::Sandbox && free < limits.min_free && written > MUCH => Some(Stopped::DiskFull { free, floor: limits.min_free }),
        _ => None,
    }
}

impl Disk {
    /// `image`: any that is there, to try whether the engine knows quotas.
    pub(crate) async fn of(api: &bollard::Docker, info: &SystemInfo, limits: DiskLimits, image: Option<&str>) -> Self {
        let quota = match image {
            Some(image) if may_know_quotas(info) => knows_quotas(api, image).await,
            _ => false,
        };
        let driver = info.driver.as_deref().unwrap_or("?");
        match quota {
            true => tracing::info!(driver, "the engine limits what containers write"),
            false => tracing::info!(driver, "the engine cannot limit what containers write; it is measured instead"),
        }
        let folder = info.docker_root_dir.clone().unwrap_or_else(|| "/var/lib/docker".to_owned()).into();
        Self { limits, folder, quota, stopped: Mutex::default() }
    }

    /// Why this build's container was stopped, if it was.
    pub(crate) fn stopped(&self, id: &str) -> Option<Stopped> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    pub(crate) fn forget(&self, id: &str) {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// `None`: it is on another machine.
    async fn free(&self) -> Option<u64> {
        let folder = self.folder.clone();
        let figures = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder)).await.ok()?.ok()?;
        Some(figures.f_bavail.saturating_mul(figures.f_frsize))
    }
}

impl Engine {
    /// Adds the engine's own limit, where it has one.
    pub(crate) fn within_quota(&self, kind: Kind, body: ContainerCreateBody) -> ContainerCreateBody {
        if !self.disk.quota {
            return body;
        }
        let bytes = if kind == Kind::Sandbox { self.disk.limits.build } else { self.disk.limits.dyno };
        let storage_opt = Some(HashMap::from([("size".to_owned(), bytes.to_string())]));
        ContainerCreateBody { host_config: Some(HostConfig { storage_opt, ..body.host_config.unwrap_or_default() }), ..body }
    }

    /// Watches the room, for ever.
    pub(crate) async fn watch_disk(self: Arc<Self>) {
        let mut measured: Option<(Instant, Option<u64>)> = None;
        loop {
            let free = self.disk.free().await;
            let due = measured.is_none_or(|(at, before)| {
                at.elapsed() >= MEASURE_EVERY
                    || free.zip(before).is_some_and(|(free, before)| before.saturating_sub(free) >= STEP || free < self.disk.limits.min_free)
            });
            if due {
                if let Err(error) = self.measure(free).await {
                    tracing::debug!(%error, "what containers wrote could not be measured");
                }
                measured = Some((Instant::now(), free));
            } else if let Some((at, Some(before))) = measured {
                // Room that was made meanwhile counts when it is taken again.
                measured = Some((at, free.map(|free| free.max(before))));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn measure(&self, free: Option<u64>) -> Result<(), RuntimeError> {
        for kind in [Kind::Sandbox, Kind::Dyno, Kind::Spare] {
            let options = ListContainersOptions { size: true, filters: Some(self.instance.filter(kind)), ..Default::default() };
            for container in self.api.list_containers(Some(options)).await.map_err(refused)? {
                let place = container.labels.as_ref().and_then(|labels| labels.get(PLACE));
                let own_files = place.zip(self.mounts.as_ref()).map(|(place, mounts)| mounts.places.written(place));
                let written = written(&container, own_files).await;
                if let (Some(stopped), Some(id)) = (judge(self.disk.limits, kind, written, free), &container.id) {
                    self.stop(id, kind, &container, stopped, written).await;
                }
            }
        }
        Ok(())
    }

    async fn stop(&self, id: &str, kind: Kind, container: &ContainerSummary, stopped: Stopped, written: u64) {
        tracing::warn!(container = id, written, ?stopped, "a container that wrote too much is stopped");
        if kind == Kind::Sandbox {
            self.disk.stopped.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), stopped);
        } else if let Some(dyno) = container.labels.as_ref().and_then(|labels| self.identity(labels)) {
            let limit = self.disk.limits.dyno;
            let text = format!("Disk quota exceeded: {} written (limit is {})", human_bytes(written), human_bytes(limit));
            for text in [text, "Stopping process with SIGKILL".to_owned()] {
                let line = LogLine { at: self.clock.now(), source: Source::Heroku, process: dyno.key.dyno.to_string(), text };
                self.logs.write(dyno.key.app, line);
            }
        }
        if let Err(error) = self.api.kill_container(id, Some(KillContainerOptions { signal: "SIGKILL".to_owned() })).await {
            tracing::warn!(container = id, %error, "it could not be stopped");
        }
    }
}

/// In bytes. The engine counts what is in the container itself; volumes are looked at here, if they can be, and so is the
/// folder that takes what a dyno writes over its slug.
async fn written(container: &ContainerSummary, own_files: Option<PathBuf>) -> u64 {
    let own = container.size_rw.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
    let mounts = container.mounts.iter().flatten().filter(|mount| mount.name.is_some());
    let folders: Vec<PathBuf> = mounts.filter_map(|mount| mount.source.as_ref()).map(PathBuf::from).chain(own_files).collect();
    let volumes = tokio::task::spawn_blocking(move || folders.iter().map(|folder| size(folder)).sum::<u64>()).await.unwrap_or(0);
    own + volumes
}

/// What the files below take on the disk. Links are not followed; what cannot be read is not counted.
fn size(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut sum = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            sum += metadata.blocks() * 512;
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    sum
}

fn may_know_quotas(info: &SystemInfo) -> bool {
    let backing = info.driver_status.iter().flatten().any(|pair| matches!(pair.as_slice(), [name, value] if name == "Backing Filesystem" && value == "xfs"));
    match info.driver.as_deref() {
        Some("overlay2") => backing,
        Some("btrfs" | "zfs") => true,
        _ => false,
    }
}

/// Only an attempt tells: the file system must be mounted for it, too.
async fn knows_quotas(api: &bollard::Docker, image: &str) -> bool {
    let storage_opt = Some(HashMap::from([("size".to_owned(), (1_u64 << 30).to_string())]));
    let body = ContainerCreateBody { image: Some(image.to_owned()), host_config: Some(HostConfig { storage_opt, ..Default::default() }), ..Default::default() };
    match api.create_container(None::<CreateContainerOptions>, body).await {
        Ok(made) => {
            let options = bollard::query_parameters::RemoveContainerOptions { force: true, v: true, ..Default::default() };
            let _ = api.remove_container(&made.id, Some(options)).await;
            true
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DiskLimits = DiskLimits { build: 10 << 30, dyno: 2 << 30, min_free: 1 << 30 };

    #[test]
    fn who_writes_too_much_is_stopped_and_nobody_else() {
        let over = |limit| Some(Stopped::OverLimit { limit });
        let plenty = Some(100 << 30);
        assert_eq!(judge(LIMITS, Kind::Sandbox, 10 << 30, plenty), None);
        assert_eq!(judge(LIMITS, Kind::Sandbox, (10 << 30) + 1, plenty), over(10 << 30));
        assert_eq!(judge(LIMITS, Kind::Dyno, (2 << 30) + 1, None), over(2 << 30));
        let little = Some((1 << 30) - 1);
        let full = Some(Stopped::DiskFull { free: (1 << 30) - 1, floor: 1 << 30 });
        assert_eq!(judge(LIMITS, Kind::Sandbox, 1 << 30, little), full);
        assert_eq!(judge(LIMITS, Kind::Sandbox, 1 << 20, little), None);
        assert_eq!(judge(LIMITS, Kind::Dyno, 1 << 30, little), None);
    }

    #[test]
    fn a_folder_is_measured_without_following_links() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/file"), vec![1; 1 << 20]).unwrap();
        let one = size(folder.path());
        assert!((1 << 20..2 << 20).contains(&one), "{one}");
        std::os::unix::fs::symlink("/usr", folder.path().join("deep/link")).unwrap();
        assert!(size(folder.path()) < 2 << 20);
        assert_eq!(size(Path::new("/no/such")), 0);
    }

    #[test]
    fn only_engines_that_might_are_asked_for_quotas() {
        let engine = |driver: &str, backing: &str| SystemInfo {
            driver: Some(driver.to_owned()),
            driver_status: Some(vec![vec!["Backing Filesystem".to_owned(), backing.to_owned()]]),
            ..Default::default()
        };
        assert!(may_know_quotas(&engine("overlay2", "xfs")) && may_know_quotas(&engine("zfs", "")));
        assert!(!may_know_quotas(&engine("overlay2", "extfs")) && !may_know_quotas(&engine("vfs", "xfs")));
    }
}
