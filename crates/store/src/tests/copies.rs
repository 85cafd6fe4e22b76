//! From one database to the other and back.

use std::sync::Arc;

use domain::{Build, dyno::State};
use ports::Chance;
use tempfile::TempDir;

use super::support::{Fixture, key, now, open, vars};
use crate::{Db, StoreError};

databases::on_both!(everything_is_carried_there_and_back, what_is_there_already_is_never_overwritten, a_copy_that_is_not_the_same_is_not_kept);

/// The other one of the two, empty. Where PostgreSQL is not installed, another file.
async fn other(folder: &TempDir) -> Db {
    let there = match databases::database() {
        databases::Database::Sqlite if databases::has_postgres() => databases::postgres_url(folder.path()).await,
        _ => databases::sqlite_url(folder.path()),
    };
    Db::open(&there, key(), Arc::new(Chance::seeded(2))).await.unwrap()
}

async fn everything_is_carried_there_and_back() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let bob = it.account("bob@example.com").await;
    let shop = it.app("shop", &ada).await;
    it.furnish(&shop).await;
    it.furnish(&it.app("blog", &bob).await).await;
    let mut tx = it.write().await;
    tx.insert_authorization(&it.authorization(&ada, Some(now())), [9; 32]).await.unwrap();
    tx.save_dynos(shop.id, &[it.dyno("web.2", State::Idle { since: now() })]).await.unwrap();
    // More than a page of them, of which not all texts are plain.
    for n in 0..450 {
        tx.insert_build(&Build { output: format!("é\t\u{1b}[1m{n}\r\n\\0 ' \" $1"), ..it.build(&shop) }).await.unwrap();
    }
    tx.commit().await.unwrap();

    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (there, back) = (other(&there).await, open(&back, key()).await.unwrap());
    let copied = it.db.copy_to(&there).await.unwrap();
    assert_eq!(there.copy_to(&back).await.unwrap(), copied);
    let rows = |name: &str| copied.iter().find(|(table, _)| table == name).map(|(_, rows)| *rows);
    assert_eq!((rows("accounts"), rows("builds"), rows("authorizations"), rows("source_blobs")), (Some(2), Some(452), Some(1), Some(0)));
    let mut seen = Vec::new();
    for db in [&it.db, &there, &back] {
        let mut tx = db.read().await.unwrap();
        assert_eq!(tx.config_vars(shop.id).await.unwrap(), vars(&[("KEY", "value")]), "what is sealed opens there too");
        assert_eq!((tx.is_admin(ada.id).await.unwrap(), tx.is_admin(bob.id).await.unwrap()), (true, false));
        assert_eq!(tx.authorization_by_token([9; 32]).await.unwrap().unwrap().1, ada);
        let tables = tx.tables().await.unwrap();
        assert_eq!(tables.len(), copied.len(), "no table is left out: {tables:?}");
        seen.push((tx.worlds().await.unwrap(), tx.builds(shop.id).await.unwrap(), tx.all_one_offs().await.unwrap()));
    }
    assert_eq!(seen[0].1.len(), 451);
    assert!(seen[0] == seen[1] && seen[1] == seen[2]);
}

async fn what_is_there_already_is_never_overwritten() {
    let it = Fixture::new().await;
    it.furnish(&it.app("shop", &it.account("ada@example.com").await).await).await;
    let folder = tempfile::tempdir().unwrap();
    let there = other(&folder).await;
    it.db.copy_to(&there).await.unwrap();
    let before = there.read().await.unwrap().worlds().await.unwrap();
    let error = it.db.copy_to(&there).await.unwrap_err();
    assert!(matches!(error, StoreError::NotEmpty { .. }), "{error:?}");
    assert_eq!(there.read().await.unwrap().worlds().await.unwrap(), before);
}

async fn a_copy_that_is_not_the_same_is_not_kept() {
    let it = Fixture::new().await;
    it.furnish(&it.app("shop", &it.account("ada@example.com").await).await).await;
    let folder = tempfile::tempdir().unwrap();
    let there = other(&folder).await;
    let mut tx = there.write().await.unwrap();
    // A database with a mind of its own.
    let (sqlite, postgres) = (
        ["CREATE TRIGGER meddle AFTER INSERT ON formations BEGIN UPDATE formations SET quantity = 99 WHERE quantity = 2; END"].as_slice(),
        [
            "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.quantity = 2 THEN NEW.quantity := 99; END IF; RETURN NEW; END $$",
            "CREATE TRIGGER meddle BEFORE INSERT ON formations FOR EACH ROW EXECUTE FUNCTION meddle()",
        ]
        .as_slice(),
    );
    let is_postgres = tx.sql_of("SELECT 0 AS n", "SELECT 1 AS n").optional(|row| row.get::<i32>("n")).await.unwrap() == Some(1);
    for text in if is_postgres { postgres } else { sqlite } {
        tx.made_sql((*text).to_owned()).execute().await.unwrap();
    }
    tx.commit().await.unwrap();
    let error = it.db.copy_to(&there).await.unwrap_err();
    assert!(error.to_string().contains("table formations is not the same"), "{error}");
    let mut tx = there.read().await.unwrap();
    assert_eq!((tx.accounts().await.unwrap().len(), tx.worlds().await.unwrap().len()), (0, 0), "nothing of it happened");
}
