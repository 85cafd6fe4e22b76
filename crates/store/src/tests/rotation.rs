//! Another key, while the platform runs.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use domain::{
    oauth_client::OauthClient,
    two_factor::{SecondFactor, Step, TotpSecret},
    webhook::Confidential,
};
use ports::Chance;
use tempfile::TempDir;

use super::support::{Fixture, key, now, vars};
use crate::{Db, Keys, SealKey, StoreError};

databases::on_both!(a_running_platform_takes_up_a_new_key_and_everything_is_sealed_with_it, a_platform_without_the_new_key_says_which_it_lacks);

fn newer() -> SealKey {
    SealKey::new(2, [8; 32])
}

/// A platform that looks for newer keys, and the switch that makes one appear.
async fn rotating(dir: &TempDir) -> (Db, Arc<AtomicBool>) {
    let rotated = Arc::new(AtomicBool::new(false));
    let seen = rotated.clone();
    let more = move |known: &[u8]| (seen.load(Ordering::SeqCst) && known == [1]).then(|| vec![key(), newer()]);
    let keys = Keys::new(vec![key()], more).unwrap();
    (Db::open(&databases::url(dir.path()).await, keys, Arc::new(Chance::seeded(8))).await.unwrap(), rotated)
}

async fn a_running_platform_takes_up_a_new_key_and_everything_is_sealed_with_it() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let mut apps = Vec::new();
    // More than a batch of releases.
    for name in ["shop", "blog"] {
        let app = it.app(name, &ada).await;
        it.furnish(&app).await;
        let mut tx = it.write().await;
        for _ in 0..70 {
            it.release(&mut tx, &app, None, true).await;
        }
        tx.commit().await.unwrap();
        apps.push(app);
    }
    let client = OauthClient {
        id: it.id(),
        account: ada.id,
        name: "mine".to_owned(),
        redirect_uri: "https://example.com/".to_owned(),
        secret: Confidential::new("client-secret").unwrap(),
        created_at: now(),
        updated_at: now(),
    };
    let factor = SecondFactor { secret: TotpSecret::new([9; 20]), enabled_at: Some(now()), used: Step(1) };
    let mut tx = it.write().await;
    tx.insert_oauth_client(&client).await.unwrap();
    tx.set_second_factor(ada.id, &factor).await.unwrap();
    tx.commit().await.unwrap();
    it.db.close().await;
    let (running, rotated) = rotating(&it.dir).await;
    let link = running.seal_link("slug", b"x");
    assert_eq!(running.reseal_some().await.unwrap(), 0);

    rotated.store(true, Ordering::SeqCst);
    let other = Keys::new(vec![key(), newer()], |_| None).unwrap();
    let admin = Db::open(&databases::url(it.dir.path()).await, other, Arc::new(Chance::seeded(9))).await.unwrap();
    let first = admin.reseal_some().await.unwrap();
    assert!(first > 100 && first < 152, "not all at once: {first}");
    // What the running one did not seal it reads, and it seals with the new key itself.
    let mut tx = running.write().await.unwrap();
    assert_eq!(tx.config_vars(apps[0].id).await.unwrap(), vars(&[("KEY", "value")]));
    tx.set_config_vars(apps[1].id, &vars(&[("KEY", "new")])).await.unwrap();
    tx.commit().await.unwrap();
    let mut rest = 0;
    loop {
        match admin.reseal_some().await.unwrap() {
            0 => break,
            some => rest += some,
        }
    }
    assert_eq!(first + rest, 2 * (71 + 4) + 2, "config vars, buildpacks, drains, webhooks, every release; a client, a second factor: once");
    assert_eq!(running.open_link("slug", &link).as_deref(), Some(b"x".as_slice()), "links made before still lead somewhere");

    // The old key is not needed any more.
    running.close().await;
    admin.close().await;
    let only_new = Db::open(&databases::url(it.dir.path()).await, newer(), Arc::new(Chance::seeded(10))).await.unwrap();
    let mut tx = only_new.read().await.unwrap();
    assert_eq!(tx.oauth_clients(ada.id).await.unwrap(), [client]);
    assert!(tx.second_factor(ada.id).await.unwrap() == Some(factor));
    for (app, value) in apps.iter().zip(["value", "new"]) {
        assert_eq!(tx.config_vars(app.id).await.unwrap(), vars(&[("KEY", value)]));
        assert_eq!((tx.buildpacks(app.id).await.unwrap().len(), tx.drains(app.id).await.unwrap().len(), tx.webhooks(app.id).await.unwrap().len()), (1, 1, 1));
        for release in tx.releases(app.id).await.unwrap() {
            tx.release_config_vars(release.id).await.unwrap();
        }
    }
}

async fn a_platform_without_the_new_key_says_which_it_lacks() {
    let it = Fixture::new().await;
    let app = it.app("shop", &it.account("ada@example.com").await).await;
    it.furnish(&app).await;
    let both = Keys::new(vec![newer(), key()], |_| None).unwrap();
    let admin = Db::open(&databases::url(it.dir.path()).await, both, Arc::new(Chance::seeded(9))).await.unwrap();
    assert_eq!(admin.reseal_some().await.unwrap(), 5);
    let Err(StoreError::Corrupt(why)) = it.read().await.config_vars(app.id).await else { panic!("it has the old key only") };
    assert!(why.ends_with("sealed with key 2, but the key given is 1"), "{why}");
}
