//! `authorizations` and its kin: the tokens of the account.

use api_types::{Authorization, AuthorizationCreate, AuthorizationUpdate};
use clap::Args;

use crate::client::path;
use crate::clock;
use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

pub(crate) use super::listing::List;

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What the token is for
    #[arg(short, long)]
    description: Option<String>,
    /// What it may do: global, read, write, identity, read-protected, write-protected; commas between several
    #[arg(short, long, value_delimiter = ',')]
    scope: Option<Vec<String>>,
    /// When it ends, in seconds from now
    #[arg(short, long, value_name = "SECONDS")]
    expires_in: Option<u64>,
    /// Print the token alone
    #[arg(short = 'S', long, conflicts_with = "json")]
    short: bool,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Names an authorization.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The id, as `authorizations` lists it
    id: String,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Names one of which nothing is shown afterwards.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The id, as `authorizations` lists it
    id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The id, as `authorizations` lists it
    id: String,
    /// What the token is for
    #[arg(short, long)]
    description: String,
}

/// Lists them.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let mut all: Vec<Authorization> = context.client()?.list("/oauth/authorizations")?;
    all.sort_by(|one, other| one.description.cmp(&other.description));
    if args.json {
        return output::json(&all);
    }
    if all.is_empty() {
        output::talk("No OAuth authorizations.");
        return Ok(());
    }
    let row = |one: &Authorization| vec![one.description.clone().unwrap_or_default(), one.id.clone(), one.scope.join(",")];
    output::table(&all.iter().map(row).collect::<Vec<_>>())
}

/// Makes a token.
pub(crate) fn create(context: &Context, args: Create) -> Result<(), Error> {
    let request = AuthorizationCreate { description: args.description, expires_in: args.expires_in, scope: args.scope, client: None };
    let client = context.client()?;
    let action = Action::start("Creating OAuth Authorization");
    let made: Authorization = client.post("/oauth/authorizations", &request)?;
    action.done();
    match &made.access_token {
        Some(token) if args.short => output::line(token.token.expose()),
        _ if args.json => output::json(&made),
        _ => show(&made),
    }
}

/// Shows one.
pub(crate) fn info(context: &Context, args: &One) -> Result<(), Error> {
    let one: Authorization = context.client()?.get(&of(&args.id, &[]))?;
    if args.json { output::json(&one) } else { show(&one) }
}

/// Ends one.
pub(crate) fn revoke(context: &Context, args: &Revoke) -> Result<(), Error> {
    let action = Action::start(&format!("Revoking OAuth Authorization {}", args.id));
    context.client()?.delete(&of(&args.id, &[]))?;
    action.done();
    Ok(())
}

/// Gives one a new token; the old one ends.
pub(crate) fn rotate(context: &Context, args: &One) -> Result<(), Error> {
    let action = Action::start(&format!("Rotating OAuth Authorization {}", args.id));
    let one: Authorization = context.client()?.post(&of(&args.id, &["actions", "regenerate-tokens"]), &serde_json::json!({}))?;
    action.done();
    if args.json { output::json(&one) } else { show(&one) }
}

/// Says what one is for.
pub(crate) fn update(context: &Context, args: &Update) -> Result<(), Error> {
    let action = Action::start(&format!("Updating OAuth Authorization {}", args.id));
    let request = AuthorizationUpdate { description: Some(args.description.clone()) };
    let one: Authorization = context.client()?.patch(&of(&args.id, &[]), &request)?;
    action.done();
    show(&one)
}

fn of(id: &str, rest: &[&str]) -> String {
    path(&["oauth", "authorizations", id]) + &path(rest)
}

fn show(one: &Authorization) -> Result<(), Error> {
    let token = one.access_token.as_ref();
    let rows = [
        ("Client:", Some("<none>".to_owned())),
        ("ID:", Some(one.id.clone())),
        ("Description:", one.description.clone()),
        ("Scope:", Some(one.scope.join(","))),
        ("Token:", token.map(|token| token.token.expose().to_owned())),
        ("Expires at:", token.and_then(|token| token.expires_in).map(|seconds| format!("in {}", clock::length(seconds)))),
        ("Updated at:", Some(clock::since(&one.updated_at, clock::now()))),
    ];
    output::table(&rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect::<Vec<_>>())
}
