//! `create`.

use api_types::{App, AppCreate};
use clap::Args;

use crate::commands::git;
use crate::context::Context;
use crate::error::Error;
use crate::git_remote;
use crate::output::{self, Action};

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name of the app; the server thinks of one when none is given
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Stack of the app
    #[arg(short, long)]
    stack: Option<String>,
    /// Region of the app
    #[arg(long)]
    region: Option<String>,
    /// Add no git remote
    #[arg(short, long)]
    no_remote: bool,
    /// Have the git remote push over SSH, with a key of yours (`mypaas keys:add`)
    #[arg(long)]
    ssh: bool,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Creates an app and, in a repository, a git remote that leads to it.
pub(crate) fn create(context: &mut Context, args: Create) -> Result<(), Error> {
    let client = context.client()?;
    let name = args.name.or_else(|| context.asked_app().map(str::to_owned));
    let action = Action::start(&match &name {
        Some(name) => format!("Creating ⬢ {name}"),
        None => "Creating app".to_owned(),
    });
    let app: App = client.post("/apps", &AppCreate { name: name.clone(), region: args.region, stack: args.stack })?;
    match name {
        Some(_) => action.done(),
        None => action.finish(&format!("done, ⬢ {}", app.name)),
    }
    if args.json {
        output::json(&app)?;
    } else {
        output::line(&format!("{} | {}", app.web_url.as_deref().unwrap_or("-"), app.git_url))?;
    }
    if args.no_remote || !git_remote::inside_work_tree() {
        return Ok(());
    }
    let git_url = git::url(&app, args.ssh)?;
    let remote = context.remote_name().to_owned();
    match git_remote::remotes().into_iter().find(|existing| existing.name == remote) {
        Some(existing) if existing.url != git_url => {
            output::talk(&format!("The git remote {remote} stays as it is: it leads to {}.", existing.url));
            output::talk(&format!("hint: `mypaas git:remote -a {}` points it to this app", app.name));
            Ok(())
        }
        _ => git::connect(context, client.origin(), git_url, &remote),
    }
}
