//! `git:remote` and `git:credentials`.

use std::io::{self, Read};

use api_types::App;
use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::git_remote::{self, GitError};
use crate::origin::Origin;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Credentials {
    /// What git wants: get, store or erase
    action: String,
}

#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Push over SSH, with a key of yours (`mypaas keys:add`)
    #[arg(long)]
    ssh: bool,
}

/// Points a git remote at an app.
pub(crate) fn remote(context: &mut Context, args: &Remote) -> Result<(), Error> {
    if !git_remote::inside_work_tree() {
        return Err(GitError::NoRepository.into());
    }
    let asked = context.app_named()?;
    let app: App = asked.client.get(&asked.path(&[]))?;
    let remote = context.remote_name().to_owned();
    connect(context, asked.client.origin(), url(&app, args.ssh)?, &remote)
}

/// Where the app is pushed to.
pub(crate) fn url(app: &App, ssh: bool) -> Result<&str, Error> {
    match &app.ssh_git_url {
        Some(url) if ssh => Ok(url),
        None if ssh => Err(Error::failed("This server does not answer over SSH.")),
        _ => Ok(&app.git_url),
    }
}

/// Has `remote` lead to `git_url`, and git ask this program for the password there.
pub(crate) fn connect(context: &mut Context, server: &Origin, git_url: &str, remote: &str) -> Result<(), Error> {
    match git_remote::remotes().iter().find(|existing| existing.name == remote) {
        Some(existing) if existing.url == git_url => {}
        Some(_) => git_remote::set_url(remote, git_url)?,
        None => git_remote::add(remote, git_url)?,
    }
    output::talk(&format!("set git remote {remote} to {git_url}"));
    if let Some((place, _)) = git_remote::ssh_app_of(git_url) {
        context.credentials.server_mut(server).ssh = Some(place.to_owned());
        return context.save();
    }
    let Some((origin, _)) = git_remote::app_of(git_url) else { return Ok(()) };
    let program = std::env::current_exe().map_err(|error| Error::failed(format!("This program does not know where it is: {error}.")))?;
    git_remote::configure_origin(&origin, &program, context.ca(server).as_deref())?;
    if origin != *server {
        context.credentials.server_mut(server).git = Some(origin.to_string());
        context.save()?;
    }
    Ok(())
}

/// Answers git's question for a password, if it is about a server one is logged in to. See `gitcredentials(7)`.
pub(crate) fn credentials(context: &Context, args: &Credentials) -> Result<(), Error> {
    // The token is kept by `login` and ended by `logout`: git has no say in that. What else git may learn to ask is to be ignored.
    if args.action != "get" {
        return Ok(());
    }
    let mut question = String::new();
    io::stdin().lock().take(64 * 1024).read_to_string(&mut question).map_err(Error::Stdin)?;
    let Some(asked) = origin_asked(&question) else { return Ok(()) };
    let token = context.server_of_git(&asked).and_then(|server| context.token(&server));
    // Silence lets git go on to its next helper, or ask the person.
    let Some(token) = token else { return Ok(()) };
    output::line(&format!("username=mypaas\npassword={}", token.expose()))
}

fn origin_asked(question: &str) -> Option<Origin> {
    let value = |wanted: &str| question.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| *key == wanted).map(|(_, value)| value);
    format!("{}://{}", value("protocol")?, value("host")?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_an_origin() {
        let asked = |question: &str| origin_asked(question).map(|origin| origin.to_string());
        assert_eq!(asked("protocol=https\nhost=git.test:8443\npath=shop.git\n\n").unwrap(), "https://git.test:8443");
        assert_eq!(asked("protocol=ssh\nhost=git.test\n"), None);
        assert_eq!(asked("host=git.test\n"), None);
        assert_eq!(asked(""), None);
    }
}
