//! What can go wrong with the store, told apart by what a caller does about it.

use sqlx::{error::ErrorKind, migrate::MigrateError};

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody has it already. The constraint is named after its columns: `apps.name`.
    #[error("{constraint} is already taken")]
    Unique { constraint: String },
    /// A record names an account, app or slug that is not there (any more).
    #[error("The record refers to something that does not exist")]
    ForeignKey,
    /// Somebody else has been writing for too long. Trying again is right.
    #[error("The database is busy; try again in a moment")]
    Busy,
    /// What was read is not what was written: a damaged file, a foreign hand, or the wrong key. Never carries a secret.
    #[error("The database holds something that cannot be read: {0}")]
    Corrupt(String),
    /// The file itself is broken. Opened no further, so that nothing gets worse.
    #[error("The database file is damaged ({0}); stop mypaasd and put a backup in its place")]
    Damaged(String),
    /// Nothing of the transaction happened.
    #[error("There is no room left on the database's disk; nothing was changed")]
    Full,
    /// Nothing of the transaction happened.
    #[error("The database can only be read: its disk or its file is read-only; nothing was changed")]
    ReadOnly,
    /// What is copied to must hold nothing yet.
    #[error("The database that is copied to already holds something, in table {table}; an empty one is needed")]
    NotEmpty { table: String },
    /// A newer release of the platform has been here; an older one must not guess what its tables mean.
    #[error("The database was written by a newer mypaas (schema {found}; this one knows {known}); run that version or a later one")]
    NewerSchema { found: i64, known: i64 },
    /// One of several control planes, and not the one that leads; or one that led and was taken the place of meanwhile. Nothing
    /// of the transaction happened.
    #[error("Another control plane leads; nothing was changed")]
    NotLeading,
    /// A control plane with keys of its own would read nothing of what the others have sealed, and not know their dynos.
    #[error("The control plane at {address} leads on this database with other keys; its keys/ must be copied here before this one can stand by")]
    OtherKeys { address: String },
    /// The database gave no answer in time.
    #[error("The database does not answer")]
    Silent,
    /// Not an address of a database that we speak.
    #[error("The database URL must start with sqlite: (a file) or postgres:")]
    Url,
    #[error("The database could not be brought up to date: {0}")]
    Migrate(#[source] MigrateError),
    /// Everything else: a full disk, a lost connection, a broken rule of a table.
    #[error("The database failed: {0}")]
    Database(#[source] sqlx::Error),
}

/// What every function of the store returns.
pub type R<T> = Result<T, StoreError>;

impl StoreError {
    /// Whether this is about these columns being taken: `apps.name`, `accounts.email`.
    pub fn is_taken(&self, columns: &str) -> bool {
        matches!(self, Self::Unique { constraint } if constraint == columns)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::ColumnDecode { index, source } => Self::Corrupt(format!("column {index}: {source}")),
            sqlx::Error::Database(database) => match database.kind() {
                // PostgreSQL names the constraint, SQLite the columns; our constraints are named as SQLite puts it.
                ErrorKind::UniqueViolation => {
                    let told = database.message().strip_prefix("UNIQUE constraint failed: ");
                    Self::Unique { constraint: database.constraint().or(told).unwrap_or("the record").to_owned() }
                }
                ErrorKind::ForeignKeyViolation => Self::ForeignKey,
                _ => match database.code().as_deref() {
                    Some(code) if is_busy(code) => Self::Busy,
                    Some("53100") => Self::Full,
                    Some("25006") => Self::ReadOnly,
                    Some(code) => match sqlite_code(code) {
                        Some(8) => Self::ReadOnly,
                        Some(11 | 26) => Self::Damaged(database.message().to_owned()),
                        Some(13) => Self::Full,
                        _ => Self::Database(error),
                    },
                    None => Self::Database(error),
                },
            },
            _ => Self::Database(error),
        }
    }
}

/// SQLite: BUSY (5), LOCKED (6) and what they are extended to. PostgreSQL: serialization failure, deadlock, lock timeout.
fn is_busy(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03") || matches!(sqlite_code(code), Some(5 | 6))
}

/// SQLite's code without what it is extended to; PostgreSQL's have five places.
fn sqlite_code(code: &str) -> Option<u32> {
    (code.len() < 5).then(|| code.parse::<u32>().ok()).flatten().map(|code| code & 0xff)
}

#[cfg(test)]
mod tests {
    use super::is_busy;

    #[test]
    fn busy_is_told_from_broken() {
        // SQLite: BUSY, BUSY_SNAPSHOT, LOCKED_SHAREDCACHE. PostgreSQL: serialization failure, deadlock, lock timeout.
        for busy in ["5", "517", "262", "40001", "40P01", "55P03"] {
            assert!(is_busy(busy), "{busy}");
        }
        // SQLite: ERROR, READONLY, CORRUPT, FULL, CONSTRAINT_CHECK. PostgreSQL: check violation, disk full, a syntax error.
        for broken in ["1", "8", "11", "13", "275", "23514", "53100", "42601"] {
            assert!(!is_busy(broken), "{broken}");
        }
    }
}
