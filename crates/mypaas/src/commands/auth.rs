//! `login`, `logout`, `whoami`, `auth:token`.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use api_types::{Account, Authorization, AuthorizationCreate, Secret};
use clap::Args;

use crate::client::{Client, Proof, path};
use crate::client_error::ClientError;
use crate::context::Context;
use crate::error::Error;
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
    /// Read the password from the first line of stdin
    #[arg(long)]
    password_stdin: bool,
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
    let email = match args.email {
        Some(email) => email,
        None => ask_email()?,
    };
    let password = if args.password_stdin { read_password()? } else { ask_password()? };

    let client = Client::new(server.clone(), None, &trust);
    let request = AuthorizationCreate {
        description: Some(format!("mypaas login from {}", host_name())),
        expires_in: Some(EXPIRES_IN),
        scope: Some(vec!["global".into()]),
        client: None,
    };
    let proof = Proof::Password { email: &email, password: &password };
    let authorization: Authorization = client.post_as(&proof, "/oauth/authorizations", &request).map_err(refused)?;
    let Some(token) = authorization.access_token else {
        return Err(Error::failed(format!("{server} accepted the login but gave no token.")));
    };

    let stored = context.credentials.server_mut(&server);
    stored.email = Some(authorization.user.email.clone());
    stored.token = Some(token.token);
    stored.authorization = Some(authorization.id);
    stored.ca = ca;
    context.credentials.current = Some(server.to_string());
    context.save()?;
    output::talk(&format!("Logged in to {server} as {}", authorization.user.email));
    if context.environment.token.is_some() {
        output::talk("Warning: MYPAAS_TOKEN is set and goes before this login.");
    }
    Ok(())
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

fn ask_password() -> Result<Secret, Error> {
    rpassword::prompt_password("Password: ")
        .map(Secret::new)
        .map_err(|_| Error::Usage("There is no terminal to ask for the password: use --password-stdin.".into()))
}

fn read_password() -> Result<Secret, Error> {
    let password = prompt::line()?;
    if password.is_empty() { Err(Error::Usage("There is no password on stdin.".into())) } else { Ok(Secret::new(password)) }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
