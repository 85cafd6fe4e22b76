//! A look at a database that changes nothing in it: its tables are not brought up to date, and no key is needed.

use sqlx::{ConnectOptions, Connection, PgConnection, Row, SqliteConnection};

use crate::{
    db::Kind,
    error::{R, StoreError},
    postgres, sqlite,
};

/// What there is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// `SQLite 3.50.2`, `PostgreSQL 15.14`.
    pub program: String,
    /// The schema that the tables are at; 0 if there are none.
    pub schema: i64,
    /// The newest schema that this version knows.
    pub known: i64,
    pub apps: i64,
    /// Where the control plane that leads answers, and its term; if there ever was one.
    pub leader: Option<(String, i64)>,
}

/// Looks at the database at `url`. A damaged file is an error, as at a start.
pub async fn look(url: &str) -> R<Look> {
    match Kind::of(url)? {
        Kind::Sqlite => in_file(sqlite::options(url)?.read_only(true).connect().await?).await,
        Kind::Postgres => at_server(postgres::named(url, "mypaasd doctor")?.connect().await?).await,
    }
}

async fn in_file(mut file: SqliteConnection) -> R<Look> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut file).await?;
    if found != "ok" {
        return Err(StoreError::Damaged(found));
    }
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut file).await?;
    let mut look = Look { program: format!("SQLite {version}"), schema: 0, known: sqlite::newest(), apps: 0, leader: None };
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&mut file).await?;
    if tables.iter().any(|table| table == "_sqlx_migrations") {
        look.schema = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").fetch_one(&mut file).await?;
        look.apps = sqlx::query_scalar("SELECT COUNT(*) FROM apps").fetch_one(&mut file).await?;
    }
    file.close().await?;
    Ok(look)
}

async fn at_server(mut server: PgConnection) -> R<Look> {
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut server).await?;
    let mut look = Look { program: format!("PostgreSQL {version}"), schema: 0, known: postgres::newest(), apps: 0, leader: None };
    let there = |table: &'static str| sqlx::query_scalar::<sqlx::Postgres, bool>("SELECT to_regclass($1) IS NOT NULL").bind(table);
    if there("_sqlx_migrations").fetch_one(&mut server).await? {
        look.schema = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").fetch_one(&mut server).await?;
        look.apps = sqlx::query_scalar("SELECT COUNT(*) FROM apps").fetch_one(&mut server).await?;
    }
    if there("leadership").fetch_one(&mut server).await? {
        let row = sqlx::query("SELECT address, term FROM leadership").fetch_optional(&mut server).await?;
        look.leader = row.map(|row| Ok::<_, sqlx::Error>((row.try_get("address")?, row.try_get("term")?))).transpose()?;
    }
    server.close().await?;
    Ok(look)
}
