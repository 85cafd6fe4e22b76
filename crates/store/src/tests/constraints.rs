//! What the tables themselves refuse, and what goes together.

use databases::Database;
use domain::{Account, App};

use super::support::{Fixture, app, key, later, open, rows};
use crate::StoreError;

databases::on_both!(
    a_name_is_given_once,
    nothing_hangs_in_the_air,
    an_app_takes_everything_with_it,
    two_releases_cannot_both_be_current,
    a_state_has_its_own_columns_only,
    what_is_not_committed_never_happened,
    a_reader_sees_one_moment_and_changes_nothing,
    everything_is_there_after_a_restart,
    a_newer_schema_is_refused,
    a_damaged_row_is_refused,
    times_are_cut_to_milliseconds
);

/// Hostile inputs 9.
async fn a_name_is_given_once() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let error = it.write().await.insert_app(&app(it.id(), "shop", &ada)).await.unwrap_err();
    assert!(error.is_taken("apps.name"), "{error:?}");
    let error = it.write().await.update_app(&App { name: shop.name.clone(), ..blog }).await.unwrap_err();
    assert!(error.is_taken("apps.name"), "{error:?}");
    let error = it.write().await.insert_account(&Account { id: it.id(), ..ada.clone() }, None).await.unwrap_err();
    assert!(error.is_taken("accounts.email"), "{error:?}");
    let mut tx = it.write().await;
    tx.insert_one_off(&it.one_off(shop.id, "run.1")).await.unwrap();
    let error = tx.insert_one_off(&it.one_off(shop.id, "run.1")).await.unwrap_err();
    assert!(error.is_taken("one_offs.app_id, one_offs.process_type, one_offs.number"), "{error:?}");
}

async fn nothing_hangs_in_the_air() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let stranger = Account { id: it.id(), ..ada.clone() };
    let error = it.write().await.insert_app(&app(it.id(), "shop", &stranger)).await.unwrap_err();
    assert!(matches!(error, StoreError::ForeignKey), "{error:?}");
    let error = it.write().await.insert_slug(&it.slug(it.id())).await.unwrap_err();
    assert!(matches!(error, StoreError::ForeignKey), "{error:?}");
}

async fn an_app_takes_everything_with_it() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    it.furnish(&shop).await;
    it.furnish(&blog).await;
    let mut tx = it.write().await;
    let tables: Vec<String> = tx
        .sql(match databases::database() {
            Database::Sqlite => "SELECT m.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'app_id'",
            Database::Postgres => "SELECT table_name::text AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'app_id'",
        })
        .all(|row| row.get("name"))
        .await
        .unwrap();
    assert!(tables.len() >= 7, "{tables:?}");
    let mut before = Vec::new();
    for table in &tables {
        before.push(rows(&mut tx, table).await);
    }
    assert!(before.iter().all(|&rows| rows >= 2 && rows % 2 == 0), "both apps have some of each: {tables:?} {before:?}");

    tx.delete_app(shop.id).await.unwrap();
    for (table, before) in tables.iter().zip(before) {
        assert_eq!(rows(&mut tx, table).await, before / 2, "{table}");
    }
    assert_eq!(tx.worlds().await.unwrap().len(), 1);
}

async fn two_releases_cannot_both_be_current() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let mut tx = it.write().await;
    let other = it.release(&mut tx, &blog, None, true).await;
    let first = it.release(&mut tx, &shop, None, true).await;
    let second = it.release(&mut tx, &shop, None, true).await;
    let third = it.release(&mut tx, &shop, None, false).await;
    for promoted in [first.id, first.id, third.id, second.id] {
        tx.promote_release(promoted).await.unwrap();
        let current: Vec<_> = tx.releases(shop.id).await.unwrap().into_iter().filter(|release| release.current).map(|release| release.id).collect();
        assert_eq!(current, [promoted]);
        assert_eq!(tx.current_release(blog.id).await.unwrap(), Some(other.clone()), "another app's stays");
    }
    let error: StoreError = tx.sql("UPDATE releases SET is_current = TRUE").execute().await.unwrap_err();
    assert!(error.is_taken("releases.app_id"), "{error:?}");
}

async fn a_state_has_its_own_columns_only() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    it.furnish(&it.app("shop", &ada).await).await;
    let mut tx = it.write().await;
    for wrong in ["state = 'up'", "state = 'gone'", "until_ms = 1", "killed = TRUE", "after_word = 'remove'", "state = 'stopping', until_ms = 1"] {
        let error = tx.sql(format!("UPDATE dynos SET {wrong}").leak()).execute().await.unwrap_err();
        assert!(matches!(error, StoreError::Database(_)), "{wrong}: {error:?}");
    }
}

async fn what_is_not_committed_never_happened() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let mut tx = it.write().await;
    tx.insert_app(&app(it.id(), "shop", &ada)).await.unwrap();
    drop(tx);
    assert_eq!(it.write().await.apps().await.unwrap(), []);
}

async fn a_reader_sees_one_moment_and_changes_nothing() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let mut reader = it.read().await;
    assert_eq!(reader.apps().await.unwrap(), []);
    let shop = it.app("shop", &ada).await;
    assert_eq!(reader.apps().await.unwrap(), [], "committed after this reader began");
    assert_eq!(it.read().await.apps().await.unwrap(), std::slice::from_ref(&shop));
    assert!(it.read().await.delete_app(shop.id).await.is_err());
}

async fn everything_is_there_after_a_restart() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await;
    it.furnish(&shop).await;
    let before = it.read().await.worlds().await.unwrap();
    it.db.close().await;
    let db = open(&it.dir, key()).await.unwrap();
    assert_eq!(db.read().await.unwrap().worlds().await.unwrap(), before);
}

async fn a_newer_schema_is_refused() {
    let it = Fixture::new().await;
    let mut tx = it.write().await;
    tx.sql("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9000, 'later', TRUE, $1, 0)")
        .bind(vec![0_u8; 48])
        .execute()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    it.db.close().await;
    let Err(error) = open(&it.dir, key()).await else { panic!("it must not open") };
    assert!(matches!(error, StoreError::NewerSchema { found: 9000, .. }), "{error:?}");
    assert!(error.to_string().starts_with("The database was written by a newer mypaas (schema 9000;"), "{error}");
}

async fn a_damaged_row_is_refused() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    it.furnish(&it.app("shop", &ada).await).await;
    // PostgreSQL looks at types itself.
    let untyped = ["UPDATE apps SET id = x'00'", "UPDATE apps SET stack = 5.5"].into_iter().filter(|_| databases::database() == Database::Sqlite);
    for damage in untyped.chain([
        "UPDATE apps SET name = 'a;b'",
        "UPDATE apps SET created_at_ms = 9223372036854775807",
        "UPDATE slugs SET process_types = '{'",
        "UPDATE slugs SET sha256 = replace(sha256, 'a', 'z')",
        "UPDATE formations SET quantity = 4294967296",
        "UPDATE formations SET size = 'Hu ge'",
    ]) {
        let mut tx = it.write().await;
        if databases::database() == Database::Sqlite {
            tx.sql("PRAGMA defer_foreign_keys = TRUE").execute().await.unwrap();
        }
        tx.sql(damage).execute().await.unwrap();
        let error = tx.worlds().await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{damage}: {error:?}");
    }
}

async fn times_are_cut_to_milliseconds() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let fine = App { created_at: "2026-01-01T00:00:01.123456789Z".parse().unwrap(), ..app(it.id(), "shop", &ada) };
    let mut tx = it.write().await;
    tx.insert_app(&fine).await.unwrap();
    assert_eq!(tx.app(fine.id).await.unwrap().unwrap().created_at, later(1));
}
