//! `mypaasd restore`: a backup back into an empty data folder and an empty database.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use domain::AppId;
use ports::{Chance, blobs::disk};

use super::{
    About, FORMAT,
    archive::{self, Part},
    passphrase::Passphrase,
};
use crate::{config::Config, database::DatabaseUrl, keys};

/// Where a restore works, in the data folder. While it is there, nothing may be started.
const DRAFT: &str = "restore.part";

/// What must not be there yet.
const DATA: [&str; 9] = ["mypaas.db", "keys", "tls", "blobs", "repos", "slugs", "dynos", "logs", DRAFT];

/// Whether a restore was begun in this data folder and never finished.
pub(crate) fn unfinished(home: &Path) -> anyhow::Result<()> {
    ensure!(
        !home.join(DRAFT).exists(),
        "a restore into {} was not finished ({DRAFT} is there): empty the folder, and the database if it is elsewhere, and restore again",
        home.display()
    );
    Ok(())
}

/// Reads a backup whole before anything of it counts, then puts it in place, the database last.
pub(crate) async fn restore(config: &Config, file: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<()> {
    let source = File::open(file).with_context(|| format!("{} could not be read", file.display()))?;
    for name in DATA {
        let path = config.home.join(name);
        let empty = fs::read_dir(&path).map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |mut entries| entries.next().is_none());
        ensure!(empty, "a backup is restored into an empty data folder only: {} is there already", path.display());
    }
    let passphrase = Passphrase::given(passphrase_file)?;
    keys::private_folder(&config.home)?;
    keys::private_folder(&config.home.join("run"))?;
    let _lock = keys::lock(&config.home)?;
    let draft = Draft(keys::private_folder(&config.home.join(DRAFT))?);
    let read = draft.fill(source, &passphrase).await;
    let about = match read {
        Ok(about) => about,
        Err(error) => {
            fs::remove_dir_all(&draft.0)?;
            return Err(error.context("nothing was restored"));
        }
    };
    let said = || format!("the backup was read, but not put in place; empty {} and restore again", config.home.display());
    put_in_place(config, &draft).await.with_context(said)?;
    eprintln!(
        "Restored {} apps, as they were at {}, into {}: {}. Start mypaasd, and their dynos start.",
        about.apps,
        about.made_at,
        config.home.display(),
        config.database_url()
    );
    Ok(())
}

async fn put_in_place(config: &Config, draft: &Draft) -> anyhow::Result<()> {
    for folder in ["keys", "tls", "blobs", "repos"] {
        let (from, to) = (draft.0.join(folder), config.home.join(folder));
        if from.exists() {
            if to.exists() {
                fs::remove_dir(&to)?;
            }
            fs::rename(from, to)?;
        }
    }
    let chance = Arc::new(Chance::from_os());
    let (source, target) = (DatabaseUrl::sqlite(&draft.0.join("mypaas.db")).open(config, &chance).await?, config.database_url().open(config, &chance).await?);
    source.copy_to(&target).await?;
    source.close().await;
    target.close().await;
    fs::remove_dir_all(&draft.0)?;
    Ok(File::open(&config.home)?.sync_all()?)
}

/// A data folder in the making, inside the one that it will be.
struct Draft(PathBuf);

impl Draft {
    /// Takes everything out of the backup. What this writes counts only if it succeeds.
    async fn fill(&self, source: File, passphrase: &Passphrase) -> anyhow::Result<About> {
        let (mut about, mut repositories) = (None, Vec::new());
        let parts = archive::read(source, passphrase, |part, content| {
            let path = match part {
                Part::About => {
                    let read: About = serde_json::from_reader(&mut *content)?;
                    ensure!(read.format == FORMAT, "the backup was made by another version of mypaas ({}); restore it with that one", read.mypaas);
                    about = Some(read);
                    return Ok(());
                }
                Part::Key(name) => self.0.join("keys").join(name),
                Part::Certificate(name) => self.0.join("tls").join(name),
                Part::Blob(digest) => disk::file_of(&self.0.join("blobs"), *digest),
                Part::Repository(app) => {
                    repositories.push(*app);
                    self.bundle(*app)
                }
                Part::Database => self.0.join("mypaas.db"),
                Part::List => bail!("the list is no part to keep"),
            };
            keep(&path, content)
        })?;
        let about = about.context("the backup does not say what it is")?;
        ensure!(parts.contains_key(&Part::Database.to_string()), "there is no database in the backup");
        ensure!(keys::has_seal_key(&self.0), "the keys are not in the backup");
        let folder = keys::private_folder(&self.0.join("repos"))?;
        for app in repositories {
            git::unbundle(&self.bundle(app), &folder, app).await.with_context(|| format!("the repository of app {app}"))?;
        }
        Ok(about)
    }

    fn bundle(&self, app: AppId) -> PathBuf {
        self.0.join("bundles").join(app.to_string())
    }
}

fn keep(path: &Path, content: &mut dyn io::Read) -> anyhow::Result<()> {
    let said = || format!("{} could not be written", path.display());
    keys::private_folder(path.parent().context("a file without a folder")?)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(said)?;
    io::copy(content, &mut file).with_context(said)?;
    file.sync_all().with_context(said)
}
