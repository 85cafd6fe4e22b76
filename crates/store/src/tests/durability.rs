//! What a bad disk may cost: what was asked for just then, and nothing that was acknowledged.

use std::{fs, path::Path, process::Command, sync::Arc};

use domain::ReleaseVersion;
use ports::Chance;
use tempfile::TempDir;

use super::support::{Fixture, key, now, open};
use crate::{Db, StoreError, Tx};

databases::on_both!(nothing_that_is_printed_is_refused);

/// Programs print NULs, people send them; PostgreSQL has no such text.
async fn nothing_that_is_printed_is_refused() {
    let it = Fixture::new().await;
    let shop = it.app("shop", &it.account("ada@example.com").await).await;
    let mut build = it.build(&shop);
    build.output = "a\0b\u{1b}[0m\u{fffe}".to_owned();
    build.source_version = Some("v\0".to_owned());
    let mut tx = it.write().await;
    tx.insert_build(&build).await.unwrap();
    tx.update_build(&build).await.unwrap();
    let read = tx.build(build.id).await.unwrap().unwrap();
    assert_eq!((read.output.as_str(), read.source_version.as_deref()), ("a\u{fffd}b\u{1b}[0m\u{fffe}", Some("v\u{fffd}")));
}

async fn pragma(tx: &mut Tx, text: &'static str, column: &str) -> i64 {
    tx.sql(text).optional(|row| row.get::<i64>(column)).await.unwrap().unwrap()
}

#[tokio::test]
async fn every_commit_is_synced() {
    let it = Fixture::new().await;
    let mut tx = it.write().await;
    assert_eq!(pragma(&mut tx, "PRAGMA synchronous", "synchronous").await, 2, "FULL");
    assert_eq!(pragma(&mut tx, "PRAGMA foreign_keys", "foreign_keys").await, 1);
    let mode = tx.sql("PRAGMA journal_mode").optional(|row| row.get::<String>("journal_mode")).await.unwrap();
    assert_eq!(mode.as_deref(), Some("wal"));
}

#[tokio::test]
async fn a_damaged_file_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let it = Fixture { db: open(&dir, key()).await.unwrap(), dir, chance: Arc::new(Chance::seeded(1)) };
    it.furnish(&it.app("shop", &it.account("ada@example.com").await).await).await;
    it.db.close().await;
    let path = it.dir.path().join("mypaas.db");
    let whole = fs::read(&path).unwrap();
    // A page of some table in the middle; the header; another file altogether.
    for (at, length) in [(4096 * 3, 4096), (0, 100), (0, whole.len())] {
        let mut bytes = whole.clone();
        bytes[at..at + length].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        let Err(error) = open(&it.dir, key()).await else { panic!("a file damaged at {at} must not open") };
        assert!(matches!(error, StoreError::Damaged(_)), "{at}: {error:?}");
        assert!(error.to_string().starts_with("The database file is damaged ("), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "it was left as it is");
    }
    fs::write(&path, whole).unwrap();
    open(&it.dir, key()).await.unwrap();
}

/// A small file system of its own.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "\n*** No file system can be mounted here (root can): A FULL DISK IS NOT TESTED.\n");
        None
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0.path()).status().unwrap();
        assert!(done.success(), "{options}");
    }

    async fn open(&self) -> Result<Db, StoreError> {
        open_in(self.0.path()).await
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

async fn open_in(folder: &Path) -> Result<Db, StoreError> {
    Db::open(&databases::sqlite_url(folder), key(), Arc::new(Chance::seeded(2))).await
}

#[tokio::test]
async fn a_full_disk_costs_only_what_did_not_fit() {
    let Some(disk) = SmallDisk::mount("size=3m") else { return };
    let it = Fixture { db: disk.open().await.unwrap(), dir: tempfile::tempdir().unwrap(), chance: Arc::new(Chance::seeded(1)) };
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await;
    // A release and a build with much output, both or neither, until nothing goes any more.
    let mut acknowledged = 0;
    let mut refused = 0;
    while refused < 5 {
        assert!(acknowledged < 1000, "the disk never fills");
        let mut tx = it.write().await;
        let build = domain::Build { output: "x".repeat(50_000), ..it.build(&shop) };
        let written = async {
            tx.insert_build(&build).await?;
            let none = domain::ConfigVars::default();
            tx.insert_release(it.id(), shop.id, None, "Deploy", ada.id, &none, now(), domain::release::ReleaseStatus::Succeeded, true).await?;
            tx.commit().await
        };
        match written.await {
            Ok(()) => acknowledged += 1,
            Err(StoreError::Full) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
        let mut tx = it.read().await;
        assert_eq!((tx.releases(shop.id).await.unwrap().len(), tx.builds(shop.id).await.unwrap().len()), (acknowledged, acknowledged));
        assert_eq!(tx.current_release(shop.id).await.unwrap().map(|release| release.version), (acknowledged > 0).then(|| version(acknowledged)));
    }
    assert!(acknowledged > 3, "{acknowledged}");
    // Whoever starts on the full disk sees the same, or says why not, and loses nothing.
    it.db.close().await;
    disk.remount("size=16m");
    let db = disk.open().await.unwrap();
    assert_eq!(db.read().await.unwrap().releases(shop.id).await.unwrap().len(), acknowledged);
    let mut tx = db.write().await.unwrap();
    tx.insert_build(&it.build(&shop)).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
}

fn version(number: usize) -> ReleaseVersion {
    ReleaseVersion(u32::try_from(number).unwrap())
}

#[tokio::test]
async fn a_disk_that_turns_read_only_is_read_and_recovers() {
    let Some(disk) = SmallDisk::mount("size=8m") else { return };
    let it = Fixture { db: disk.open().await.unwrap(), dir: tempfile::tempdir().unwrap(), chance: Arc::new(Chance::seeded(1)) };
    let shop = it.app("shop", &it.account("ada@example.com").await).await;
    it.db.close().await;
    disk.remount("ro");
    let Err(error) = disk.open().await else { panic!("nothing can be done on it") };
    assert!(matches!(error, StoreError::ReadOnly | StoreError::Database(_)), "{error:?}");
    disk.remount("rw");
    let db = disk.open().await.unwrap();
    assert_eq!(db.read().await.unwrap().apps().await.unwrap(), [shop]);
}
