//! PostgreSQL, with the promises that SQLite makes: one writer, and readers that see one moment.

use sqlx::{
    PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    db::{migration_error, until},
    error::{R, StoreError},
};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How many transactions may read at the same time.
const READERS: u32 = 8;

/// The pools to read and to write from, with the tables up to date.
pub(crate) async fn open(url: &str, schema: i64) -> R<(PgPool, PgPool)> {
    let options = options(url)?;
    let write = PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    let migrations = until(&MIGRATIONS, schema);
    migrations.run(&write).await.map_err(|error| migration_error(error, &migrations))?;
    let read = PgPoolOptions::new().max_connections(READERS).connect_with(options).await?;
    Ok((read, write))
}

/// What is wrong with a URL is not repeated: a password may be in it.
fn options(url: &str) -> R<PgConnectOptions> {
    url.parse().map_err(|_| StoreError::Url)
}

pub(crate) fn describe(url: &str) -> R<String> {
    let options = options(url)?;
    let place = options.get_socket().map_or_else(|| format!("{}:{}", options.get_host(), options.get_port()), |socket| socket.display().to_string());
    Ok(format!("PostgreSQL at {place}, database {} as {}", options.get_database().unwrap_or(options.get_username()), options.get_username()))
}

/// All statements see the database as it was at the first.
pub(crate) async fn begin_read(pool: &PgPool) -> R<Transaction<'static, Postgres>> {
    Ok(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}

/// The pool of one keeps writers of this process apart, a lock that ends with the transaction those of other processes.
pub(crate) async fn begin_write(pool: &PgPool) -> R<Transaction<'static, Postgres>> {
    let mut tx = pool.begin().await?;
    // The number is ours alone within this database: "mypaas" in ASCII.
    sqlx::query("SELECT pg_advisory_xact_lock(120368343900531)").execute(&mut *tx).await?;
    Ok(tx)
}
