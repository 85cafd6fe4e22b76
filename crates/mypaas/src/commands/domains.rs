//! `domains`.

use api_types::Domain;

use crate::context::Context;
use crate::error::Error;
use crate::output;

/// Lists the domains: the app's own name, then the added ones with where their DNS records should point.
pub(crate) fn list(context: &Context) -> Result<(), Error> {
    let app = context.app()?;
    let domains: Vec<Domain> = app.client.list(&app.path(&["domains"]))?;
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
