//! Which database, and the commands about it. A password is never an argument: arguments are for everybody to read.

use std::{fmt, str::FromStr, sync::Arc};

use anyhow::{Context, bail};
use ports::Chance;
use serde::Deserialize;
use store::Db;

use crate::{config::Config, keys};

/// The address of a database. Shown without what is secret in it.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub(crate) struct DatabaseUrl(String);

impl DatabaseUrl {
    /// SQLite's file in the data folder.
    pub(crate) fn in_home(home: &std::path::Path) -> Self {
        Self::sqlite(&home.join("mypaas.db"))
    }

    /// SQLite's file at a path.
    pub(crate) fn sqlite(path: &std::path::Path) -> Self {
        Self(format!("sqlite://{}", path.display()))
    }

    /// Whether there is anything, as far as can be told without connecting.
    pub(crate) fn is_there(&self) -> anyhow::Result<bool> {
        Ok(store::exists(&self.0)?)
    }

    /// A look that changes nothing.
    pub(crate) async fn look(&self) -> Result<store::Look, store::StoreError> {
        store::look(&self.0).await
    }

    pub(crate) fn check(&self) -> anyhow::Result<()> {
        store::describe(&self.0).map(drop).context("database.url")
    }

    /// Whether several control planes may work on it.
    pub(crate) fn may_be_shared(&self) -> anyhow::Result<bool> {
        Ok(store::may_be_shared(&self.0)?)
    }

    /// Whether whoever reads the URL knows the password.
    pub(crate) fn tells_password(&self) -> bool {
        let user = self.0.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'));
        !self.0.starts_with("sqlite:") && (user || self.0.contains("password"))
    }

    pub(crate) async fn open(&self, config: &Config, chance: &Arc<Chance>) -> anyhow::Result<Db> {
        // A new key would be made, with which nothing of what is there can be read.
        if self.0.starts_with("sqlite:") && self.is_there()? && !keys::has_seal_key(&config.home) {
            bail!("{self} is there, but the key to it is not: put keys/seal.key back into {}, from a backup", config.home.display());
        }
        let keys = keys::seal_keys(&config.home, chance)?;
        Db::open(&self.0, keys, chance.clone()).await.with_context(|| format!("the database could not be opened ({self})"))
    }
}

impl FromStr for DatabaseUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&store::describe(&self.0).unwrap_or_else(|_| "no database's address".to_owned()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `mypaasd migrate`.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let db = crate::wire::open_store(config, &Arc::new(Chance::from_os())).await?;
    let schema = db.read().await?.schema().await?;
    db.close().await;
    eprintln!("{} is up to date (schema {schema})", config.database_url());
    Ok(())
}

/// `mypaasd store:copy`.
pub(crate) async fn copy(config: &Config, from: &str, to: &str) -> anyhow::Result<()> {
    let (from, to) = (named(config, from)?, named(config, to)?);
    if from == to {
        bail!("{from} is not copied onto itself");
    }
    if !store::exists(&from.0)? {
        bail!("there is nothing to copy: {from}");
    }
    crate::wire::folders(config)?;
    // What a running platform writes after the copy would be missing from it.
    let _lock = keys::lock(&config.home).context("stop mypaasd first; dynos keep running meanwhile")?;
    let chance = Arc::new(Chance::from_os());
    let (source, target) = (from.open(config, &chance).await?, to.open(config, &chance).await?);
    let copied = source.copy_to(&target).await.with_context(|| format!("{from} was not copied to {to}"))?;
    source.close().await;
    target.close().await;
    for (table, rows) in &copied {
        eprintln!("{rows:>9}  {table}");
    }
    eprintln!("Copied {from} to {to}; every row was read back and is the same. {from} is as it was.");
    Ok(())
}

/// A database that an argument names: by its URL without a password, or as what is configured.
fn named(config: &Config, argument: &str) -> anyhow::Result<DatabaseUrl> {
    if argument == "configured" {
        return Ok(config.database_url());
    }
    let url = DatabaseUrl(argument.to_owned());
    if url.tells_password() {
        bail!("a password must not be an argument, where every user of the machine can read it: put it into ~/.pgpass, or name the database `configured`");
    }
    url.check()?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_nowhere() {
        for url in [
            "postgres://mypaas:hunter2@db.internal/platform",
            "postgres://mypaas:hun%2Fter2@db.internal:5433/platform?sslmode=disable",
            "postgres:///platform?host=/run/postgresql&user=mypaas&password=hunter2",
            "postgres://mypaas:hunter2@[::bad/platform",
            "mysql://mypaas:hunter2@db/platform",
            "postgres://mypaas:hunter2/3@db/platform",
        ] {
            let url = DatabaseUrl(url.to_owned());
            let shown = format!("{url} {url:?} {:?}", url.check().err());
            assert!(!shown.contains("hunter2") && !shown.contains("ter2"), "{shown}");
            let config = Config { database: crate::config::Database { url: Some(url.clone()) }, ..Config::default() };
            let shown = format!("{config:?} {}", config.describe());
            assert!(!shown.contains("ter2"), "{shown}");
            assert!(url.tells_password());
            let refused = named(&config, &url.0).unwrap_err().to_string();
            assert!(refused.starts_with("a password must not be an argument") && !refused.contains("ter2"), "{refused}");
        }
        assert_eq!(
            DatabaseUrl("postgres://mypaas:hunter2@db.internal/platform".to_owned()).to_string(),
            "PostgreSQL at db.internal:5432, database platform as mypaas"
        );
    }

    #[test]
    fn a_database_is_named_by_url_or_as_what_is_configured() {
        let config = Config { home: "/srv/mypaas".into(), ..Config::default() };
        assert_eq!(named(&config, "configured").unwrap().to_string(), "SQLite in /srv/mypaas/mypaas.db");
        assert_eq!(named(&config, "postgres://mypaas@db:5433/platform").unwrap().to_string(), "PostgreSQL at db:5433, database platform as mypaas");
        assert!(named(&config, "mypaas.db").is_err());
    }

    #[tokio::test]
    async fn a_running_platform_is_not_copied_and_a_stopped_one_is() {
        let home = tempfile::tempdir().unwrap();
        let config = Config { home: home.path().to_owned(), ..Config::default() };
        let elsewhere = format!("sqlite://{}", home.path().join("copy.db").display());
        let nothing = copy(&config, "configured", &elsewhere).await.unwrap_err().to_string();
        assert!(nothing.starts_with("there is nothing to copy: SQLite in "), "{nothing}");
        assert!(!home.path().join("mypaas.db").exists(), "nor is it made");
        crate::wire::folders(&config).unwrap();
        migrate(&config).await.unwrap();
        let lock = keys::lock(home.path()).unwrap();
        let running = format!("{:#}", copy(&config, "configured", &elsewhere).await.unwrap_err());
        assert!(running.starts_with("stop mypaasd first; dynos keep running meanwhile: another mypaasd is running"), "{running}");
        drop(lock);
        copy(&config, "configured", &elsewhere).await.unwrap();
        copy(&config, "configured", "configured").await.unwrap_err();
    }
}
