//! One statement and its rows, in the types that both databases can carry.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use domain::Id;
use jiff::Timestamp;
use sqlx::{
    Decode, Encode, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, Type,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use crate::error::{R, StoreError};

/// A value both databases can store.
pub(crate) trait Param: Send + 'static + Type<Sqlite> + Type<Postgres> + for<'q> Encode<'q, Sqlite> + for<'q> Encode<'q, Postgres> {}
impl<T> Param for T where T: Send + 'static + Type<Sqlite> + Type<Postgres> + for<'q> Encode<'q, Sqlite> + for<'q> Encode<'q, Postgres> {}

/// A value both databases can give back.
pub(crate) trait Column: Type<Sqlite> + Type<Postgres> + for<'r> Decode<'r, Sqlite> + for<'r> Decode<'r, Postgres> {}
impl<T> Column for T where T: Type<Sqlite> + Type<Postgres> + for<'r> Decode<'r, Sqlite> + for<'r> Decode<'r, Postgres> {}

/// A statement on its way, its values bound one after the other: `$1`, `$2`, …
pub(crate) enum Statement<'t> {
    Sqlite(Query<'static, Sqlite, SqliteArguments>, &'t mut SqliteConnection),
    Postgres(Query<'static, Postgres, PgArguments>, &'t mut PgConnection),
}

impl Statement<'_> {
    /// The next value.
    pub(crate) fn bind<T: Param>(self, value: T) -> Self {
        match self {
            Self::Sqlite(query, connection) => Self::Sqlite(query.bind(value), connection),
            Self::Postgres(query, connection) => Self::Postgres(query.bind(value), connection),
        }
    }

    /// The next value: an id.
    pub(crate) fn id<Of>(self, id: Id<Of>) -> Self {
        self.bind(id.uuid())
    }

    /// The next value: an id, or NULL.
    pub(crate) fn id_or_null<Of>(self, id: Option<Id<Of>>) -> Self {
        self.bind(id.map(Id::uuid))
    }

    /// The next value: as it is written.
    pub(crate) fn text(self, text: impl Display) -> Self {
        self.bind(storable(text.to_string()))
    }

    /// The next value: a text, or NULL.
    pub(crate) fn text_or_null(self, text: Option<String>) -> Self {
        self.bind(text.map(storable))
    }

    /// The next value: a count. Beyond what a BIGINT holds, the largest of them.
    pub(crate) fn count(self, count: impl TryInto<i64>) -> Self {
        self.bind(count.try_into().unwrap_or(i64::MAX))
    }

    /// The next value: a time, in milliseconds.
    pub(crate) fn time(self, time: Timestamp) -> Self {
        self.bind(time.as_millisecond())
    }

    /// The next value: a time in milliseconds, or NULL.
    pub(crate) fn time_or_null(self, time: Option<Timestamp>) -> Self {
        self.bind(time.map(Timestamp::as_millisecond))
    }

    /// Runs it; how many rows it touched.
    pub(crate) async fn execute(self) -> R<u64> {
        Ok(match self {
            Self::Sqlite(query, connection) => query.execute(connection).await?.rows_affected(),
            Self::Postgres(query, connection) => query.execute(connection).await?.rows_affected(),
        })
    }

    /// Runs it; each row, as `read` understands it.
    pub(crate) async fn all<T>(self, read: impl Fn(&Row) -> R<T>) -> R<Vec<T>> {
        match self {
            Self::Sqlite(query, connection) => query.fetch_all(connection).await?.into_iter().map(|row| read(&Row::Sqlite(row))).collect(),
            Self::Postgres(query, connection) => query.fetch_all(connection).await?.into_iter().map(|row| read(&Row::Postgres(row))).collect(),
        }
    }

    /// Runs it; the first row, if there is one.
    pub(crate) async fn optional<T>(self, read: impl Fn(&Row) -> R<T>) -> R<Option<T>> {
        let row = match self {
            Self::Sqlite(query, connection) => query.fetch_optional(connection).await?.map(Row::Sqlite),
            Self::Postgres(query, connection) => query.fetch_optional(connection).await?.map(Row::Postgres),
        };
        row.as_ref().map(read).transpose()
    }
}

/// What came back. Everything is parsed again: a row is input like any other.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of this column.
    pub(crate) fn get<T: Column>(&self, column: &str) -> R<T> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// An id.
    pub(crate) fn id<Of>(&self, column: &str) -> R<Id<Of>> {
        Ok(Id::from_uuid(self.get::<Uuid>(column)?))
    }

    /// An id, or NULL.
    pub(crate) fn id_or_null<Of>(&self, column: &str) -> R<Option<Id<Of>>> {
        Ok(self.get::<Option<Uuid>>(column)?.map(Id::from_uuid))
    }

    /// A name, a size: whatever is read from a text.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, column: &str) -> R<T> {
        self.get::<String>(column)?.parse().map_err(|why| StoreError::Corrupt(format!("column {column}: {why}")))
    }

    /// One of a fixed set of words.
    pub(crate) fn word<T>(&self, column: &str, from_word: impl Fn(&str) -> Option<T>) -> R<T> {
        let word = self.get::<String>(column)?;
        from_word(&word).ok_or_else(|| StoreError::Corrupt(format!("column {column}: no such word: {word:?}")))
    }

    /// A count.
    pub(crate) fn count<T: TryFrom<i64>>(&self, column: &str) -> R<T> {
        let number = self.get::<i64>(column)?;
        number.try_into().map_err(|_| StoreError::Corrupt(format!("column {column}: {number} is out of range")))
    }

    /// A time, from milliseconds.
    pub(crate) fn time(&self, column: &str) -> R<Timestamp> {
        time(column, self.get(column)?)
    }

    /// A time from milliseconds, or NULL.
    pub(crate) fn time_or_null(&self, column: &str) -> R<Option<Timestamp>> {
        self.get::<Option<i64>>(column)?.map(|millis| time(column, millis)).transpose()
    }

    /// A map, from JSON.
    pub(crate) fn map(&self, column: &str) -> R<BTreeMap<String, String>> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|why| StoreError::Corrupt(format!("column {column}: {why}")))
    }
}

fn time(column: &str, millis: i64) -> R<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|why| StoreError::Corrupt(format!("column {column}: {why}")))
}

/// What both databases can hold: PostgreSQL has no text with a NUL in it, and programs print some.
pub(crate) fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// A map as JSON.
pub(crate) fn json(map: &BTreeMap<&str, &str>) -> String {
    serde_json::to_string(map).expect("a map of texts has no way not to be JSON")
}
