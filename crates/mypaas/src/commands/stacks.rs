//! `stacks`, `stacks:set`.

use api_types::{App, AppUpdate, Stack};
use clap::Args;

use crate::clock;
use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

pub(crate) use super::listing::List;

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The stack: heroku-24
    #[arg(value_name = "STACK")]
    stack: String,
}

/// Lists the stacks. A star marks the app's, or without an app the one of new apps.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = match context.app() {
        Ok(app) => Some(app),
        Err(error) if context.asked_app().is_some() => return Err(error),
        Err(_) => None,
    };
    let (stacks, of_app): (Vec<Stack>, Option<App>) = match &app {
        Some(app) => (app.client.list("/stacks")?, Some(app.client.get(&app.path(&[]))?)),
        None => (context.client()?.list("/stacks")?, None),
    };
    if args.json {
        return output::json(&stacks);
    }
    if let Some(app) = &of_app {
        output::heading(&format!("⬢ {} Available Stacks", app.name))?;
    }
    let now = clock::now();
    let row = |stack: &Stack| {
        let current = of_app.as_ref().map_or(stack.default, |app| app.build_stack.name == stack.name);
        let name = format!("{} {}", if current { '*' } else { ' ' }, stack.name);
        let Some(base) = &stack.base else { return vec![name, "image missing on the server".to_owned()] };
        let id: String = base.image_id.trim_start_matches("sha256:").chars().take(12).collect();
        let older = match base.dynos_on_older {
            None | Some(0) => String::new(),
            Some(1) => "1 dyno on an older image".to_owned(),
            Some(count) => format!("{count} dynos on older images"),
        };
        vec![name, base.variant.clone(), id, clock::since(&stack.updated_at, now), older]
    };
    output::table(&stacks.iter().map(row).collect::<Vec<_>>())
}

/// Sets the stack that the app is built on from now on.
pub(crate) fn set(context: &Context, args: &Set) -> Result<(), Error> {
    let app = context.app()?;
    let action = Action::start(&format!("Setting stack to {}", args.stack));
    let request = AppUpdate { build_stack: Some(args.stack.clone()), ..AppUpdate::default() };
    let changed: App = app.client.patch(&app.path(&[]), &request)?;
    action.done();
    if changed.stack.name != changed.build_stack.name {
        output::talk(&format!("You will need to redeploy ⬢ {} for the change to take effect.", app.name));
        output::talk(&format!("Run git push {} main to create a new release on ⬢ {}.", context.remote_name(), app.name));
    }
    Ok(())
}
