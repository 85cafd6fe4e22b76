//! `mypaas/credentials.toml`: the servers one is logged in to.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use api_types::Secret;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::origin::Origin;

/// The file's content. Servers are keyed by their origin.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The server of commands that nothing else points to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    #[serde(default)]
    pub(crate) servers: BTreeMap<String, StoredServer>,
}

/// What is known of one server.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredServer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Secret>,
    /// The id of the authorization the token belongs to, for `logout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorization: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// The origin of its git URLs, where that is not the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) git: Option<String>,
    /// Where its git URLs lead over SSH: `git.example.com:2222`. Known once a remote was set to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ssh: Option<String>,
}

/// Why the credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    #[error("There is no place to keep credentials: neither HOME nor XDG_CONFIG_HOME is set.")]
    NoHome,
    #[error("{} cannot be read: {error}.", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    // The parser's own message would show the line, and with it perhaps the token.
    #[error("{} is not a credentials file.", path.display())]
    Malformed { path: PathBuf },
    #[error("{} cannot be written: {error}.", path.display())]
    Unwritable { path: PathBuf, error: io::Error },
}

/// Where the file is.
pub(crate) fn path(environment: &Environment) -> Result<PathBuf, CredentialsError> {
    let home = environment.config_home.as_ref().ok_or(CredentialsError::NoHome)?;
    Ok(home.join("mypaas").join("credentials.toml"))
}

impl Credentials {
    /// Reads the file; one that is not there is an empty one.
    pub(crate) fn load(path: &Path) -> Result<Self, CredentialsError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(CredentialsError::Unreadable { path: path.to_owned(), error }),
        };
        toml::from_str(&text).map_err(|_| CredentialsError::Malformed { path: path.to_owned() })
    }

    /// Writes the file in one step, readable by its owner only (0600 in a 0700 folder).
    pub(crate) fn save(&self, path: &Path) -> Result<(), CredentialsError> {
        self.write(path).map_err(|error| CredentialsError::Unwritable { path: path.to_owned(), error })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let folder = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        // A name of this process's own: two logins at once must not write into each other's file.
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    }

    /// What is known of `server`.
    pub(crate) fn server(&self, server: &Origin) -> Option<&StoredServer> {
        self.servers.get(&server.to_string())
    }

    /// What is known of `server`, to be changed.
    pub(crate) fn server_mut(&mut self, server: &Origin) -> &mut StoredServer {
        self.servers.entry(server.to_string()).or_default()
    }

    /// The current server, when there is one and its address is one.
    pub(crate) fn current(&self) -> Option<Origin> {
        self.current.as_deref()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn several_servers_survive_the_file_which_only_its_owner_can_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("mypaas/credentials.toml");
        assert_eq!(Credentials::load(&path).unwrap(), Credentials::default());

        let mut credentials = Credentials::default();
        let one = credentials.server_mut(&origin("https://one.example.com"));
        one.token = Some(Secret::new("t1"));
        one.ca = Some("/etc/ca.pem".into());
        credentials.server_mut(&origin("http://127.0.0.1:5000")).email = Some("me@example.com".into());
        credentials.current = Some("https://one.example.com".into());
        credentials.save(&path).unwrap();
        credentials.save(&path).unwrap();

        assert_eq!(Credentials::load(&path).unwrap(), credentials);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_broken_file_is_an_error_that_does_not_show_its_content() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("credentials.toml");
        fs::write(&path, "token = opensesame").unwrap();
        let error = Credentials::load(&path).unwrap_err().to_string();
        assert!(error.ends_with("is not a credentials file."), "{error}");
    }
}
