//! Who may do what with which app: the same over HTTP and SSH.

use std::{error::Error, io};

use domain::{App, AppName};
use engine::{Actor, Permission, Refusal};

use crate::{call::Service, git::Git, places::Place};

/// Why a request is not carried out. git shows it to the person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    #[error("There is no such page here.")]
    NoSuchPage,
    #[error("This needs a token: log in with `mypaas login`, or give a token as the password.")]
    NoToken,
    #[error("Invalid credentials provided. Log in again with `mypaas login`.")]
    WrongToken,
    #[error("This key does not hold any more. `mypaas keys` lists those that do.")]
    WrongKey,
    #[error("Couldn't find that app.")]
    NoSuchApp,
    #[error("This is not a body that git sends.")]
    NotGit,
    #[error("Too many pushes and clones are under way. Try again in a minute.")]
    Busy,
    #[error("There is a problem on the platform's side. The request id is in the platform's log.")]
    Platform(#[source] Box<dyn Error + Send + Sync>),
}

/// The app, if this person may do this with it, and a place to work in.
pub(crate) async fn admit(git: &Git, actor: &Actor, app: &AppName, service: Service) -> Result<(App, Place), Denied> {
    let permission = match service {
        Service::ReceivePack => Permission::Deploy,
        Service::UploadPack => Permission::View,
    };
    let app = match git.platform.authorize(actor, app.as_str(), permission).await {
        Ok(app) => app,
        Err(Refusal::Platform(source)) => return Err(Denied::Platform(source)),
        Err(_) => return Err(Denied::NoSuchApp),
    };
    let place = git.places.take(actor.account.id).await.ok_or(Denied::Busy)?;
    Ok((app, place))
}

impl From<io::Error> for Denied {
    fn from(error: io::Error) -> Self {
        Self::Platform(error.into())
    }
}
