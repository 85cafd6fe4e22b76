//! PostgreSQL, with the promises that SQLite makes: one writer, and readers that see one moment.

use sqlx::{PgPool, Postgres, Transaction, migrate::Migrator, postgres::PgPoolOptions};

use crate::{db::migration_error, error::R};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How many transactions may read at the same time.
const READERS: u32 = 8;

/// The pools to read and to write from, with the tables up to date.
pub(crate) async fn open(url: &str) -> R<(PgPool, PgPool)> {
    let write = PgPoolOptions::new().max_connections(1).connect(url).await?;
    MIGRATIONS.run(&write).await.map_err(|error| migration_error(error, &MIGRATIONS))?;
    let read = PgPoolOptions::new().max_connections(READERS).connect(url).await?;
    Ok((read, write))
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
