//! SQLite: one file, one writer, readers beside it.

use std::{path::Path, time::Duration};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    db::migration_error,
    error::{R, StoreError},
};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How many transactions may read at the same time.
const READERS: u32 = 4;

/// The pools to read and to write from, with the tables up to date.
pub(crate) async fn open(url: &str) -> R<(SqlitePool, SqlitePool)> {
    let options: SqliteConnectOptions = url.parse().map_err(|_| StoreError::Url)?;
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
    MIGRATIONS.run(&write).await.map_err(|error| migration_error(error, &MIGRATIONS))?;
    let read = SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await?;
    Ok((read, write))
}

/// Takes the write lock at once: a transaction that read first and asked later would lose to "database is locked".
pub(crate) async fn begin_write(pool: &SqlitePool) -> R<Transaction<'static, Sqlite>> {
    Ok(pool.begin_with("BEGIN IMMEDIATE").await?)
}

/// Creates the file for our eyes only; SQLite gives the write-ahead log beside it the same mode.
async fn create(path: &Path) -> std::io::Result<()> {
    tokio::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).await.map(drop)
}
