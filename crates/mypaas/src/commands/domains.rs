//! `domains` and its kin: the host names that lead to an app.

use api_types::{Domain, DomainCreate};
use clap::Args;

use crate::context::{App, Context};
use crate::error::Error;
use crate::output::{self, Action};

pub(crate) use super::listing::List;

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Host name: www.example.com, or *.example.com for all below example.com
    hostname: String,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// Host name, as `domains` lists it
    hostname: String,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Lists the domains: the app's own name, then the added ones with where their DNS records should point.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let domains: Vec<Domain> = app.client.list(&app.path(&["domains"]))?;
    if args.json {
        return output::json(&domains);
    }
    let (own, custom): (Vec<_>, Vec<_>) = domains.iter().partition(|domain| domain.kind == "heroku");
    if !own.is_empty() {
        output::heading(&format!("{} Heroku Domain", app.name))?;
        own.iter().try_for_each(|domain| output::line(&domain.hostname))?;
    }
    if !custom.is_empty() {
        output::line("")?;
        output::heading(&format!("{} Custom Domains", app.name))?;
        let row = |domain: &&Domain| vec![domain.hostname.clone(), domain.cname.clone().unwrap_or_default()];
        output::table(&custom.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Makes a host name lead to the app.
pub(crate) fn add(context: &Context, args: &One) -> Result<(), Error> {
    let app = context.app()?;
    let action = Action::start(&format!("Adding {} to ⬢ {}", args.hostname, app.name));
    let asked = DomainCreate { hostname: args.hostname.clone(), sni_endpoint: None };
    let domain: Domain = app.client.post(&app.path(&["domains"]), &asked)?;
    action.done();
    if let Some(target) = &domain.cname {
        output::talk(&format!("Configure your app's DNS provider to point {} to the DNS target {target}.", domain.hostname));
    }
    Ok(())
}

/// Shows a domain.
pub(crate) fn info(context: &Context, args: &Info) -> Result<(), Error> {
    let app = context.app()?;
    let domain: Domain = app.client.get(&app.path(&["domains", &args.hostname]))?;
    if args.json {
        return output::json(&domain);
    }
    let rows = [
        ("cname:", domain.cname),
        ("created_at:", Some(domain.created_at)),
        ("hostname:", Some(domain.hostname)),
        ("id:", Some(domain.id)),
        ("kind:", Some(domain.kind)),
        ("status:", Some(domain.status)),
    ];
    output::table(&rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect::<Vec<_>>())
}

/// Takes a host name from the app.
pub(crate) fn remove(context: &Context, args: &One) -> Result<(), Error> {
    let app = context.app()?;
    let action = Action::start(&format!("Removing {} from ⬢ {}", args.hostname, app.name));
    delete(&app, &args.hostname)?;
    action.done();
    Ok(())
}

/// Takes all added host names from the app.
pub(crate) fn clear(context: &Context) -> Result<(), Error> {
    let app = context.app()?;
    let action = Action::start(&format!("Removing all domains from ⬢ {}", app.name));
    let domains: Vec<Domain> = app.client.list(&app.path(&["domains"]))?;
    domains.iter().filter(|domain| domain.kind == "custom").try_for_each(|domain| delete(&app, &domain.id))?;
    action.done();
    Ok(())
}

fn delete(app: &App, named: &str) -> Result<(), Error> {
    Ok(app.client.delete(&app.path(&["domains", named]))?)
}
