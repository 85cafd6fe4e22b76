//! What every command needs: the settings, the credentials, and from them a client.

use std::path::PathBuf;

use api_types::Secret;

use crate::client::Client;
use crate::credentials::{self, Credentials, StoredServer};
use crate::environment::Environment;
use crate::error::Error;
use crate::git_remote;
use crate::origin::Origin;
use crate::target::{self, Asked, KnownServer, TargetError};
use crate::tls::Trust;

/// The settings of one call of the program.
pub(crate) struct Context {
    pub(crate) environment: Environment,
    pub(crate) credentials: Credentials,
    asked: Asked,
    /// `--server`.
    asked_server: Option<String>,
}

/// An app and the client of its server.
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) client: Client,
}

impl App {
    /// The path of something of this app's: `path(&["dynos"])` is `/apps/shop/dynos`.
    pub(crate) fn path(&self, parts: &[&str]) -> String {
        crate::client::path(&["apps", &self.name]) + &crate::client::path(parts)
    }
}

impl Context {
    /// Reads settings and credentials.
    pub(crate) fn read(app: Option<String>, remote: Option<String>, server: Option<String>) -> Result<Self, Error> {
        let environment = Environment::read();
        let credentials = match credentials::path(&environment) {
            Ok(path) => Credentials::load(&path)?,
            // Without a home the environment may still say everything.
            Err(_) => Credentials::default(),
        };
        let app = app.or_else(|| environment.app.clone());
        Ok(Self { environment, credentials, asked: Asked { app, remote }, asked_server: server })
    }

    /// Writes the credentials back.
    pub(crate) fn save(&self) -> Result<(), Error> {
        Ok(self.credentials.save(&credentials::path(&self.environment)?)?)
    }

    /// The name that was given with `-r`, or the usual one.
    pub(crate) fn remote_name(&self) -> &str {
        self.asked.remote.as_deref().unwrap_or(target::REMOTE)
    }

    /// The name that was given with `-a`.
    pub(crate) fn asked_app(&self) -> Option<&str> {
        self.asked.app.as_deref()
    }

    /// The server that `--server` names, or else the environment.
    pub(crate) fn environment_server(&self) -> Result<Option<Origin>, Error> {
        match self.asked_server.as_ref().or(self.environment.server.as_ref()) {
            Some(server) => Ok(Some(server.parse()?)),
            None if self.environment.token.is_some() => Err(TargetError::TokenWithoutServer.into()),
            None => Ok(None),
        }
    }

    /// The server of a command that is not about one app: that of the environment, of the repository, or the current one.
    pub(crate) fn server(&self) -> Result<Origin, Error> {
        if let Some(server) = self.environment_server()? {
            return Ok(server);
        }
        let of_repository = || target::choose(&self.unnamed(), git_remote::remotes, &self.known().ok()?).ok()?.server;
        Ok(of_repository().or_else(|| self.credentials.current()).ok_or(TargetError::NoServer)?)
    }

    /// The client of a command that is not about one app.
    pub(crate) fn client(&self) -> Result<Client, Error> {
        self.client_of(self.server()?)
    }

    /// The app a command is about.
    pub(crate) fn app(&self) -> Result<App, Error> {
        let found = target::choose(&self.asked, git_remote::remotes, &self.known()?)?;
        let server = match (self.environment_server()?, found.server) {
            (Some(server), _) | (None, Some(server)) => server,
            (None, None) => self.credentials.current().ok_or(TargetError::NoServer)?,
        };
        Ok(App { name: found.app, client: self.client_of(server)? })
    }

    /// The app of a command that may name it as an argument.
    pub(crate) fn app_or(&self, name: Option<&str>) -> Result<App, Error> {
        match name {
            Some(name) => Ok(App { name: name.to_owned(), client: self.client()? }),
            None => self.app(),
        }
    }

    /// The app that is named, for a command that is to change the remotes and so cannot go by them.
    pub(crate) fn app_named(&self) -> Result<App, Error> {
        let Some(name) = self.asked_app() else {
            return Err(Error::Usage("Name the app with -a APP.".into()));
        };
        Ok(App { name: name.to_owned(), client: self.client()? })
    }

    /// The server that git URLs of this origin belong to: the environment's or any that is logged in to.
    pub(crate) fn server_of_git(&self, git: &Origin) -> Option<Origin> {
        let named = self.environment.server.as_deref().and_then(|named| named.parse().ok());
        let stored = self.credentials.servers.keys().filter_map(|server| server.parse::<Origin>().ok());
        named.into_iter().chain(stored).find(|server| {
            let git_origin = self.credentials.server(server).and_then(|stored| stored.git.as_deref()?.parse::<Origin>().ok());
            server == git || git_origin.as_ref() == Some(git)
        })
    }

    /// A client that proves who one is to `server`.
    pub(crate) fn client_of(&self, server: Origin) -> Result<Client, Error> {
        let token = self.token(&server).ok_or_else(|| TargetError::NotLoggedIn(server.clone()))?;
        let trust = self.trust(&server)?;
        let stored = self.credentials.server(&server).and_then(|stored| stored.token.as_ref());
        let from_environment = stored.is_none_or(|stored| stored.expose() != token.expose());
        Ok(Client::new(server, Some(token), &trust).with_environments_token(from_environment))
    }

    /// The token for `server`. That of the environment is for the environment's server only.
    pub(crate) fn token(&self, server: &Origin) -> Option<Secret> {
        let named = self.environment.server.as_deref().and_then(|named| named.parse::<Origin>().ok());
        if named.as_ref() == Some(server) && self.environment.token.is_some() {
            return self.environment.token.clone();
        }
        self.credentials.server(server)?.token.clone()
    }

    /// The CA file for `server`.
    pub(crate) fn ca(&self, server: &Origin) -> Option<PathBuf> {
        self.environment.ca.clone().or_else(|| self.credentials.server(server)?.ca.clone())
    }

    /// Whom to trust when talking to `server`.
    pub(crate) fn trust(&self, server: &Origin) -> Result<Trust, Error> {
        Ok(Trust::load(self.ca(server).as_deref())?)
    }

    /// The servers whose git URLs are recognised. When the environment names one, the others do not count.
    pub(crate) fn known(&self) -> Result<Vec<KnownServer>, Error> {
        let known = |origin: Origin, stored: Option<&StoredServer>| KnownServer {
            origin,
            git: stored.and_then(|stored| stored.git.as_deref()?.parse().ok()),
            ssh: stored.and_then(|stored| stored.ssh.clone()),
        };
        if let Some(origin) = self.environment_server()? {
            let stored = self.credentials.server(&origin);
            return Ok(vec![known(origin, stored)]);
        }
        let servers = self.credentials.servers.iter();
        Ok(servers.filter_map(|(origin, stored)| Some(known(origin.parse().ok()?, Some(stored)))).collect())
    }

    fn unnamed(&self) -> Asked {
        Asked { app: None, remote: self.asked.remote.clone() }
    }
}
