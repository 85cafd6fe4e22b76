//! `access` and its kin: who may work on an app.

use api_types::Collaborator;
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

pub(crate) use super::listing::List;

/// Names a person.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Email address of the person's account
    email: String,
}

/// Lists who may work on the app.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let mut people: Vec<Collaborator> = app.client.list(&app.path(&["collaborators"]))?;
    people.sort_by(|one, other| one.user.email.cmp(&other.user.email));
    if args.json {
        return output::json(&people);
    }
    let row = |one: &Collaborator| vec![one.user.email.clone(), one.role.clone().unwrap_or_else(|| "collaborator".to_owned())];
    output::table(&people.iter().map(row).collect::<Vec<_>>())
}

/// Lets somebody work on the app.
pub(crate) fn add(context: &Context, args: &One) -> Result<(), Error> {
    let app = context.app()?;
    let action = Action::start(&format!("Adding {} access to the app ⬢ {}", args.email, app.name));
    let _: Collaborator = app.client.post(&app.path(&["collaborators"]), &json!({"user": args.email}))?;
    action.done();
    Ok(())
}

/// Lets somebody work on the app no more.
pub(crate) fn remove(context: &Context, args: &One) -> Result<(), Error> {
    let app = context.app()?;
    let action = Action::start(&format!("Removing {} access from the app ⬢ {}", args.email, app.name));
    app.client.delete(&app.path(&["collaborators", &args.email]))?;
    action.done();
    Ok(())
}
