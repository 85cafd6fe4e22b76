//! The two databases have the same tables.

use std::{collections::BTreeMap, fs, path::PathBuf};

/// What a column holds, whatever the database calls it.
fn kind(word: &str) -> &str {
    match word {
        "UUID" | "BYTEA" => "BLOB",
        other => other,
    }
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(name)
}

fn files(name: &str) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every line of every statement without comments, under the statement's first line: `CREATE TABLE apps (`, `id BLOB NOT NULL PRIMARY KEY`.
fn statements(name: &str) -> BTreeMap<String, Vec<String>> {
    let text: String = files(name).iter().map(|file| fs::read_to_string(folder(name).join(file)).unwrap()).collect();
    let plain: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap().trim()).filter(|line| !line.is_empty()).collect();
    plain
        .join("\n")
        .split(";")
        .map(|statement| {
            let mut lines = statement.trim().lines().map(|line| line.replace(" COLLATE \"C\"", "").split(' ').map(kind).collect::<Vec<_>>().join(" "));
            (lines.next().unwrap_or_default(), lines.collect())
        })
        .collect()
}

#[test]
fn the_migrations_have_the_same_names() {
    assert_eq!(files("sqlite"), files("postgres"));
    assert!(!files("sqlite").is_empty());
}

#[test]
fn the_tables_columns_and_rules_are_the_same() {
    let (sqlite, postgres) = (statements("sqlite"), statements("postgres"));
    assert!(sqlite["CREATE TABLE apps ("].contains(&"maintenance BOOLEAN NOT NULL,".to_owned()), "{sqlite:?}");
    assert_eq!(sqlite, postgres);
}
