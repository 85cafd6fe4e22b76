//! The bare repositories, one per app, named by the app's id.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use domain::AppId;
use tokio::{fs, sync::Mutex, time::timeout};

use crate::process::{Program, output};

/// The branches that are deployed; the first one that exists is what a clone checks out.
pub(crate) const DEPLOYED: [&str; 2] = ["refs/heads/main", "refs/heads/master"];

/// Everything in the tree is built, as after a checkout: `git archive` would leave out what these attributes say.
const ATTRIBUTES: &str = "* -export-ignore -export-subst\n";

/// Packing a repository is given up after this; a later push tries again.
const TIDYING: Duration = Duration::from_secs(10 * 60);

pub(crate) struct Repositories {
    folder: PathBuf,
    program: Program,
    making: Mutex<()>,
}

impl Repositories {
    pub(crate) fn new(folder: PathBuf, program: Program) -> Self {
        Self { folder, program, making: Mutex::default() }
    }

    pub(crate) const fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn path(&self, app: AppId) -> PathBuf {
        self.folder.join(format!("{app}.git"))
    }

    /// Where the app's repository is; made if there is none. It is there whole or not at all.
    pub(crate) async fn ensure(&self, app: AppId) -> io::Result<PathBuf> {
        let path = self.path(app);
        if fs::try_exists(&path).await? {
            return Ok(path);
        }
        let _alone = self.making.lock().await;
        if fs::try_exists(&path).await? {
            return Ok(path);
        }
        let half_made = self.folder.join(format!("{app}.new"));
        remove(&half_made).await?;
        let mut init = self.program.git("init");
        init.args(["--quiet", "--bare", "--template=", "--initial-branch=main", "--"]).arg(&half_made);
        output(init).await?;
        fs::create_dir_all(half_made.join("info")).await?;
        fs::write(half_made.join("info/attributes"), ATTRIBUTES).await?;
        fs::rename(&half_made, &path).await?;
        Ok(path)
    }

    /// Removes the app's repository.
    pub(crate) async fn remove(&self, app: AppId) -> io::Result<()> {
        let gone = self.folder.join(format!("{app}.gone"));
        remove(&gone).await?;
        match fs::rename(self.path(app), &gone).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => {
                other?;
                remove(&gone).await
            }
        }
    }

    /// The apps that have a repository here. What was half made or half removed is cleared away.
    pub(crate) async fn apps(&self) -> io::Result<Vec<AppId>> {
        let mut apps = Vec::new();
        let mut entries = fs::read_dir(&self.folder).await?;
        let _alone = self.making.lock().await;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let Some((id, kind)) = name.to_str().and_then(|name| name.rsplit_once('.')) else { continue };
            match (id.parse(), kind) {
                (Ok(app), "git") => apps.push(app),
                (Ok(_), "new" | "gone") => remove(&entry.path()).await?,
                // Not ours.
                _ => {}
            }
        }
        Ok(apps)
    }

    /// Clears what pushes left behind that ended with the server: quarantined objects nobody will accept any more, half
    /// packs, and the locks of refs, which would stand in the way of every later push. Before anything is served.
    pub(crate) fn clear_unfinished(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "git") {
                clear(&path, &|name| name.ends_with(".lock"))?;
                clear_below(&path.join("refs"), &|name| name.ends_with(".lock"))?;
                clear(&path.join("objects"), &|name| name.starts_with("tmp_objdir-"))?;
                clear(&path.join("objects/pack"), &|name| name.starts_with("tmp_") || name.starts_with(".tmp-"))?;
            }
        }
        Ok(())
    }

    /// Packs the repository if it has become ragged.
    pub(crate) async fn tidy(&self, app: AppId) -> io::Result<()> {
        let tidying = output(self.program.tidy(&self.path(app)));
        timeout(TIDYING, tidying).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map(drop)
    }

    /// The object a ref leads to, in full; `None` if there is no such ref.
    pub(crate) async fn tip(&self, app: AppId, name: &str) -> io::Result<Option<String>> {
        let mut command = self.program.git_in(&self.path(app), "for-each-ref");
        command.args(["--format=%(objectname)", name]);
        let said = output(command).await?;
        let tip = String::from_utf8_lossy(&said).trim().to_owned();
        Ok((!tip.is_empty()).then_some(tip))
    }

    /// Makes a clone check out `main`, or `master` where only that exists.
    pub(crate) async fn settle_head(&self, app: AppId) -> io::Result<()> {
        let mut command = self.program.git_in(&self.path(app), "for-each-ref");
        command.arg("--format=%(refname)").args(DEPLOYED);
        let said = output(command).await?;
        // Sorted by name: main is before master.
        let there = String::from_utf8_lossy(&said);
        let Some(head) = there.lines().next().and_then(|first| DEPLOYED.into_iter().find(|&name| name == first)) else { return Ok(()) };
        let now = fs::read_to_string(self.path(app).join("HEAD")).await?;
        if now.trim_end() == format!("ref: {head}") {
            return Ok(());
        }
        let mut command = self.program.git_in(&self.path(app), "symbolic-ref");
        command.args(["HEAD", head]);
        output(command).await.map(drop)
    }
}

/// Removes the entries of a folder whose names fit. A folder that is not there has none.
fn clear(folder: &Path, fits: &dyn Fn(&str) -> bool) -> io::Result<()> {
    for entry in entries(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(fits) {
            if entry.file_type()?.is_dir() { std::fs::remove_dir_all(entry.path())? } else { std::fs::remove_file(entry.path())? }
        }
    }
    Ok(())
}

/// The same, in the folder and all below it.
fn clear_below(folder: &Path, fits: &dyn Fn(&str) -> bool) -> io::Result<()> {
    clear(folder, fits)?;
    for entry in entries(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            clear_below(&entry.path(), fits)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<std::fs::DirEntry>>> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        other => Ok(Some(other?).into_iter().flatten()),
    }
}

async fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
