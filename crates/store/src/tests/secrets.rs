//! What a thief of the file, or a forger with a pen, gets.

use std::{fs, os::unix::fs::PermissionsExt};

use domain::{AppId, release::ReleaseStatus};

use super::support::{Fixture, key, now, open, vars};
use crate::{R, SealKey, StoreError, Tx};

databases::on_both!(
    config_vars_are_not_in_the_files,
    a_sealed_value_opens_whole_or_not_at_all,
    a_sealed_value_opens_only_where_it_belongs,
    the_same_value_is_never_sealed_the_same_way_twice,
    another_key_opens_nothing_and_says_which_it_was,
    a_link_opens_for_its_own_kind_and_only_if_we_made_it
);

const SECRET: &str = "hunter2-planted-secret";
const NAME: &str = "PLANTED_NAME";

async fn sealed(tx: &mut Tx, app: AppId) -> Vec<u8> {
    tx.sql("SELECT sealed FROM config_vars WHERE app_id = $1").id(app).optional(|row| row.get("sealed")).await.unwrap().unwrap()
}

async fn replace(tx: &mut Tx, app: AppId, sealed: Vec<u8>) {
    assert_eq!(tx.sql("UPDATE config_vars SET sealed = $1 WHERE app_id = $2").bind(sealed).id(app).execute().await.unwrap(), 1);
}

/// What kept it shut; that reason must not tell the secret either.
fn refusal<T>(opened: R<T>) -> String {
    let Err(StoreError::Corrupt(why)) = opened else { panic!("it must be refused as corrupt") };
    assert!(!why.contains(SECRET) && !why.contains(NAME), "{why}");
    why
}

/// Hostile inputs 82.
async fn config_vars_are_not_in_the_files() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await;
    let config = vars(&[(NAME, SECRET)]);
    let mut tx = it.write().await;
    tx.set_config_vars(shop.id, &config).await.unwrap();
    let release = tx.insert_release(it.id(), shop.id, None, "Planted description", ada.id, &config, now(), ReleaseStatus::Succeeded, true).await.unwrap();
    tx.commit().await.unwrap();
    let paths: Vec<_> = fs::read_dir(it.dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(paths.iter().all(|path| fs::metadata(path).unwrap().permissions().mode() & 0o077 == 0), "for our eyes only: {paths:?}");
    let open_files = databases::on_disk(it.dir.path()).await;
    it.db.close().await;
    for text in [open_files, databases::on_disk(it.dir.path()).await] {
        assert!(text.contains("Planted description"), "the search finds what is not sealed");
        assert!(!text.contains(SECRET) && !text.contains(NAME));
    }
    let db = open(&it.dir, key()).await.unwrap();
    let mut tx = db.read().await.unwrap();
    assert_eq!(tx.config_vars(shop.id).await.unwrap(), config);
    assert_eq!(tx.release_config_vars(release.id).await.unwrap(), config);
}

async fn a_sealed_value_opens_whole_or_not_at_all() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await.id;
    let mut tx = it.write().await;
    tx.set_config_vars(shop, &vars(&[(NAME, SECRET)])).await.unwrap();
    let good = sealed(&mut tx, shop).await;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        replace(&mut tx, shop, bad).await;
        refusal(tx.config_vars(shop).await);
    }
    for length in 0..good.len() {
        replace(&mut tx, shop, good[..length].to_vec()).await;
        refusal(tx.config_vars(shop).await);
    }
    replace(&mut tx, shop, good).await;
    assert_eq!(tx.config_vars(shop).await.unwrap(), vars(&[(NAME, SECRET)]));
}

async fn a_sealed_value_opens_only_where_it_belongs() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let mut tx = it.write().await;
    for app in [&shop, &blog] {
        tx.set_config_vars(app.id, &vars(&[(NAME, SECRET)])).await.unwrap();
    }
    let (first, second) = (it.release(&mut tx, &shop, None, true).await, it.release(&mut tx, &shop, None, true).await);

    // Another app's.
    let of_shop = sealed(&mut tx, shop.id).await;
    replace(&mut tx, blog.id, of_shop.clone()).await;
    refusal(tx.config_vars(blog.id).await);
    // Another release's, and the app's own.
    tx.sql("UPDATE releases SET sealed = (SELECT sealed FROM releases WHERE id = $1) WHERE id = $2").id(first.id).id(second.id).execute().await.unwrap();
    refusal(tx.release_config_vars(second.id).await);
    tx.sql("UPDATE releases SET sealed = $1 WHERE id = $2").bind(of_shop).id(second.id).execute().await.unwrap();
    refusal(tx.release_config_vars(second.id).await);
}

async fn the_same_value_is_never_sealed_the_same_way_twice() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await.id;
    let mut tx = it.write().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        tx.set_config_vars(shop, &vars(&[(NAME, SECRET)])).await.unwrap();
        assert!(seen.insert(sealed(&mut tx, shop).await[1..25].to_vec()), "a nonce was drawn twice");
    }
}

async fn another_key_opens_nothing_and_says_which_it_was() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await.id;
    let mut tx = it.write().await;
    tx.set_config_vars(shop, &vars(&[(NAME, SECRET)])).await.unwrap();
    tx.commit().await.unwrap();
    it.db.close().await;
    let other = open(&it.dir, SealKey::new(1, [8; 32])).await.unwrap();
    assert!(refusal(other.read().await.unwrap().config_vars(shop).await).ends_with("the seal is broken, or the key is another one"));
    other.close().await;
    let rotated = open(&it.dir, SealKey::new(2, [7; 32])).await.unwrap();
    assert!(refusal(rotated.read().await.unwrap().config_vars(shop).await).ends_with("sealed with key 1, but the key given is 2"));
}

async fn a_link_opens_for_its_own_kind_and_only_if_we_made_it() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir, key()).await.unwrap();
    let sealed = db.seal_link("slug", b"what");
    assert_eq!(db.open_link("slug", &sealed).as_deref(), Some(b"what".as_slice()));
    assert_eq!(db.open_link("source", &sealed), None);
    assert_eq!(db.open_link("slug", &sealed[..20]), None);
    let mut other = sealed;
    other[30] ^= 1;
    assert_eq!(db.open_link("slug", &other), None);
}
