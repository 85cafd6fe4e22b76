//! Everything of one database into another, whichever they are.
//!
//! Rows are carried as they are: what is sealed stays sealed. All is written in one transaction, read back in it, and
//! compared row by row before it is committed: a copy is whole and the same, or it never happened.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Db, Tx,
    error::{R, StoreError},
    statement::{Row, Statement, storable},
};

/// How many rows are held in memory at a time.
const PAGE: usize = 200;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Bytes,
    Text,
    Int,
    Bool,
}

#[derive(Debug)]
pub(crate) struct ColumnOf {
    name: String,
    kind: Kind,
    /// Whether it is part of the primary key.
    key: bool,
}

/// Tables and their columns, by name.
pub(crate) type Tables = BTreeMap<String, Vec<ColumnOf>>;

enum Value {
    Bytes(Option<Vec<u8>>),
    Text(Option<String>),
    Int(Option<i64>),
    Bool(Option<bool>),
}

impl Db {
    /// Copies everything to another database, in which there must be nothing yet. Nobody can write to either meanwhile. How
    /// many rows each table has.
    pub async fn copy_to(&self, other: &Self) -> R<Vec<(String, usize)>> {
        copy(self.write().await?, other).await
    }

    /// The same, of this one as it is at this moment, while others go on writing to it.
    pub async fn snapshot_to(&self, other: &Self) -> R<Vec<(String, usize)>> {
        copy(self.read().await?, other).await
    }
}

async fn copy(mut from: Tx, other: &Db) -> R<Vec<(String, usize)>> {
    let mut to = other.write().await?;
    let (tables, targets) = (from.tables().await?, to.tables().await?);
    for table in targets.keys() {
        if to.made_sql(format!("SELECT 1 FROM {table} LIMIT 1")).optional(|_| Ok(())).await?.is_some() {
            return Err(StoreError::NotEmpty { table: table.clone() });
        }
    }
    let mut copied = Vec::new();
    for table in from.parents_first(&tables).await? {
        let columns = &tables[&table];
        let target = pair(columns, targets.get(&table).ok_or_else(|| unlike(&table))?).ok_or_else(|| unlike(&table))?;
        let insert = insert(&table, columns);
        let mut read = Vec::new();
        loop {
            let page = from.page(&table, columns, read.len()).await?;
            for row in &page {
                let mut statement = to.made_sql(insert.clone());
                for (value, kind) in row.iter().zip(&target) {
                    statement = value.bind(statement, *kind)?;
                }
                statement.execute().await?;
            }
            read.extend(page.iter().map(|row| digest(row)));
            if page.len() < PAGE {
                break;
            }
        }
        // In the source's order of columns, whatever the target's is.
        let as_written: Vec<_> = columns.iter().zip(target).map(|(column, kind)| ColumnOf { name: column.name.clone(), kind, key: column.key }).collect();
        let mut written = to.digests(&table, &as_written).await?;
        read.sort_unstable();
        written.sort_unstable();
        if read != written {
            return Err(StoreError::Corrupt(format!("table {table} is not the same after it was copied; nothing was kept of the copy")));
        }
        copied.push((table, written.len()));
    }
    to.commit().await?;
    Ok(copied)
}

impl Tx {
    pub(crate) async fn tables(&mut self) -> R<Tables> {
        let rows = self
            .sql_of(
                "SELECT m.name AS table_name, c.name AS column_name, c.type AS kind, c.pk > 0 AS in_key \
                 FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND m.name <> '_sqlx_migrations' AND substr(m.name, 1, 7) <> 'sqlite_' ORDER BY m.name, c.cid",
                "SELECT c.relname::text AS table_name, a.attname::text AS column_name, upper(format_type(a.atttypid, a.atttypmod)) AS kind, \
                 EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS in_key \
                 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname <> '_sqlx_migrations' \
                 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
            )
            .all(|row| {
                let column = ColumnOf { name: row.get("column_name")?, kind: row.word("kind", kind)?, key: row.get("in_key")? };
                Ok((row.get::<String>("table_name")?, column))
            })
            .await?;
        let mut tables = Tables::new();
        for (table, column) in rows {
            tables.entry(table).or_default().push(column);
        }
        Ok(tables)
    }

    /// The tables in an order in which no row names one that is not there yet.
    async fn parents_first(&mut self, tables: &Tables) -> R<Vec<String>> {
        let references: Vec<(String, String)> = self
            .sql_of(
                "SELECT m.name AS child, f.\"table\" AS parent FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
                "SELECT child.relname::text AS child, parent.relname::text AS parent FROM pg_constraint f \
                 JOIN pg_class child ON child.oid = f.conrelid JOIN pg_class parent ON parent.oid = f.confrelid \
                 WHERE f.contype = 'f' AND child.relnamespace = current_schema()::regnamespace",
            )
            .all(|row| Ok((row.get("child")?, row.get("parent")?)))
            .await?;
        let mut left: BTreeSet<&String> = tables.keys().collect();
        let mut order = Vec::new();
        while !left.is_empty() {
            let waits = |table: &str| references.iter().any(|(child, parent)| child == table && parent != table && left.contains(parent));
            let ready: Vec<&String> = left.iter().copied().filter(|table| !waits(table)).collect();
            if ready.is_empty() {
                return Err(StoreError::Corrupt(format!("tables name each other in a circle: {left:?}")));
            }
            for table in ready {
                left.remove(table);
                order.push(table.clone());
            }
        }
        Ok(order)
    }

    async fn page(&mut self, table: &str, columns: &[ColumnOf], after: usize) -> R<Vec<Vec<Value>>> {
        let keys: Vec<_> = columns.iter().filter(|column| column.key).map(|column| column.name.as_str()).collect();
        if keys.is_empty() {
            return Err(StoreError::Corrupt(format!("table {table} has no primary key")));
        }
        let sql = format!("SELECT {} FROM {table} ORDER BY {} LIMIT {PAGE} OFFSET {after}", names(columns), keys.join(", "));
        self.made_sql(sql).all(|row| columns.iter().map(|column| Value::read(row, column)).collect()).await
    }

    async fn digests(&mut self, table: &str, columns: &[ColumnOf]) -> R<Vec<[u8; 32]>> {
        let mut all = Vec::new();
        loop {
            let page = self.page(table, columns, all.len()).await?;
            all.extend(page.iter().map(|row| digest(row)));
            if page.len() < PAGE {
                return Ok(all);
            }
        }
    }
}

impl Value {
    fn read(row: &Row, column: &ColumnOf) -> R<Self> {
        let name = column.name.as_str();
        Ok(match column.kind {
            Kind::Id => Self::Bytes(row.get::<Option<Uuid>>(name)?.map(|id| id.as_bytes().to_vec())),
            Kind::Bytes => Self::Bytes(row.get(name)?),
            Kind::Text => Self::Text(row.get::<Option<String>>(name)?.map(storable)),
            Kind::Int => Self::Int(row.get(name)?),
            Kind::Bool => Self::Bool(row.get(name)?),
        })
    }

    fn bind<'t>(&self, statement: Statement<'t>, kind: Kind) -> R<Statement<'t>> {
        Ok(match self {
            Self::Bytes(bytes) if kind == Kind::Id => {
                let id = bytes.as_deref().map(Uuid::from_slice).transpose();
                statement.bind(id.map_err(|_| StoreError::Corrupt("an id is not of 16 bytes".to_owned()))?)
            }
            Self::Bytes(bytes) => statement.bind(bytes.clone()),
            Self::Text(text) => statement.bind(text.clone()),
            Self::Int(number) => statement.bind(*number),
            Self::Bool(yes) => statement.bind(*yes),
        })
    }

    /// What kind of thing, how long, and the thing: no two values read the same.
    fn digest(&self, hasher: &mut Sha256) {
        let (kind, bytes) = match self {
            Self::Bytes(bytes) => (b'b', bytes.clone()),
            Self::Text(text) => (b't', text.as_ref().map(|text| text.as_bytes().to_vec())),
            Self::Int(number) => (b'i', number.map(|number| number.to_be_bytes().to_vec())),
            Self::Bool(yes) => (b'o', yes.map(|yes| vec![u8::from(yes)])),
        };
        hasher.update([kind, u8::from(bytes.is_some())]);
        let bytes = bytes.unwrap_or_default();
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    }
}

fn digest(row: &[Value]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    row.iter().for_each(|value| value.digest(&mut hasher));
    hasher.finalize().into()
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "UUID" => Kind::Id,
        "BYTEA" | "BLOB" => Kind::Bytes,
        "TEXT" => Kind::Text,
        "BIGINT" => Kind::Int,
        "BOOLEAN" => Kind::Bool,
        _ => return None,
    })
}

/// What the same columns are in the target; `None` if they are not the same.
fn pair(columns: &[ColumnOf], target: &[ColumnOf]) -> Option<Vec<Kind>> {
    let kinds: Option<Vec<_>> = columns.iter().map(|column| target.iter().find(|other| other.name == column.name).map(|other| other.kind)).collect();
    kinds.filter(|kinds| kinds.len() == target.len())
}

fn unlike(table: &str) -> StoreError {
    StoreError::Corrupt(format!("table {table} is not the same in both databases"))
}

fn names(columns: &[ColumnOf]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn insert(table: &str, columns: &[ColumnOf]) -> String {
    let places: Vec<_> = (1..=columns.len()).map(|place| format!("${place}")).collect();
    format!("INSERT INTO {table} ({}) VALUES ({})", names(columns), places.join(", "))
}
