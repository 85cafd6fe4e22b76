//! `apps`, `info`, `rename`, `destroy`, `open`.

use std::collections::BTreeMap;

use api_types::{Account, App, AppUpdate, Dyno};
use clap::Args;

use crate::browser;
use crate::context::Context;
use crate::error::Error;
use crate::git_remote;
use crate::output::{self, Action};
use crate::prompt;

pub(crate) use super::listing::List;

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// App to show, instead of -a
    #[arg(value_name = "APP_NAME")]
    name: Option<String>,
    /// Print KEY=VALUE lines for a shell
    #[arg(short, long, conflicts_with = "json")]
    shell: bool,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Destroy {
    /// App to destroy, instead of -a
    #[arg(value_name = "APP_NAME")]
    name: Option<String>,
    /// The app's name, to be destroyed without being asked
    #[arg(short, long, value_name = "APP")]
    confirm: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rename {
    /// The app's new name
    #[arg(value_name = "NEW_NAME")]
    new_name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// Path below the app's URL
    path: Option<String>,
}

/// Lists the apps: one's own, then those one collaborates on.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let client = context.client()?;
    let mut apps: Vec<App> = client.list("/apps")?;
    apps.sort_by(|one, other| one.name.cmp(&other.name));
    if args.json {
        return output::json(&apps);
    }
    let account: Account = client.get("/account")?;
    if apps.is_empty() {
        output::talk("You have no apps.");
        return Ok(());
    }
    let (own, others): (Vec<_>, Vec<_>) = apps.iter().partition(|app| app.owner.email == account.email);
    if !own.is_empty() {
        output::heading(&format!("{} Apps", account.email))?;
        own.iter().try_for_each(|app| output::line(&app.name))?;
    }
    if !others.is_empty() {
        output::heading("Collaborated Apps")?;
        let rows: Vec<_> = others.iter().map(|app| vec![app.name.clone(), app.owner.email.clone()]).collect();
        output::table(&rows)?;
    }
    Ok(())
}

/// Shows an app.
pub(crate) fn info(context: &Context, args: &Info) -> Result<(), Error> {
    let asked = context.app_or(args.name.as_deref())?;
    let app: App = asked.client.get(&asked.path(&[]))?;
    if args.json {
        return output::json(&app);
    }
    let dynos: Vec<Dyno> = asked.client.list(&asked.path(&["dynos"]))?;
    if args.shell {
        return shell_info(&app, &dynos);
    }
    output::heading(&app.name)?;
    let mut rows = vec![
        ("Auto Cert Mgmt", app.acm.to_string()),
        ("Dynos", count(&dynos)),
        ("Git URL", app.git_url.clone()),
        ("Owner", app.owner.email.clone()),
        ("Region", app.region.name.clone()),
        ("Repo Size", output::size(app.repo_size.unwrap_or(0))),
        ("Slug Size", output::size(app.slug_size.unwrap_or(0))),
        ("Stack", app.stack.name.clone()),
        ("Web URL", app.web_url.clone().unwrap_or_default()),
    ];
    if app.build_stack.name != app.stack.name {
        rows.insert(8, ("Next Deploy's Stack", app.build_stack.name.clone()));
    }
    if app.maintenance {
        rows.insert(3, ("Maintenance", "on".to_owned()));
    }
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![format!("{name}:"), value]).collect();
    output::table(&rows)
}

fn shell_info(app: &App, dynos: &[Dyno]) -> Result<(), Error> {
    let rows = [
        ("auto_cert_mgmt", app.acm.to_string()),
        ("dynos", count(dynos)),
        ("git_url", app.git_url.clone()),
        ("maintenance", app.maintenance.to_string()),
        ("name", app.name.clone()),
        ("owner", app.owner.email.clone()),
        ("region", app.region.name.clone()),
        ("repo_size", app.repo_size.unwrap_or(0).to_string()),
        ("slug_size", app.slug_size.unwrap_or(0).to_string()),
        ("stack", app.stack.name.clone()),
        ("web_url", app.web_url.clone().unwrap_or_default()),
    ];
    rows.iter().try_for_each(|(key, value)| output::line(&output::shell_assignment(key, value)))
}

/// `web: 2, worker: 1`.
fn count(dynos: &[Dyno]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for dyno in dynos {
        *counts.entry(&dyno.process_type).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(process_type, count)| format!("{process_type}: {count}")).collect();
    counts.join(", ")
}

/// Destroys an app, once its name has been typed a second time.
pub(crate) fn destroy(context: &Context, args: &Destroy) -> Result<(), Error> {
    let asked = context.app_or(args.name.as_deref())?;
    let app: App = asked.client.get(&asked.path(&[]))?;
    let warning = format!("This will delete ⬢ {} including all add-ons.", app.name);
    prompt::confirm_name(&app.name, args.confirm.as_deref(), &warning, "destroyed")?;
    let action = Action::start(&format!("Destroying ⬢ {} (including all add-ons)", app.name));
    asked.client.delete(&asked.path(&[]))?;
    action.done();
    for remote in git_remote::remotes().iter().filter(|remote| remote.url == app.git_url || app.ssh_git_url.as_ref() == Some(&remote.url)) {
        git_remote::remove(&remote.name)?;
        output::talk(&format!("Removed the git remote {}", remote.name));
    }
    Ok(())
}

/// Gives the app another name. Its address changes with it, and so do the git remotes here that lead to it.
pub(crate) fn rename(context: &Context, args: &Rename) -> Result<(), Error> {
    let asked = context.app()?;
    let before: App = asked.client.get(&asked.path(&[]))?;
    let action = Action::start(&format!("Renaming ⬢ {} to {}", before.name, args.new_name));
    let app: App = asked.client.patch(&asked.path(&[]), &AppUpdate { name: Some(args.new_name.clone()), ..AppUpdate::default() })?;
    action.done();
    output::line(&format!("{} | {}", app.web_url.as_deref().unwrap_or("-"), app.git_url))?;
    for remote in git_remote::remotes() {
        let url = match &remote.url {
            url if *url == before.git_url => Some(&app.git_url),
            url if before.ssh_git_url.as_ref() == Some(url) => app.ssh_git_url.as_ref(),
            _ => None,
        };
        if let Some(url) = url {
            git_remote::set_url(&remote.name, url)?;
            output::talk(&format!("set git remote {} to {url}", remote.name));
        }
    }
    Ok(())
}

/// Prints the app's URL, and opens it where there is a display.
pub(crate) fn open(context: &Context, args: &Open) -> Result<(), Error> {
    let asked = context.app()?;
    let app: App = asked.client.get(&asked.path(&[]))?;
    let Some(url) = app.web_url else {
        return Err(Error::failed(format!("{} has no URL.", app.name)));
    };
    let path = args.path.as_deref().unwrap_or_default().trim_start_matches('/');
    let url = format!("{}/{path}", url.trim_end_matches('/'));
    output::line(&url)?;
    browser::open(context, &url);
    Ok(())
}
