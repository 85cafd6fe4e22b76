//! `keys` and its kin: the SSH keys one pushes with.

use std::fs;
use std::path::{Path, PathBuf};

use api_types::{Key, KeyCreate};
use clap::Args;

use crate::client::{self, Client};
use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print the keys whole
    #[arg(short, long)]
    long: bool,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Public key file; one of those in ~/.ssh when none is named
    file: Option<PathBuf>,
    /// Ask nothing; there is nothing asked anyway
    #[arg(short, long, hide = true)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Comment (me@laptop), fingerprint (SHA256:...) or id of the key
    key: String,
}

/// What ssh itself looks for, best first.
const USUAL: [&str; 3] = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"];
/// No public key is longer, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Lists the keys.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let keys = all(&context.client()?)?;
    if args.json {
        return output::json(&keys);
    }
    let Some(first) = keys.first() else {
        output::talk("You have no SSH keys.");
        return Ok(());
    };
    output::heading(&format!("{} keys", first.email))?;
    if args.long {
        return keys.iter().try_for_each(|key| output::line(&key.public_key));
    }
    let row = |key: &Key| vec![key.public_key.split(' ').next().unwrap_or_default().to_owned(), key.fingerprint.clone(), key.comment.clone()];
    output::table(&keys.iter().map(row).collect::<Vec<_>>())
}

/// Adds a key.
pub(crate) fn add(context: &Context, args: &Add) -> Result<(), Error> {
    let client = context.client()?;
    let file = match &args.file {
        Some(file) => file.clone(),
        None => usual(context)?,
    };
    let public_key = read(&file)?;
    let action = Action::start(&format!("Uploading {} SSH key", file.display()));
    let _: Key = client.post("/account/keys", &KeyCreate { public_key: public_key.into() })?;
    action.done();
    Ok(())
}

/// Removes the keys of this comment, or the one of this fingerprint or id.
pub(crate) fn remove(context: &Context, args: &Remove) -> Result<(), Error> {
    let client = context.client()?;
    let keys = all(&client)?;
    let wanted: Vec<_> = keys.iter().filter(|key| key.comment == args.key || key.fingerprint == args.key || key.id == args.key).collect();
    if wanted.is_empty() {
        let known: Vec<_> = keys.iter().map(|key| if key.comment.is_empty() { &key.fingerprint } else { &key.comment }.as_str()).collect();
        return Err(Error::failed(match known.is_empty() {
            true => "You have no SSH keys.".to_owned(),
            false => format!("SSH key {} not found. Found keys: {}.", args.key, known.join(", ")),
        }));
    }
    let action = Action::start(&format!("Removing {} SSH key", args.key));
    wanted.into_iter().try_for_each(|key| delete(&client, key))?;
    action.done();
    Ok(())
}

/// Removes all keys.
pub(crate) fn clear(context: &Context) -> Result<(), Error> {
    let client = context.client()?;
    let action = Action::start("Removing all SSH keys");
    all(&client)?.iter().try_for_each(|key| delete(&client, key))?;
    action.done();
    Ok(())
}

fn all(client: &Client) -> Result<Vec<Key>, Error> {
    Ok(client.list("/account/keys")?)
}

fn delete(client: &Client, key: &Key) -> Result<(), Error> {
    Ok(client.delete(&client::path(&["account", "keys", &key.id]))?)
}

fn usual(context: &Context) -> Result<PathBuf, Error> {
    let folder = context.environment.home.as_ref().map(|home| home.join(".ssh"));
    let found = folder.and_then(|folder| USUAL.iter().map(|name| folder.join(name)).find(|file| file.is_file()));
    found.ok_or_else(|| Error::failed_with_hint("There is no SSH key in ~/.ssh.".to_owned(), "`ssh-keygen -t ed25519` makes one; or name a file".to_owned()))
}

/// The file's text. A private key is not even sent.
fn read(file: &Path) -> Result<String, Error> {
    let cannot = |why: String| Error::failed(format!("{} cannot be read: {why}.", file.display()));
    let size = fs::metadata(file).map_err(|error| cannot(error.to_string()))?.len();
    if size > LONGEST {
        return Err(cannot("it is too large for a key".to_owned()));
    }
    let text = fs::read_to_string(file).map_err(|error| cannot(error.to_string()))?;
    if text.contains("PRIVATE KEY") {
        return Err(Error::failed_with_hint(
            format!("{} is a private key; it was not sent.", file.display()),
            "name the public one, which ends in .pub".to_owned(),
        ));
    }
    Ok(text)
}
