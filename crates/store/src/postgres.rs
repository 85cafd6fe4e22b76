//! PostgreSQL, with the promises that SQLite makes: one writer, and readers that see one moment.

use sqlx::{
    PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    db::{migration_error, until},
    error::{R, StoreError},
    leadership::Role,
};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How many transactions may read at the same time.
const READERS: u32 = 8;

/// The number of the writers' lock, ours alone within this database: "mypaas" in ASCII.
pub(crate) const WRITERS: i64 = 120_368_343_900_531;

/// The pools to read and to write from, with the tables up to date. The database calls all connections by this name.
pub(crate) async fn open(url: &str, schema: i64, name: &str) -> R<(PgPool, PgPool)> {
    let options = named(url, name)?;
    let write = PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    let migrations = until(&MIGRATIONS, schema);
    migrations.run(&write).await.map_err(|error| migration_error(error, &migrations))?;
    let read = PgPoolOptions::new().max_connections(READERS).connect_with(options).await?;
    Ok((read, write))
}

/// How to connect as the process of this name.
pub(crate) fn named(url: &str, name: &str) -> R<PgConnectOptions> {
    Ok(options(url)?.application_name(name))
}

/// What is wrong with a URL is not repeated: a password may be in it.
fn options(url: &str) -> R<PgConnectOptions> {
    url.parse().map_err(|_| StoreError::Url)
}

/// The newest schema there is.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
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

/// The pool of one keeps writers of this process apart, a lock that ends with the transaction those of other processes. A leader
/// writes in its term only.
pub(crate) async fn begin_write(pool: &PgPool, role: &Role) -> R<Transaction<'static, Postgres>> {
    let term = role.term()?;
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(WRITERS).execute(&mut *tx).await?;
    // Not in one statement with the lock: it would see the term that was before the wait.
    if let Some(term) = term {
        let now: Option<i64> = sqlx::query_scalar("SELECT term FROM leadership WHERE id = 1").fetch_optional(&mut *tx).await?;
        if now != Some(term) {
            return Err(StoreError::NotLeading);
        }
    }
    Ok(tx)
}
