//! SQLite: one file, one writer, readers beside it.

use std::{path::Path, time::Duration};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    db::{migration_error, until},
    error::{R, StoreError},
};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How many transactions may read at the same time.
const READERS: u32 = 4;

/// The pools to read and to write from, with the tables up to date.
pub(crate) async fn open(url: &str, schema: i64) -> R<(SqlitePool, SqlitePool)> {
    let options = options(url)?;
    if options.get_filename() == Path::new(":memory:") || url.contains("mode=memory") {
        // Each connection would have a database of its own.
        return Err(StoreError::Url);
    }
    create(options.get_filename()).await.map_err(|error| StoreError::Database(sqlx::Error::Io(error)))?;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        // What was committed survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    check(&write).await?;
    let migrations = until(&MIGRATIONS, schema);
    migrations.run(&write).await.map_err(|error| migration_error(error, &migrations))?;
    let read = SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await?;
    Ok((read, write))
}

/// Takes the write lock at once: a transaction that read first and asked later would lose to "database is locked".
pub(crate) async fn begin_write(pool: &SqlitePool) -> R<Transaction<'static, Sqlite>> {
    match pool.begin_with("BEGIN IMMEDIATE").await {
        // When the disk is full, SQLite gives a transaction up by itself. The driver goes on counting it and would never
        // begin another on this connection: one that is new does.
        Err(sqlx::Error::InvalidSavePointStatement) => {
            pool.acquire().await?.close().await?;
            Ok(pool.begin_with("BEGIN IMMEDIATE").await?)
        }
        begun => Ok(begun?),
    }
}

/// Nothing is built on a damaged file: what would be written next could cost what is still whole.
async fn check(pool: &SqlitePool) -> R<()> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(pool).await?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Damaged(found)) }
}

pub(crate) fn options(url: &str) -> R<SqliteConnectOptions> {
    url.parse().map_err(|_| StoreError::Url)
}

/// The newest schema there is.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

pub(crate) fn describe(url: &str) -> R<String> {
    Ok(format!("SQLite in {}", options(url)?.get_filename().display()))
}

pub(crate) fn exists(url: &str) -> R<bool> {
    Ok(options(url)?.get_filename().exists())
}

/// Creates the file for our eyes only; SQLite gives the write-ahead log beside it the same mode.
async fn create(path: &Path) -> std::io::Result<()> {
    tokio::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).await.map(drop)
}
