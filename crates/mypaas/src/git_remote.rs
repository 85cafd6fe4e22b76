//! The git repository of the current folder. Runs `git` with arguments of its own, never through a shell.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::origin::Origin;

/// A remote of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) name: String,
    pub(crate) url: String,
}

/// Why git did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    #[error("git cannot be run: {0}.")]
    Missing(std::io::Error),
    #[error("This folder is not in a git repository.")]
    NoRepository,
    #[error("git {what} failed: {said}")]
    Failed { what: String, said: String },
}

/// Whether the current folder is in a work tree.
pub(crate) fn inside_work_tree() -> bool {
    git(&["rev-parse", "--is-inside-work-tree"]).is_ok_and(|said| said.trim() == "true")
}

/// All remotes, in the order of the configuration; none without a repository, or without git.
pub(crate) fn remotes() -> Vec<Remote> {
    git(&["config", "--null", "--get-regexp", r"^remote\..*\.url$"]).map(|said| parse_remotes(&said)).unwrap_or_default()
}

/// Adds a remote.
pub(crate) fn add(name: &str, url: &str) -> Result<(), GitError> {
    git(&["remote", "add", "--", name, url]).map(drop)
}

/// Points an existing remote elsewhere.
pub(crate) fn set_url(name: &str, url: &str) -> Result<(), GitError> {
    git(&["remote", "set-url", "--", name, url]).map(drop)
}

/// Removes a remote.
pub(crate) fn remove(name: &str) -> Result<(), GitError> {
    git(&["remote", "remove", "--", name]).map(drop)
}

/// Tells this repository to ask this program for the password of `origin`, and whom to trust there.
pub(crate) fn configure_origin(origin: &Origin, program: &Path, ca: Option<&Path>) -> Result<(), GitError> {
    let helper = format!("credential.{origin}.helper");
    // The empty helper forgets those of the person's own configuration: they would store the token a second time.
    git(&["config", "--local", "--replace-all", &helper, ""])?;
    git(&["config", "--local", "--add", &helper, &helper_command(program)])?;
    if let Some(ca) = ca {
        git(&["config", "--local", "--replace-all", &format!("http.{origin}.sslCAInfo"), &ca.display().to_string()])?;
    }
    Ok(())
}

/// The app that a remote's URL leads to, with its origin: `https://git.example.com/shop.git` is `shop`.
pub(crate) fn app_of(url: &str) -> Option<(Origin, String)> {
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return None;
    }
    let origin = url.parse().ok()?;
    let (_, after_scheme) = url.split_once("://")?;
    let (_, path) = after_scheme.split_once('/')?;
    let app = path.trim_end_matches('/').strip_suffix(".git")?;
    (!app.is_empty() && !app.contains('/')).then(|| (origin, app.to_owned()))
}

/// The same for a URL of SSH, with host and port: `ssh://git@git.example.com:2222/shop.git` is `shop`.
pub(crate) fn ssh_app_of(url: &str) -> Option<(&str, String)> {
    let (authority, path) = url.strip_prefix("ssh://")?.split_once('/')?;
    let place = authority.rsplit('@').next()?;
    let app = path.trim_end_matches('/').strip_suffix(".git")?;
    (!place.is_empty() && !app.is_empty() && !app.contains('/')).then(|| (place, app.to_owned()))
}

/// git hands a helper to a shell: a path with unusual characters has to be quoted, and then marked with `!`.
fn helper_command(program: &Path) -> String {
    let program = program.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if program.bytes().all(plain) { format!("{program} git:credentials") } else { format!("!'{}' git:credentials", program.replace('\'', r"'\''")) }
}

/// `remote.NAME.url`, a line end, the URL, a zero byte; again and again. The first URL of a remote is the one fetched from.
fn parse_remotes(said: &str) -> Vec<Remote> {
    let mut remotes: Vec<Remote> = Vec::new();
    for entry in said.split('\0') {
        let Some((key, url)) = entry.split_once('\n') else { continue };
        let Some(name) = key.strip_prefix("remote.").and_then(|key| key.strip_suffix(".url")) else { continue };
        if !remotes.iter().any(|remote| remote.name == name) {
            remotes.push(Remote { name: name.to_owned(), url: url.to_owned() });
        }
    }
    remotes
}

/// The files below the current folder that git knows or would take.
pub(crate) fn files() -> Result<Vec<PathBuf>, GitError> {
    let listed = git_bytes(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    let mut files: Vec<_> = listed.split(|&byte| byte == 0).filter(|path| !path.is_empty()).map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
    // A file in conflict is listed more than once.
    files.dedup();
    Ok(files)
}

/// The commit that is checked out, if that is what lies here.
pub(crate) fn commit_if_clean() -> Option<String> {
    let clean = git(&["status", "--porcelain"]).is_ok_and(|said| said.is_empty());
    clean.then(|| git(&["rev-parse", "--verify", "HEAD"]).ok()).flatten().map(|commit| commit.trim().to_owned())
}

fn git(arguments: &[&str]) -> Result<String, GitError> {
    Ok(String::from_utf8_lossy(&git_bytes(arguments)?).into_owned())
}

fn git_bytes(arguments: &[&str]) -> Result<Vec<u8>, GitError> {
    let Output { status, stdout, stderr } = Command::new("git").args(arguments).stdin(Stdio::null()).output().map_err(GitError::Missing)?;
    if status.success() {
        return Ok(stdout);
    }
    let said = String::from_utf8_lossy(&stderr).trim().to_owned();
    if said.contains("not a git repository") || said.contains("--local can only be used inside a git repository") {
        return Err(GitError::NoRepository);
    }
    Err(GitError::Failed { what: arguments.first().copied().unwrap_or_default().to_owned(), said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_read_whatever_their_names() {
        let said = "remote.origin.url\ngit@github.com:me/shop.git\0remote.my.paas.url\nhttps://h/shop.git\0remote.my.paas.url\nhttps://h/two.git\0";
        let remote = |name: &str, url: &str| Remote { name: name.into(), url: url.into() };
        assert_eq!(parse_remotes(said), [remote("origin", "git@github.com:me/shop.git"), remote("my.paas", "https://h/shop.git")]);
        assert_eq!(parse_remotes(""), []);
    }

    #[test]
    fn a_url_leads_to_an_app() {
        let app = |url: &str| app_of(url).map(|(origin, app)| format!("{app} at {origin}"));
        assert_eq!(app("https://git.example.com/shop.git").unwrap(), "shop at https://git.example.com");
        assert_eq!(app("http://mypaas@127.0.0.1:5000/shop.git/").unwrap(), "shop at http://127.0.0.1:5000");
        for url in ["git@github.com:me/shop.git", "https://github.com/me/shop.git", "https://h/shop", "https://h/.git", "/srv/shop.git", "ssh://h/a.git"] {
            assert_eq!(app(url), None, "{url}");
        }
    }

    #[test]
    fn so_does_one_of_ssh() {
        assert_eq!(ssh_app_of("ssh://git@git.example.com:2222/shop.git"), Some(("git.example.com:2222", "shop".to_owned())));
        assert_eq!(ssh_app_of("ssh://[::1]:22/shop.git/"), Some(("[::1]:22", "shop".to_owned())));
        for url in ["git@github.com:me/shop.git", "ssh://git@github.com/me/shop.git", "ssh://h", "ssh:///shop.git", "https://h/shop.git", "ssh://h/.git"] {
            assert_eq!(ssh_app_of(url), None, "{url}");
        }
    }

    #[test]
    fn the_helper_survives_odd_paths() {
        assert_eq!(helper_command(Path::new("/usr/local/bin/mypaas")), "/usr/local/bin/mypaas git:credentials");
        assert_eq!(helper_command(Path::new("/My 'Apps'/mypaas")), r"!'/My '\''Apps'\''/mypaas' git:credentials");
    }
}
