//! A repository as one file, and back: for backups.

use std::{
    io,
    path::{Path, PathBuf},
};

use domain::AppId;

use crate::{
    process::{Program, output},
    repositories::Repositories,
};

/// There is no hook, and nothing that a hook would be looked for in.
const NO_HOOKS: &str = "/nonexistent";

/// Writes all that the app's repository holds to a file; pushes may go on meanwhile. `false`: there is nothing in it.
pub async fn bundle(repositories: &Path, app: AppId, to: &Path) -> io::Result<bool> {
    let repositories = of(repositories);
    let path = repositories.path(app);
    let mut command = repositories.program().git_in(&path, "for-each-ref");
    command.args(["--count=1", "--format=%(refname)"]);
    if output(command).await?.is_empty() {
        return Ok(false);
    }
    let mut command = repositories.program().git_in(&path, "bundle");
    command.args(["create", "--quiet"]).arg(to).arg("--all");
    output(command).await.map(|_| true)
}

/// Makes the app's repository of what [`bundle`] wrote.
pub async fn unbundle(file: &Path, repositories: &Path, app: AppId) -> io::Result<()> {
    let repositories = of(repositories);
    let path = repositories.ensure(app).await?;
    // What was let in once is let in again, whatever is said of it today.
    let further = [("protocol.file.allow", "always"), ("transfer.fsckObjects", "false")];
    let mut command = repositories.program().git_with("fetch", &further);
    command.env("GIT_DIR", &path).args(["--quiet", "--no-write-fetch-head", "--"]).arg(file).arg("+refs/*:refs/*");
    output(command).await?;
    repositories.settle_head(app).await
}

fn of(folder: &Path) -> Repositories {
    let program = Program::new(folder, Path::new(NO_HOOKS), usize::MAX as u64);
    Repositories::new(PathBuf::from(folder), program)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, words: &[&str]) -> String {
        let done = Command::new("git").args(words).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn a_repository_comes_back_with_its_branches() {
        let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let app = "01890000-0000-7000-8000-000000000001".parse::<AppId>().unwrap();
        let path = of(before.path()).ensure(app).await.unwrap();
        let file = before.path().join("app.bundle");
        assert!(!bundle(before.path(), app, &file).await.unwrap(), "nothing was pushed yet");
        let work = tempfile::tempdir().unwrap();
        git(work.path(), &["init", "-q", "-b", "master"]);
        std::fs::write(work.path().join("x"), "x").unwrap();
        git(work.path(), &["add", "x"]);
        git(work.path(), &["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x"]);
        git(work.path(), &["push", "-q", path.to_str().unwrap(), "master", "master:other"]);
        assert!(bundle(before.path(), app, &file).await.unwrap());
        unbundle(&file, after.path(), app).await.unwrap();
        let restored = of(after.path());
        let tip = git(work.path(), &["rev-parse", "HEAD"]);
        for branch in ["refs/heads/master", "refs/heads/other"] {
            assert_eq!(restored.tip(app, branch).await.unwrap(), Some(tip.clone()), "{branch}");
        }
        assert_eq!(std::fs::read_to_string(restored.path(app).join("HEAD")).unwrap().trim(), "ref: refs/heads/master");
    }
}
