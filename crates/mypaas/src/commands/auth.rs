//! `login`, `logout`, `whoami`, `auth:token`.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use api_types::{Account, Authorization, AuthorizationCreate, Secret};
use clap::Args;

use super::browser_login::{self, LoggedIn};
use super::two_factor;
use crate::client::{Client, Proof, path};
use crate::client_error::ClientError;
use crate::context::Context;
use crate::error::Error;
use crate::origin::Origin;
use crate::output;
use crate::prompt;
use crate::target::TargetError;
use crate::tls::Trust;

/// What Heroku's command line asks for: 30 days, in seconds.
const EXPIRES_IN: u64 = 2_592_000;

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Trust only the certificates in this PEM file
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Email address of the account
    #[arg(long)]
    email: Option<String>,
    /// Read the password from the first line of stdin, and a code, if one is needed, from the second
    #[arg(long)]
    password_stdin: bool,
    /// Type the password on the server's own page, in a browser
    #[arg(long, conflicts_with_all = ["email", "password_stdin"])]
    browser: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Whoami {
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Trades email address and password for a token, and keeps that.
pub(crate) fn login(context: &mut Context, args: Login) -> Result<(), Error> {
    let server = context.server()?;
    if !server.is_private() {
        output::talk(&format!("Warning: the connection to {server} is not encrypted; others can read the password and the token."));
    }
    let ca = args.ca.map(|path| absolute(&path)).transpose()?.or_else(|| context.ca(&server));
    let trust = Trust::load(ca.as_deref())?;
    let LoggedIn { email, token, authorization } = match args.browser {
        true => browser_login::log_in(context, &server, &trust)?,
        false => with_password(&server, &trust, args.email, args.password_stdin)?,
    };
    let stored = context.credentials.server_mut(&server);
    stored.email = Some(email.clone());
    stored.token = Some(token);
    stored.authorization = Some(authorization);
    stored.ca = ca;
    context.credentials.current = Some(server.to_string());
    context.save()?;
    output::talk(&format!("Logged in to {server} as {email}"));
    if context.environment.token.is_some() {
        output::talk("Warning: MYPAAS_TOKEN is set and goes before this login.");
    }
    Ok(())
}

/// Asks for what was not given, and trades it for a token.
fn with_password(server: &Origin, trust: &Trust, email: Option<String>, from_stdin: bool) -> Result<LoggedIn, Error> {
    let email = match email {
        Some(email) => email,
        None => ask_email()?,
    };
    let password = if from_stdin { read_password()? } else { ask_password()? };
    let mut client = Client::new(server.clone(), None, trust);
    let request = AuthorizationCreate {
        description: Some(format!("mypaas login from {}", host_name())),
        expires_in: Some(EXPIRES_IN),
        scope: Some(vec!["global".into()]),
        client: None,
    };
    let proof = Proof::Password { email: &email, password: &password };
    let mut answer = client.post_as(&proof, "/oauth/authorizations", &request);
    if answer.as_ref().is_err_and(ClientError::wants_second_factor) {
        client = client.with_second_factor(two_factor::code(from_stdin)?);
        answer = client.post_as(&proof, "/oauth/authorizations", &request);
    }
    let authorization: Authorization = answer.map_err(refused)?;
    let Some(token) = authorization.access_token else {
        return Err(Error::failed(format!("{server} accepted the login but gave no token.")));
    };
    Ok(LoggedIn { email: authorization.user.email, token: token.token, authorization: authorization.id })
}

/// Has the server forget the token, then forgets it too.
pub(crate) fn logout(context: &mut Context) -> Result<(), Error> {
    let server = context.server()?;
    let Some(stored) = context.credentials.servers.remove(&server.to_string()) else {
        return Err(TargetError::NotLoggedIn(server).into());
    };
    let revoked = stored.token.is_some_and(|token| {
        // Not the environment's token, which is another one.
        let id = stored.authorization.as_deref().unwrap_or("~");
        let trust = Trust::load(context.environment.ca.as_deref().or(stored.ca.as_deref()));
        let deleted = trust.map(|trust| Client::new(server.clone(), Some(token), &trust).delete(&path(&["oauth", "authorizations", id])));
        match deleted {
            Ok(Ok(())) => true,
            // The server does not know it any more: that is what was wanted.
            Ok(Err(error)) => matches!(error.status(), Some(401 | 404)),
            Err(_) => false,
        }
    });
    if context.credentials.current.as_deref() == Some(&server.to_string()) {
        let mut others = context.credentials.servers.keys();
        context.credentials.current = others.next().cloned().filter(|_| others.next().is_none());
    }
    context.save()?;
    if !revoked {
        output::talk("Warning: the server could not be told; the token stays valid there until it expires.");
    }
    output::talk(&format!("Logged out of {server}"));
    Ok(())
}

/// Prints the account's email address, as the server knows it.
pub(crate) fn whoami(context: &Context, args: &Whoami) -> Result<(), Error> {
    let account: Account = context.client()?.get("/account")?;
    if args.json { output::json(&account) } else { output::line(&account.email) }
}

/// Prints the token.
pub(crate) fn token(context: &Context) -> Result<(), Error> {
    let server = context.server()?;
    let token = context.token(&server).ok_or(TargetError::NotLoggedIn(server))?;
    output::line(token.expose())
}

fn refused(error: ClientError) -> Error {
    match error.status() {
        Some(401) => Error::failed_with_hint(error.to_string(), "check the email address and the password"),
        _ => error.into(),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| Error::failed(format!("{} cannot be found: {error}.", path.display())))
}

fn ask_email() -> Result<String, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::Usage("There is no terminal to ask for the email address: name it with --email.".into()));
    }
    let _ = write!(io::stderr(), "Email: ");
    let email = prompt::line()?;
    if email.is_empty() { Err(Error::Usage("An email address is needed.".into())) } else { Ok(email) }
}

pub(super) fn ask_password() -> Result<Secret, Error> {
    rpassword::prompt_password("Password: ")
        .map(Secret::new)
        .map_err(|_| Error::Usage("There is no terminal to ask for the password: use --password-stdin.".into()))
}

pub(super) fn read_password() -> Result<Secret, Error> {
    let password = prompt::line()?;
    if password.is_empty() { Err(Error::Usage("There is no password on stdin.".into())) } else { Ok(Secret::new(password)) }
}

pub(super) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
