//! `login --browser`: the password is typed on the server's own page.

use api_types::{Account, Authorization, BrowserLogin, BrowserLoginCreate, BrowserLoginOutcome, Secret};

use super::auth::host_name;
use crate::browser;
use crate::client::Client;
use crate::context::Context;
use crate::error::Error;
use crate::origin::Origin;
use crate::output;
use crate::tls::Trust;

/// Who has logged in, with which token, and the id of its authorization.
pub(super) struct LoggedIn {
    pub(super) email: String,
    pub(super) token: Secret,
    pub(super) authorization: String,
}

/// Shows the page's address, opens it, and waits until the person has decided.
pub(super) fn log_in(context: &Context, server: &Origin, trust: &Trust) -> Result<LoggedIn, Error> {
    let asked = BrowserLoginCreate { description: Some(format!("mypaas login from {}", host_name())) };
    let begun: BrowserLogin = Client::new(server.clone(), None, trust).post("/auth", &asked)?;
    let page = format!("{server}{}", begun.browser_url.expose());
    output::talk(&format!("Log in on this page, if it shows {}:\n{page}", begun.words));
    browser::open(context, &page);
    let outcome: BrowserLoginOutcome = Client::new(server.clone(), Some(begun.token), trust).get(begun.cli_url.expose())?;
    let token = match outcome {
        BrowserLoginOutcome { access_token: Some(token), .. } => token,
        BrowserLoginOutcome { error, .. } => return Err(Error::failed(error.unwrap_or_else(|| format!("{server} gave no token.")))),
    };
    let client = Client::new(server.clone(), Some(token.clone()), trust);
    let account: Account = client.get("/account")?;
    let authorization: Authorization = client.get("/oauth/authorizations/~")?;
    Ok(LoggedIn { email: account.email, token, authorization: authorization.id })
}
