//! Many at once lose nothing.

use std::{collections::BTreeSet, sync::Arc};

use domain::ReleaseVersion;
use tokio::task::JoinSet;

use super::support::{Fixture, formation};

databases::on_both!(threads: two_hundred_read_then_write_transactions_lose_nothing, versions_are_counted_per_app_without_gaps_and_one_is_current);

async fn two_hundred_read_then_write_transactions_lose_nothing() {
    let it = Arc::new(Fixture::new().await);
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await.id;
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let it = Arc::clone(&it);
        tasks.spawn(async move {
            let mut tx = it.write().await;
            let have = tx.formation(shop).await.unwrap().values().next().map_or(0, |scale| scale.quantity);
            tokio::task::yield_now().await;
            tx.set_formation(shop, &formation(&[("web", have + 1)])).await.unwrap();
            tx.commit().await.unwrap();
            // Readers are in nobody's way.
            let seen = it.read().await.formation(shop).await.unwrap();
            assert!(seen.values().next().unwrap().quantity > have);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(it.read().await.formation(shop).await.unwrap(), formation(&[("web", 200)]));
}

async fn versions_are_counted_per_app_without_gaps_and_one_is_current() {
    const EACH: u32 = 40;
    let it = Arc::new(Fixture::new().await);
    let ada = it.account("ada@example.com").await;
    let apps = [it.app("shop", &ada).await, it.app("blog", &ada).await];
    let mut tasks = JoinSet::new();
    for n in 0..EACH {
        for app in apps.clone() {
            let it = Arc::clone(&it);
            tasks.spawn(async move {
                let mut tx = it.write().await;
                let release = it.release(&mut tx, &app, None, n % 2 == 0).await;
                // Every third changes its mind; its number is given to another.
                if n % 3 == 0 {
                    return None;
                }
                if n % 2 == 1 {
                    tx.promote_release(release.id).await.unwrap();
                }
                tx.commit().await.unwrap();
                Some((app.id, release.version))
            });
        }
    }
    let mut drawn = BTreeSet::new();
    while let Some(done) = tasks.join_next().await {
        if let Some(version) = done.unwrap() {
            assert!(drawn.insert(version), "{version:?} was given twice");
        }
    }
    let committed = u32::try_from(drawn.len()).unwrap() / 2;
    let mut tx = it.read().await;
    for app in apps {
        let releases = tx.releases(app.id).await.unwrap();
        let versions: Vec<_> = releases.iter().map(|release| release.version).collect();
        assert_eq!(versions, (1..=committed).rev().map(ReleaseVersion).collect::<Vec<_>>());
        assert_eq!(releases.iter().filter(|release| release.current).count(), 1);
        assert_eq!(tx.current_release(app.id).await.unwrap().unwrap().version, ReleaseVersion(committed), "the last to commit");
    }
}
