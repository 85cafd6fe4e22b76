//! A database and its transactions, whichever of the two it is.

use std::sync::Arc;

use ports::chance::Chance;
use sqlx::{
    AssertSqlSafe, PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    migrate::{MigrateError, Migrator},
};

use crate::{
    error::{R, StoreError},
    leadership::{Candidate, Role},
    postgres,
    seal::{Keys, Sealer},
    sqlite,
    statement::Statement,
};

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    sealer: Arc<Sealer>,
    role: Arc<Role>,
}

#[derive(Clone)]
enum Pools {
    Sqlite { read: SqlitePool, write: SqlitePool },
    Postgres { read: PgPool, write: PgPool, url: Arc<str>, name: Arc<str> },
}

/// A transaction. Dropped without [`Tx::commit`], it leaves no trace.
pub struct Tx {
    driver: Driver,
    pub(crate) sealer: Arc<Sealer>,
}

enum Driver {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Db {
    /// Opens the database at `url` (`sqlite:///var/lib/mypaas/mypaas.db`, created if missing; `postgres://…`) and brings
    /// its tables up to date. `keys` seal what is secret in it; `chance` draws the nonces.
    pub async fn open(url: &str, keys: impl Into<Keys>, chance: Arc<Chance>) -> R<Self> {
        Self::open_at(url, i64::MAX, keys, chance).await
    }

    /// Opens the database as a version of the platform would that knows the schemas until this one.
    pub(crate) async fn open_at(url: &str, schema: i64, keys: impl Into<Keys>, chance: Arc<Chance>) -> R<Self> {
        let pools = match Kind::of(url)? {
            Kind::Sqlite => {
                let (read, write) = sqlite::open(url, schema).await?;
                Pools::Sqlite { read, write }
            }
            Kind::Postgres => {
                let name: Arc<str> = format!("mypaasd {}", &chance.secret()[..16]).into();
                let (read, write) = postgres::open(url, schema, &name).await?;
                Pools::Postgres { read, write, url: url.into(), name }
            }
        };
        Ok(Self { pools, sealer: Arc::new(Sealer::new(keys, chance)), role: Role::alone() })
    }

    /// A transaction that only reads, and sees one moment throughout.
    pub async fn read(&self) -> R<Tx> {
        let driver = match &self.pools {
            Pools::Sqlite { read, .. } => Driver::Sqlite(read.begin().await?),
            Pools::Postgres { read, .. } => Driver::Postgres(postgres::begin_read(read).await?),
        };
        Ok(self.tx(driver))
    }

    /// A transaction that may write. It waits for the one before it: between its reads and its writes nothing changes.
    pub async fn write(&self) -> R<Tx> {
        let driver = match &self.pools {
            Pools::Sqlite { write, .. } => Driver::Sqlite(sqlite::begin_write(write).await?),
            Pools::Postgres { write, .. } => Driver::Postgres(postgres::begin_write(write, &self.role).await?),
        };
        Ok(self.tx(driver))
    }

    /// From now on this writes only while it leads. `None` on SQLite, where there can be only one control plane. `address`: where
    /// people reach this one; `keys`: what must be the same on all that share the database. Kept in it, so no secret.
    pub fn candidate(&self, address: String, keys: String) -> R<Option<Candidate>> {
        let Pools::Postgres { url, name, .. } = &self.pools else { return Ok(None) };
        let options = postgres::named(url, name)?;
        Ok(Some(Candidate::new(options, name.to_string(), Arc::clone(&self.role), address, keys)))
    }

    /// Where the control plane that leads answers, as last seen.
    pub fn leader(&self) -> Option<String> {
        self.role.leader()
    }

    /// Waits for open transactions and lets go of the database.
    pub async fn close(&self) {
        match &self.pools {
            // The writer goes last: SQLite then folds the write-ahead log into the file.
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    /// Seals what a secret link of this kind carries.
    pub fn seal_link(&self, kind: &str, plain: &[u8]) -> Vec<u8> {
        self.sealer.seal_link(kind, plain)
    }

    /// Opens what [`Self::seal_link`] sealed for this kind of link; `None` for what somebody made up.
    pub fn open_link(&self, kind: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.sealer.open_link(kind, sealed)
    }

    fn tx(&self, driver: Driver) -> Tx {
        Tx { driver, sealer: Arc::clone(&self.sealer) }
    }
}

/// Which of the two a URL is about.
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) fn of(url: &str) -> R<Self> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres),
            _ => Err(StoreError::Url),
        }
    }
}

/// The database at `url` in words for a person: without password, whatever else is wrong with it.
pub fn describe(url: &str) -> R<String> {
    match Kind::of(url)? {
        Kind::Sqlite => sqlite::describe(url),
        Kind::Postgres => postgres::describe(url),
    }
}

/// Whether several control planes may work on the database at `url`.
pub fn may_be_shared(url: &str) -> R<bool> {
    Ok(matches!(Kind::of(url)?, Kind::Postgres))
}

/// Whether there is anything at `url` to open, as far as can be told without connecting.
pub fn exists(url: &str) -> R<bool> {
    match Kind::of(url)? {
        Kind::Sqlite => sqlite::exists(url),
        Kind::Postgres => Ok(true),
    }
}

impl Tx {
    /// Makes everything done in this transaction last.
    pub async fn commit(self) -> R<()> {
        match self.driver {
            Driver::Sqlite(tx) => tx.commit().await?,
            Driver::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// A statement in the SQL that both databases speak. A literal, so that no value is ever pasted into it.
    pub(crate) fn sql(&mut self, text: &'static str) -> Statement<'_> {
        match &mut self.driver {
            Driver::Sqlite(tx) => Statement::Sqlite(sqlx::query(text), tx),
            Driver::Postgres(tx) => Statement::Postgres(sqlx::query(text), tx),
        }
    }
}

impl Tx {
    /// The schema that the tables are at: the number of the newest migration.
    pub async fn schema(&mut self) -> R<i64> {
        Ok(self.sql("SELECT MAX(version) AS version FROM _sqlx_migrations").optional(|row| row.get("version")).await?.unwrap_or(0))
    }

    /// A statement of each database's own, about its own tables.
    pub(crate) fn sql_of(&mut self, sqlite: &'static str, postgres: &'static str) -> Statement<'_> {
        match &self.driver {
            Driver::Sqlite(_) => self.sql(sqlite),
            Driver::Postgres(_) => self.sql(postgres),
        }
    }

    /// A statement made of the tables' own names, and of nothing else.
    pub(crate) fn made_sql(&mut self, text: String) -> Statement<'_> {
        match &mut self.driver {
            Driver::Sqlite(tx) => Statement::Sqlite(sqlx::query(AssertSqlSafe(text)), tx),
            Driver::Postgres(tx) => Statement::Postgres(sqlx::query(AssertSqlSafe(text)), tx),
        }
    }
}

/// The schemas until this one.
pub(crate) fn until(migrator: &Migrator, schema: i64) -> Migrator {
    Migrator::with_migrations(migrator.iter().filter(|migration| migration.version <= schema).cloned().collect())
}

/// What a failed migration means.
pub(crate) fn migration_error(error: MigrateError, migrator: &Migrator) -> StoreError {
    let known = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    match error {
        MigrateError::VersionMissing(found) if found > known => StoreError::NewerSchema { found, known },
        error => StoreError::Migrate(error),
    }
}
