//! `apps:transfer` and its kin: an app that is given to somebody else.

use api_types::{Account, AppTransfer, AppTransferCreate, AppTransferUpdate};
use clap::Args;

use crate::client;
use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

pub(crate) use super::listing::List;

#[derive(Debug, Args)]
pub(crate) struct Offer {
    /// Email address of the account that is to own the app
    recipient: String,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The app that is offered, or the transfer's id
    #[arg(value_name = "APP_NAME")]
    named: String,
}

/// Lists the apps that one has offered or is offered.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let client = context.client()?;
    let transfers: Vec<AppTransfer> = client.list("/account/app-transfers")?;
    if args.json {
        return output::json(&transfers);
    }
    if transfers.is_empty() {
        output::talk("No app is offered, by you or to you.");
        return Ok(());
    }
    let account: Account = client.get("/account")?;
    let row = |one: &AppTransfer| {
        let with = if one.owner.email == account.email { format!("to {}", one.recipient.email) } else { format!("from {}", one.owner.email) };
        vec![one.app.name.clone(), with, one.state.clone()]
    };
    output::table(&transfers.iter().map(row).collect::<Vec<_>>())
}

/// Offers the app to somebody, who has to accept it.
pub(crate) fn offer(context: &Context, args: &Offer) -> Result<(), Error> {
    let app = context.app()?;
    let action = Action::start(&format!("Offering ⬢ {} to {}", app.name, args.recipient));
    let transfer: AppTransfer = app.client.post("/account/app-transfers", &AppTransferCreate { app: app.name.clone(), recipient: args.recipient.clone() })?;
    action.finish(&format!("done, {}", transfer.state));
    output::talk(&format!("It is theirs when they accept it: mypaas apps:transfers:accept {}", transfer.app.name));
    Ok(())
}

/// Takes the app that one is offered, or says no.
pub(crate) fn answer(context: &Context, args: &One, accept: bool) -> Result<(), Error> {
    let client = context.client()?;
    let (doing, state) = if accept { ("Accepting", "accepted") } else { ("Declining", "declined") };
    let action = Action::start(&format!("{doing} ⬢ {}", args.named));
    let transfer: AppTransfer = client.patch(&path(&args.named), &AppTransferUpdate { state: state.to_owned() })?;
    action.finish(&if accept { format!("done, it is yours; {} still works on it", transfer.owner.email) } else { "done".to_owned() });
    Ok(())
}

/// Takes an offer back.
pub(crate) fn cancel(context: &Context, args: &One) -> Result<(), Error> {
    let action = Action::start(&format!("Cancelling the transfer of ⬢ {}", args.named));
    context.client()?.delete(&path(&args.named))?;
    action.done();
    Ok(())
}

fn path(named: &str) -> String {
    client::path(&["account", "app-transfers", named])
}
