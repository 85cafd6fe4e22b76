//! `mypaasd backup`: everything that cannot be made again, in one file that a passphrase opens; while the platform runs.
//!
//! The database is copied as it was at one moment, into SQLite whatever it is kept in, and every row read back. What it names
//! follows: archives of slugs and sources, by their digests; repositories; keys and certificates. All of it is a tar, sealed
//! with age. The file gets its name when it was read back from the disk and every byte is what was written.

mod archive;
mod passphrase;
mod restore;

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use domain::{AppId, Sha256};
use ports::{Chance, Clock, blobs::disk, clock::SystemClock};
use serde::{Deserialize, Serialize};
use store::Db;

pub(crate) use self::restore::{restore, unfinished};
use self::{
    archive::{Part, Sealed},
    passphrase::Passphrase,
};
use crate::{config::Config, database::DatabaseUrl, keys, wire};

/// The way things stand in a backup. Another way gets another number.
const FORMAT: u32 = 1;

/// The first entry: what this is.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    format: u32,
    made_at: String,
    mypaas: String,
    schema: i64,
    apps: usize,
}

/// Folders whose files are taken as they are.
const FOLDERS: [&str; 2] = ["keys", "tls"];

/// Writes a backup, and reads it back.
pub(crate) async fn make(config: &Config, file: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<()> {
    ensure!(!file.exists(), "{} is there already", file.display());
    ensure!(config.database_url().is_there()? && keys::has_seal_key(&config.home), "there is nothing to back up in {}", config.home.display());
    let passphrase = Passphrase::chosen(passphrase_file)?;
    let _lock = keys::locked_file(&config.home.join("run/backup.lock")).context("another backup is being made")?;
    let scratch = Scratch::new(&config.home.join("run/backup"))?;
    let draft = draft_of(file)?;
    let made = write(config, &scratch, &draft, &passphrase).await;
    let summary = made.inspect_err(|_| drop(fs::remove_file(&draft)))?;
    fs::rename(&draft, file).with_context(|| format!("{} could not be written", file.display()))?;
    sync_folder_of(file)?;
    keys::write_once(&config.home.join(LAST), SystemClock.now().to_string().as_bytes())?;
    eprintln!("{summary} in {}.\nIt was read back and is whole. Nothing opens it without its passphrase: keep that elsewhere.", file.display());
    Ok(())
}

/// When the last good backup was made, in the data folder.
pub(crate) const LAST: &str = "run/last-backup";

async fn write(config: &Config, scratch: &Scratch, draft: &Path, passphrase: &Passphrase) -> anyhow::Result<String> {
    let said = || format!("{} could not be written", draft.display());
    let chance = Arc::new(Chance::from_os());
    let store = wire::open_store(config, &chance).await?;
    let database = scratch.0.join("mypaas.db");
    let copy = DatabaseUrl::sqlite(&database).open(config, &chance).await?;
    store.snapshot_to(&copy).await.context("the database could not be copied")?;
    let (schema, apps) = {
        let mut tx = copy.read().await?;
        (tx.schema().await?, tx.apps().await?.into_iter().map(|app| app.id).collect::<Vec<AppId>>())
    };

    let target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft).with_context(said)?;
    let mut sealed = Sealed::begin(target, passphrase)?;
    let made_at = SystemClock.now().to_string();
    let about = About { format: FORMAT, made_at, mypaas: env!("CARGO_PKG_VERSION").to_owned(), schema, apps: apps.len() };
    sealed.bytes(&Part::About, &serde_json::to_vec(&about)?).with_context(said)?;
    for folder in FOLDERS {
        for name in files_in(&config.home.join(folder))? {
            let path = config.home.join(folder).join(&name);
            sealed.file(&Part::in_folder(folder, &name)?, &path).with_context(said)?;
        }
    }
    let blobs = take_blobs(config, &store, &copy, &mut sealed).await?;
    let mut repositories = 0;
    for app in &apps {
        let bundle = scratch.0.join("bundle");
        let folder = config.home.join("repos");
        if folder.join(format!("{app}.git")).exists() && git::bundle(&folder, *app, &bundle).await.with_context(|| format!("the repository of app {app}"))? {
            sealed.file(&Part::Repository(*app), &bundle).with_context(said)?;
            fs::remove_file(&bundle)?;
            repositories += 1;
        }
    }
    copy.close().await;
    store.close().await;
    sealed.file(&Part::Database, &database).with_context(said)?;
    let (target, written) = sealed.finish().with_context(said)?;
    target.sync_all().with_context(said)?;

    let read = archive::read(File::open(draft)?, passphrase, |_, content| io::copy(content, &mut io::sink()).map(drop).map_err(Into::into))
        .context("what was written could not be read back; there is no backup")?;
    ensure!(read == written, "what was read back is not what was written; there is no backup");
    let mib = fs::metadata(draft)?.len().div_ceil(1 << 20);
    Ok(format!("Backed up {} apps, {blobs} archives and {repositories} repositories, {mib} MiB,", apps.len()))
}

/// The archives that the copy of the database names; how many there are.
async fn take_blobs(config: &Config, store: &Db, copy: &Db, sealed: &mut Sealed) -> anyhow::Result<usize> {
    let (mut tx, mut taken) = (copy.read().await?, BTreeSet::new());
    let (slugs, sources) = (tx.kept_slugs().await?, tx.uploaded_sources().await?);
    drop(tx);
    let named: BTreeSet<Sha256> = slugs.iter().map(|slug| slug.sha256).chain(sources).collect();
    for digest in named {
        let path = disk::file_of(&config.home.join("blobs"), digest);
        if !path.exists() {
            // Given up since the database was copied: no release in the copy may promise it.
            let mut now = store.read().await?;
            let still = now.kept_slugs().await?.iter().any(|slug| slug.sha256 == digest) || now.uploaded_sources().await?.contains(&digest);
            ensure!(!still, "archive {digest} is missing from {}: there is no whole backup without it", config.home.join("blobs").display());
            let mut tx = copy.write().await?;
            for slug in slugs.iter().filter(|slug| slug.sha256 == digest) {
                tx.expire_slug(slug.id, SystemClock.now()).await?;
            }
            tx.commit().await?;
            continue;
        }
        let found = sealed.file(&Part::Blob(digest), &path).with_context(|| format!("archive {digest}"))?;
        if found != digest {
            bail!("archive {digest} is damaged: {} holds something else; there is no whole backup without it", path.display());
        }
        taken.insert(digest);
    }
    Ok(taken.len())
}

/// A folder for what is in the making, gone with this.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: &Path) -> anyhow::Result<Self> {
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
        Ok(Self(keys::private_folder(path)?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Where a backup is written before it is one.
fn draft_of(file: &Path) -> anyhow::Result<PathBuf> {
    let name = file.file_name().with_context(|| format!("{} is no name of a file", file.display()))?;
    let mut name = name.to_owned();
    name.push(".part");
    let draft = file.with_file_name(name);
    if draft.exists() {
        fs::remove_file(&draft).with_context(|| format!("{} is left over and could not be removed", draft.display()))?;
    }
    Ok(draft)
}

fn sync_folder_of(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The names of the files in a folder, which may be missing.
fn files_in(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("folder {} could not be read", folder.display()))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let draft = entry.path().extension().is_some_and(|kind| kind == "new");
        if entry.file_type()?.is_file() && !draft {
            names.push(entry.file_name().into_string().ok().context("a name that is no text")?);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests;
