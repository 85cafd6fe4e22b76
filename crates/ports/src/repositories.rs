//! How much room the git repositories take. Who keeps them is another matter.

use std::{
    io,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use domain::AppId;

/// The repositories, one per app.
#[async_trait]
pub trait Repositories: Send + Sync {
    /// Each with what it takes on the disk, in bytes.
    async fn sizes(&self) -> io::Result<Vec<(AppId, u64)>>;
}

/// Repositories in a folder: `<app's id>.git`. What else lies there is not looked at.
#[derive(Debug, Clone)]
pub struct DiskRepositories(pub PathBuf);

#[async_trait]
impl Repositories for DiskRepositories {
    async fn sizes(&self) -> io::Result<Vec<(AppId, u64)>> {
        let folder = self.0.clone();
        tokio::task::spawn_blocking(move || {
            let mut sizes = Vec::new();
            for entry in there(&folder)? {
                let entry = entry?;
                let name = entry.file_name();
                let app = name.to_str().and_then(|name| name.strip_suffix(".git")).and_then(|id| id.parse().ok());
                if let Some(app) = app {
                    sizes.push((app, below(entry.path())?));
                }
            }
            Ok(sizes)
        })
        .await
        .map_err(io::Error::other)?
    }
}

/// The files below a folder, in bytes. What goes away while one looks counts as gone.
fn below(folder: PathBuf) -> io::Result<u64> {
    let (mut folders, mut bytes) = (vec![folder], 0);
    while let Some(folder) = folders.pop() {
        for entry in there(&folder)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => bytes += metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(bytes)
}

/// What is in a folder; one that is not there has nothing.
fn there(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<std::fs::DirEntry>> + use<>> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        other => Ok(Some(other?).into_iter().flatten()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn measures_what_is_named_by_an_app_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let app = AppId::new("2026-01-01T00:00:00Z".parse().unwrap(), [1; 10]);
        for (path, bytes) in
            [(format!("{app}.git/objects/pack/a"), 700), (format!("{app}.git/HEAD"), 20), (format!("{app}.new/HEAD"), 5), ("notes.git/x".to_owned(), 5)]
        {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, vec![0; bytes]).unwrap();
        }
        assert_eq!(DiskRepositories(folder.path().to_owned()).sizes().await.unwrap(), [(app, 720)]);
    }
}
