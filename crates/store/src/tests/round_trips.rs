//! What is put in comes out the same.

use std::collections::BTreeMap;

use domain::{
    Account, App, Authorization, Build, BuildFailure, BuildStatus, BuildpackRef, Drain, FailureKind, Feature, KeyFingerprint, ReleaseVersion, Sha256, Slug,
    SourceBlob, SshKey,
    dyno::{After, Leaving, Predecessor, State},
    release::ReleaseStatus,
};

use super::support::{Fixture, dyno_name, formation, later, now, vars};
use crate::DynoRecord;

databases::on_both!(
    every_apps_drains_at_once,
    accounts,
    ssh_keys,
    authorizations,
    apps,
    config_vars,
    buildpacks_keep_their_order_and_their_credentials,
    slugs,
    builds,
    releases,
    formations_are_replaced_whole,
    dynos_in_every_state,
    one_offs,
    worlds,
    source_blobs,
    features_are_on_or_off
);

async fn every_apps_drains_at_once() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let drain = |app: &App, at, name: &str| Drain {
        id: it.id(),
        app: app.id,
        token: format!("d.{name}"),
        url: format!("https://ann:secret@{name}.example.com/").parse().unwrap(),
        created_at: at,
    };
    let drains = [drain(&shop, later(2), "second"), drain(&shop, later(1), "first"), drain(&blog, now(), "other")];
    let mut tx = it.write().await;
    assert_eq!(tx.all_drains().await.unwrap(), BTreeMap::new());
    for drain in &drains {
        tx.insert_drain(drain).await.unwrap();
    }
    let [second, first, other] = drains;
    assert_eq!(tx.drains(shop.id).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(tx.all_drains().await.unwrap(), BTreeMap::from([(shop.id, vec![first, second]), (blog.id, vec![other])]));
}

async fn accounts() {
    let it = Fixture::new().await;
    let mut tx = it.write().await;
    let ada = Account { id: it.id(), email: "Ada@Example.com".parse().unwrap(), created_at: now() };
    let bob = Account { id: it.id(), email: "bob@example.com".parse().unwrap(), created_at: now() };
    tx.insert_account(&bob, None).await.unwrap();
    tx.insert_account(&ada, Some("$argon2id$first")).await.unwrap();

    assert_eq!(tx.account(ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(tx.account(it.id()).await.unwrap(), None);
    assert_eq!(tx.accounts().await.unwrap(), [ada.clone(), bob.clone()]);
    assert_eq!(tx.account_by_email(&"ada@example.com".parse().unwrap()).await.unwrap(), Some((ada.clone(), Some("$argon2id$first".to_owned()))));
    assert_eq!(tx.account_by_email(&bob.email).await.unwrap(), Some((bob, None)));
    tx.set_password_hash(ada.id, "$argon2id$second").await.unwrap();
    assert_eq!(tx.account_by_email(&ada.email).await.unwrap().unwrap().1.as_deref(), Some("$argon2id$second"));
}

async fn ssh_keys() {
    let it = Fixture::new().await;
    let (ada, bob) = (it.account("ada@example.com").await, it.account("bob@example.com").await);
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH ada@laptop";
    let key = SshKey { id: it.id(), account: ada.id, key: line.parse().unwrap(), created_at: now() };
    let mut tx = it.write().await;
    tx.insert_ssh_key(&key).await.unwrap();
    assert_eq!(tx.ssh_key_by_fingerprint(&key.key.fingerprint()).await.unwrap(), Some((key.clone(), ada.clone())));
    assert_eq!(tx.ssh_key_by_fingerprint(&KeyFingerprint::of(b"another")).await.unwrap(), None);
    assert_eq!((tx.ssh_keys(ada.id).await.unwrap(), tx.ssh_keys(bob.id).await.unwrap()), (vec![key.clone()], vec![]));
    assert!(tx.delete_ssh_key(key.id).await.unwrap());
    assert!(!tx.delete_ssh_key(key.id).await.unwrap());
    tx.insert_ssh_key(&key).await.unwrap();
    let error = tx.insert_ssh_key(&SshKey { id: it.id(), account: bob.id, ..key }).await.unwrap_err();
    assert!(error.is_taken("ssh_keys.fingerprint"), "{error:?}");
}

async fn authorizations() {
    let it = Fixture::new().await;
    let (ada, bob) = (it.account("ada@example.com").await, it.account("bob@example.com").await);
    let forever = it.authorization(&ada, None);
    let brief = Authorization { created_at: later(1), ..it.authorization(&ada, Some(later(60))) };
    let mut tx = it.write().await;
    tx.insert_authorization(&brief, [2; 32]).await.unwrap();
    tx.insert_authorization(&forever, [1; 32]).await.unwrap();
    tx.insert_authorization(&it.authorization(&bob, None), [3; 32]).await.unwrap();

    assert_eq!(tx.authorization_by_token([2; 32]).await.unwrap(), Some((brief.clone(), ada.clone())));
    assert_eq!(tx.authorization_by_token([9; 32]).await.unwrap(), None);
    assert_eq!(tx.authorizations(ada.id).await.unwrap(), [forever, brief.clone()]);
    assert!(tx.delete_authorization(brief.id).await.unwrap());
    assert!(!tx.delete_authorization(brief.id).await.unwrap(), "it is gone already");
    assert_eq!(tx.authorization_by_token([2; 32]).await.unwrap(), None);
}

async fn apps() {
    let it = Fixture::new().await;
    let (ada, bob) = (it.account("ada@example.com").await, it.account("bob@example.com").await);
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &bob).await);
    let mut tx = it.write().await;
    assert_eq!(tx.apps().await.unwrap(), [blog.clone(), shop.clone()]);
    assert_eq!(tx.apps_of(ada.id).await.unwrap(), std::slice::from_ref(&shop));
    assert_eq!(tx.app_named(&blog.name).await.unwrap(), Some(blog));
    assert_eq!(tx.app_named(&"none".parse().unwrap()).await.unwrap(), None);

    let renamed = App { name: "store".parse().unwrap(), stack: "heroku-26".parse().unwrap(), maintenance: true, updated_at: later(5), ..shop.clone() };
    tx.update_app(&renamed).await.unwrap();
    assert_eq!(tx.app(shop.id).await.unwrap(), Some(renamed));
    assert_eq!(tx.app_named(&shop.name).await.unwrap(), None);
    tx.delete_app(shop.id).await.unwrap();
    assert_eq!(tx.app(shop.id).await.unwrap(), None);
}

async fn config_vars() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let mut tx = it.write().await;
    assert_eq!(tx.config_vars(shop.id).await.unwrap(), vars(&[]));
    tx.set_config_vars(shop.id, &vars(&[("A", "1")])).await.unwrap();
    let second = vars(&[("B", "\"quoted\"\n${A} é 🦀"), ("EMPTY", "")]);
    tx.set_config_vars(shop.id, &second).await.unwrap();
    assert_eq!(tx.config_vars(shop.id).await.unwrap(), second);
    assert_eq!(tx.config_vars(blog.id).await.unwrap(), vars(&[]));
}

async fn buildpacks_keep_their_order_and_their_credentials() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<BuildpackRef>>();
    let mut tx = it.write().await;
    assert_eq!(tx.buildpacks(shop.id).await.unwrap(), []);
    tx.set_buildpacks(shop.id, &list(&["heroku/python"])).await.unwrap();
    let second = list(&["https://user:hunter2-planted@example.com/b.git#main", "heroku/nodejs", "https://example.com/c.tgz"]);
    tx.set_buildpacks(shop.id, &second).await.unwrap();
    assert_eq!(tx.buildpacks(shop.id).await.unwrap(), second);
    assert_eq!(tx.buildpacks(blog.id).await.unwrap(), []);
    let sealed: Vec<Vec<u8>> = tx.sql("SELECT sealed FROM buildpack_installations").all(|row| row.get("sealed")).await.unwrap();
    assert!(sealed.iter().all(|sealed| !sealed.windows(7).any(|window| window == b"hunter2")));
    tx.set_buildpacks(shop.id, &[]).await.unwrap();
    assert_eq!(tx.buildpacks(shop.id).await.unwrap(), []);
}

async fn slugs() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await;
    let first = it.slug(shop.id);
    let bare = Slug { commit: None, language: None, sha256: Sha256([1; 32]), created_at: later(1), ..it.slug(shop.id) };
    let mut tx = it.write().await;
    assert!(!tx.slug_digest_used(first.sha256).await.unwrap());
    tx.insert_slug(&first).await.unwrap();
    tx.insert_slug(&bare).await.unwrap();
    assert_eq!(tx.slug(first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(tx.slugs_of(shop.id).await.unwrap(), [bare, first.clone()]);
    assert!(tx.slug_digest_used(first.sha256).await.unwrap());
    assert!(!tx.slug_digest_used(first.diff_id).await.unwrap());
}

async fn builds() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await;
    let slug = it.slug(shop.id);
    let (first, second) = (it.build(&shop), Build { source_version: None, created_at: later(1), ..it.build(&shop) });
    let mut tx = it.write().await;
    tx.insert_slug(&slug).await.unwrap();
    tx.insert_build(&first).await.unwrap();
    tx.insert_build(&second).await.unwrap();
    assert_eq!(tx.builds(shop.id).await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(tx.unfinished_builds().await.unwrap(), [first.clone(), second.clone()]);

    let done = Build { status: BuildStatus::Succeeded, slug: Some(slug.id), output: "-----> done\n".to_owned(), updated_at: later(9), ..first };
    tx.update_build(&done).await.unwrap();
    assert_eq!(tx.build(done.id).await.unwrap(), Some(done.clone()));
    let failure = BuildFailure { kind: FailureKind::SlugTooLarge, message: "Too large.".to_owned() };
    let failed = Build { status: BuildStatus::Failed, failure: Some(failure), ..done };
    tx.update_build(&failed).await.unwrap();
    assert_eq!(tx.build(failed.id).await.unwrap(), Some(failed.clone()));
    assert!(!tx.was_built_before(&failed).await.unwrap());
    assert!(tx.was_built_before(&Build { id: it.id(), ..failed }).await.unwrap());
    assert_eq!(tx.unfinished_builds().await.unwrap(), [second]);
}

async fn releases() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await;
    let slug = it.slug(shop.id);
    let mut tx = it.write().await;
    tx.insert_slug(&slug).await.unwrap();
    assert_eq!(tx.current_release(shop.id).await.unwrap(), None);
    let first = it.release(&mut tx, &shop, None, true).await;
    assert_eq!((first.version, first.current, first.slug, first.created_at), (ReleaseVersion(1), true, None, now()));

    let config = vars(&[("KEY", "of v2")]);
    let second = tx.insert_release(it.id(), shop.id, Some(slug.id), "Deploy", ada.id, &config, now(), ReleaseStatus::Pending, false).await.unwrap();
    assert_eq!((second.version, second.current, second.status), (ReleaseVersion(2), false, ReleaseStatus::Pending));
    assert_eq!(tx.current_release(shop.id).await.unwrap(), Some(first.clone()));
    assert_eq!(tx.releases(shop.id).await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(tx.release_version(shop.id, ReleaseVersion(2)).await.unwrap(), Some(second.clone()));
    assert_eq!(tx.release_version(shop.id, ReleaseVersion(3)).await.unwrap(), None);
    assert_eq!(tx.release_config_vars(second.id).await.unwrap(), config);
    assert_eq!(tx.release_config_vars(first.id).await.unwrap(), vars(&[("KEY", "value")]));

    tx.set_release_status(second.id, ReleaseStatus::Failed).await.unwrap();
    assert_eq!(tx.release(second.id).await.unwrap().unwrap().status, ReleaseStatus::Failed);
    tx.promote_release(second.id).await.unwrap();
    let promoted = tx.current_release(shop.id).await.unwrap().unwrap();
    assert_eq!((promoted.id, promoted.status, promoted.current), (second.id, ReleaseStatus::Succeeded, true));
    assert!(!tx.release(first.id).await.unwrap().unwrap().current);
}

async fn formations_are_replaced_whole() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let shop = it.app("shop", &ada).await;
    let mut tx = it.write().await;
    assert_eq!(tx.formation(shop.id).await.unwrap(), BTreeMap::new());
    tx.set_formation(shop.id, &formation(&[("web", 1), ("worker", 5)])).await.unwrap();
    let next = formation(&[("clock", 1), ("web", 0)]);
    tx.set_formation(shop.id, &next).await.unwrap();
    assert_eq!(tx.formation(shop.id).await.unwrap(), next);
}

async fn dynos_in_every_state() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let (since, until) = (now(), later(30));
    let states = [
        State::Starting { since },
        State::Up { since, cycle_at: until },
        State::Stopping { since, term_at: since, kill_at: until, then: After::Restart, killed: false },
        State::Stopping { since, term_at: later(10), kill_at: until, then: After::Remove, killed: true },
        State::Stopping { since, term_at: since, kill_at: until, then: After::Sleep, killed: false },
        State::Crashed { since, restart_at: until },
        State::Idle { since },
        State::Down { since },
    ];
    let leaving = [
        Leaving::Serving,
        Leaving::Draining { until },
        Leaving::Stopping { kill_at: until, killed: false },
        Leaving::Stopping { kill_at: until, killed: true },
        Leaving::Ended,
    ];
    let named = |n: usize| if n == 0 { "clock.1".to_owned() } else { format!("web.{}", n * 2) };
    let mut dynos: Vec<_> = states.iter().enumerate().map(|(n, state)| it.dyno(&named(n), *state)).collect();
    let mut tx = it.write().await;
    tx.save_dynos(blog.id, &[it.dyno("web.2", states[0])]).await.unwrap();
    tx.save_dynos(shop.id, &dynos.iter().rev().cloned().collect::<Vec<_>>()).await.unwrap();
    assert_eq!(tx.dynos(shop.id).await.unwrap(), dynos, "by type and number: web.10 comes after web.2");

    // From every state to every other: no column of the state before is left.
    for state in states {
        for dyno in &mut dynos {
            *dyno = DynoRecord { id: it.id(), ..it.dyno(&dyno.name.to_string(), state) };
        }
        tx.save_dynos(shop.id, &dynos).await.unwrap();
        assert_eq!(tx.dynos(shop.id).await.unwrap(), dynos);
    }
    for predecessor in leaving.map(|leaving| Some(Predecessor { generation: 6, leaving })).into_iter().chain([None]) {
        dynos.iter_mut().for_each(|record| record.dyno.predecessor = predecessor);
        tx.save_dynos(shop.id, &dynos).await.unwrap();
        assert_eq!(tx.dynos(shop.id).await.unwrap(), dynos);
    }
    tx.delete_dyno(shop.id, &dyno_name("web.2")).await.unwrap();
    assert_eq!(tx.dynos(shop.id).await.unwrap().len(), dynos.len() - 1);
    assert_eq!(tx.dynos(blog.id).await.unwrap().len(), 1, "another app's web.2 stays");
}

async fn one_offs() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let (mut run, other) = (it.one_off(shop.id, "run.1234"), it.one_off(blog.id, "run.1234"));
    let mut tx = it.write().await;
    tx.insert_one_off(&run).await.unwrap();
    tx.insert_one_off(&other).await.unwrap();
    assert_eq!(tx.one_off(shop.id, &run.name).await.unwrap(), Some(run.clone()));
    assert_eq!(tx.one_off(shop.id, &dyno_name("run.1")).await.unwrap(), None);
    tx.set_one_off_started(run.id).await.unwrap();
    run.started = true;
    assert_eq!(tx.one_offs(shop.id).await.unwrap(), [run.clone()]);
    assert_eq!(tx.all_one_offs().await.unwrap().len(), 2);
    tx.delete_one_off(run.id).await.unwrap();
    assert_eq!(tx.all_one_offs().await.unwrap(), [other]);
}

async fn worlds() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog, fresh) = (it.app("shop", &ada).await, it.app("blog", &ada).await, it.app("fresh", &ada).await);
    let (shop_slug, blog_slug) = (it.furnish(&shop).await, it.furnish(&blog).await);
    let mut tx = it.write().await;
    // Newer, but not what runs.
    let newer = it.slug(shop.id);
    tx.insert_slug(&newer).await.unwrap();
    it.release(&mut tx, &shop, Some(newer.id), false).await;
    tx.commit().await.unwrap();

    let mut tx = it.read().await;
    let worlds = tx.worlds().await.unwrap();
    assert_eq!(worlds.iter().map(|world| world.app.clone()).collect::<Vec<_>>(), [blog, fresh, shop]);
    assert_eq!((&worlds[1].current, &worlds[1].slug, worlds[1].formation.len(), worlds[1].dynos.len()), (&None, &None, 0, 0));
    for (world, slug) in [(&worlds[0], blog_slug), (&worlds[2], shop_slug)] {
        assert_eq!(world.slug.as_ref(), Some(&slug));
        assert_eq!(world.current, tx.current_release(world.app.id).await.unwrap());
        assert_eq!(world.formation, tx.formation(world.app.id).await.unwrap());
        assert_eq!(world.dynos, tx.dynos(world.app.id).await.unwrap());
        assert_eq!(world.dynos.len(), 1);
    }
}

async fn source_blobs() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let place = SourceBlob { id: it.id(), account: ada.id, sha256: None, created_at: now() };
    let mut tx = it.write().await;
    tx.insert_source_blob(&place).await.unwrap();
    assert_eq!(tx.source_blob(place.id).await.unwrap(), Some(place.clone()));
    let digest = Sha256([3; 32]);
    tx.fill_source_blob(place.id, digest).await.unwrap();
    assert_eq!(tx.source_blob(place.id).await.unwrap().unwrap().sha256, Some(digest));
    tx.forget_source_blobs(now()).await.unwrap();
    assert!(tx.source_blob(place.id).await.unwrap().is_some());
    tx.forget_source_blobs(later(1)).await.unwrap();
    assert_eq!(tx.source_blob(place.id).await.unwrap(), None);
}

async fn features_are_on_or_off() {
    let it = Fixture::new().await;
    let shop = it.app("shop", &it.account("ada@example.com").await).await;
    let mut tx = it.write().await;
    tx.enable_feature(shop.id, Feature::Preboot, now()).await.unwrap();
    tx.enable_feature(shop.id, Feature::Preboot, later(5)).await.unwrap();
    tx.enable_feature(shop.id, Feature::LogRuntimeMetrics, later(9)).await.unwrap();
    tx.disable_feature(shop.id, Feature::LogRuntimeMetrics).await.unwrap();
    tx.disable_feature(shop.id, Feature::LeastInFlight).await.unwrap();
    assert_eq!(tx.features(shop.id).await.unwrap(), [(Feature::Preboot, now())].into());
    assert_eq!(tx.worlds().await.unwrap()[0].features, [Feature::Preboot].into());
}
