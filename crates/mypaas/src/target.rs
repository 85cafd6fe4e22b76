//! Which app on which server a command means.

use crate::git_remote::{self, Remote};
use crate::origin::Origin;

/// The remote that `create` adds when it is not told another name.
pub(crate) const REMOTE: &str = "mypaas";

/// A server and the origins that its git URLs have.
#[derive(Debug, Clone)]
pub(crate) struct KnownServer {
    pub(crate) origin: Origin,
    pub(crate) git: Option<Origin>,
    /// Host and port over SSH.
    pub(crate) ssh: Option<String>,
}

/// What the person said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// `-a`, or else `MYPAAS_APP`.
    pub(crate) app: Option<String>,
    /// `-r`.
    pub(crate) remote: Option<String>,
}

/// An app; the server when a remote told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) app: String,
    pub(crate) server: Option<Origin>,
}

/// Why it is not clear what is meant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum TargetError {
    #[error("No app was named, and no git remote here leads to one.")]
    NoApp,
    #[error("Several git remotes here lead to apps: {}.", .0.join(", "))]
    Several(Vec<String>),
    #[error("There is no git remote {0:?} here.")]
    NoSuchRemote(String),
    #[error("The git remote {0:?} does not lead to an app on a server you are logged in to.")]
    NotOurs(String),
    #[error("You are not logged in to a server.")]
    NoServer,
    #[error("You are not logged in to {0}.")]
    NotLoggedIn(Origin),
    #[error("MYPAAS_TOKEN is set, but MYPAAS_SERVER does not say for which server.")]
    TokenWithoutServer,
}

impl TargetError {
    /// What to do next.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoApp => "name it with -a APP, or go to its repository (`mypaas git:remote -a APP` connects one)".into(),
            Self::Several(_) => "say which with -r REMOTE or -a APP".into(),
            Self::NoSuchRemote(_) => "`git remote -v` lists them; `mypaas git:remote -a APP` adds one".into(),
            Self::NotOurs(_) => "`git remote -v` shows where it leads; -a APP names an app directly".into(),
            Self::NoServer => "`mypaas login --server https://paas.example.com`".into(),
            Self::NotLoggedIn(server) => format!("`mypaas login --server {server}`"),
            Self::TokenWithoutServer => "set both, or neither".into(),
        }
    }
}

/// Finds the app: by name, else by the named remote, else by the one remote that leads to a known server.
pub(crate) fn choose(asked: &Asked, remotes: impl FnOnce() -> Vec<Remote>, known: &[KnownServer]) -> Result<Target, TargetError> {
    if let Some(app) = &asked.app {
        return Ok(Target { app: app.clone(), server: None });
    }
    let remotes = remotes();
    if let Some(name) = &asked.remote {
        let remote = remotes.iter().find(|remote| remote.name == *name).ok_or_else(|| TargetError::NoSuchRemote(name.clone()))?;
        return target(remote, known).ok_or_else(|| TargetError::NotOurs(name.clone()));
    }
    let found: Vec<(&Remote, Target)> = remotes.iter().filter_map(|remote| Some((remote, target(remote, known)?))).collect();
    let [(_, first), rest @ ..] = found.as_slice() else { return Err(TargetError::NoApp) };
    if rest.iter().all(|(_, other)| other == first) {
        return Ok(first.clone());
    }
    match found.iter().find(|(remote, _)| remote.name == REMOTE) {
        Some((_, usual)) => Ok(usual.clone()),
        None => Err(TargetError::Several(found.iter().map(|(remote, target)| format!("{} ({})", target.app, remote.name)).collect())),
    }
}

fn target(remote: &Remote, known: &[KnownServer]) -> Option<Target> {
    if let Some((place, app)) = git_remote::ssh_app_of(&remote.url) {
        let server = known.iter().find(|server| server.ssh.as_deref() == Some(place))?;
        return Some(Target { app, server: Some(server.origin.clone()) });
    }
    let (origin, app) = git_remote::app_of(&remote.url)?;
    let server = known.iter().find(|server| server.origin == origin || server.git.as_ref() == Some(&origin))?;
    Some(Target { app, server: Some(server.origin.clone()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(app: Option<&str>, remote: Option<&str>, remotes: &[(&str, &str)]) -> String {
        let origin = |text: &str| text.parse::<Origin>().unwrap();
        let known = [
            KnownServer { origin: origin("https://one.test"), git: None, ssh: Some("one.test:2222".into()) },
            KnownServer { origin: origin("https://two.test"), git: Some(origin("https://git.two.test:8443")), ssh: None },
        ];
        let asked = Asked { app: app.map(Into::into), remote: remote.map(Into::into) };
        let remotes = remotes.iter().map(|(name, url)| Remote { name: (*name).into(), url: (*url).into() }).collect();
        match choose(&asked, || remotes, &known) {
            Ok(Target { app, server: Some(server) }) => format!("{app} at {server}"),
            Ok(Target { app, server: None }) => app,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_app_is_found() {
        let github = ("origin", "https://github.com/me/shop.git");
        let one = ("one", "https://one.test/shop.git");
        let two = ("two", "https://git.two.test:8443/blog.git");
        assert_eq!(check(Some("x"), Some("one"), &[one]), "x");
        assert_eq!(check(None, None, &[github, one]), "shop at https://one.test");
        assert_eq!(check(None, Some("two"), &[one, two]), "blog at https://two.test");
        assert_eq!(check(None, None, &[("ssh", "ssh://git@one.test:2222/shop.git")]), "shop at https://one.test");
        assert_eq!(check(None, None, &[one, two, ("mypaas", "https://one.test/main.git")]), "main at https://one.test");
        assert_eq!(check(None, None, &[one, ("again", one.1)]), "shop at https://one.test");
    }

    #[test]
    fn or_it_is_said_why_not() {
        let one = ("one", "https://one.test/shop.git");
        let two = ("two", "https://git.two.test:8443/blog.git");
        assert_eq!(check(None, None, &[("origin", "git@github.com:me/shop.git")]), TargetError::NoApp.to_string());
        assert_eq!(check(None, None, &[one, two]), "Several git remotes here lead to apps: shop (one), blog (two).");
        assert_eq!(check(None, Some("three"), &[one]), "There is no git remote \"three\" here.");
        let elsewhere = ("up", "https://elsewhere.test/shop.git");
        assert_eq!(check(None, Some("up"), &[elsewhere]), "The git remote \"up\" does not lead to an app on a server you are logged in to.");
    }
}
