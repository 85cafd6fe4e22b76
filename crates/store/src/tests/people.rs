//! OAuth clients, accounts that go, and apps as lists show them.

use domain::{oauth_client::OauthClient, sharing::Collaborator, webhook::Confidential};

use super::support::{Fixture, later, now, rows};

databases::on_both!(
    a_client_comes_back_as_it_was_and_its_secret_is_sealed,
    an_account_goes_with_all_its_own,
    a_front_is_what_its_parts_say,
    everybody_is_counted_with_what_is_theirs
);

async fn a_client_comes_back_as_it_was_and_its_secret_is_sealed() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let secret = Confidential::new("planted-client-secret").unwrap();
    let (name, redirect_uri) = ("mine".to_owned(), "https://example.com/planted-uri".to_owned());
    let client = OauthClient { id: it.id(), account: ada.id, name, redirect_uri, secret, created_at: now(), updated_at: now() };
    let mut tx = it.write().await;
    tx.insert_oauth_client(&client).await.unwrap();
    tx.commit().await.unwrap();
    let text = databases::on_disk(it.dir.path()).await;
    assert!(text.contains("planted-uri") && !text.contains("planted-client-secret"));
    let changed = OauthClient { name: "ours".to_owned(), secret: Confidential::new("another").unwrap(), updated_at: later(1), ..client.clone() };
    let mut tx = it.write().await;
    assert_eq!(tx.oauth_clients(ada.id).await.unwrap(), [client]);
    tx.update_oauth_client(&changed).await.unwrap();
    assert_eq!(tx.oauth_clients(ada.id).await.unwrap(), std::slice::from_ref(&changed));
    tx.delete_oauth_client(changed.id).await.unwrap();
    assert_eq!(tx.oauth_clients(ada.id).await.unwrap(), []);
}

async fn an_account_goes_with_all_its_own() {
    let it = Fixture::new().await;
    let (ada, bob) = (it.account("ada@example.com").await, it.account("bob@example.com").await);
    let shop = it.app("shop", &ada).await;
    let nobody = "former-x@deleted.invalid".parse().unwrap();
    let mut tx = it.write().await;
    tx.insert_collaborator(&Collaborator { id: it.id(), app: shop.id, account: bob.id, created_at: now() }).await.unwrap();
    tx.insert_authorization(&it.authorization(&bob, None), [9; 32]).await.unwrap();
    tx.set_admin(bob.id, true).await.unwrap();
    assert_eq!(tx.count_admins().await.unwrap(), 2);
    tx.commit().await.unwrap();
    let mut tx = it.write().await;
    tx.delete_account(bob.id, &nobody).await.unwrap();
    assert_eq!((tx.account(bob.id).await.unwrap(), tx.count_admins().await.unwrap()), (None, 1));
    assert_eq!((rows(&mut tx, "collaborators").await, rows(&mut tx, "authorizations").await), (0, 0));
    drop(tx);
    // Not committed: bob is there, and does something that others go on seeing.
    let mut tx = it.write().await;
    tx.insert_build(&domain::Build { user: bob.id, ..it.build(&shop) }).await.unwrap();
    tx.delete_account(bob.id, &nobody).await.unwrap();
    assert_eq!(tx.account(bob.id).await.unwrap().unwrap().email, nobody);
    assert!(tx.account_by_email(&bob.email).await.unwrap().is_none() && !tx.is_admin(bob.id).await.unwrap());
    assert_eq!(rows(&mut tx, "authorizations").await, 0);
}

async fn a_front_is_what_its_parts_say() {
    let it = Fixture::new().await;
    let (ada, bob) = (it.account("ada@example.com").await, it.account("bob@example.com").await);
    let (shop, _, mail) = (it.app("shop", &ada).await, it.app("blog", &bob).await, it.app("mail", &bob).await);
    let slug = it.furnish(&shop).await;
    let mut tx = it.write().await;
    tx.insert_collaborator(&Collaborator { id: it.id(), app: mail.id, account: ada.id, created_at: now() }).await.unwrap();
    let fronts = tx.app_fronts_open_to(ada.id).await.unwrap();
    assert_eq!(fronts.iter().map(|front| &front.app).collect::<Vec<_>>(), [&mail, &shop], "by name, and each once");
    assert_eq!((fronts[0].released_at, &fronts[0].slug), (None, &None));
    let shown = fronts[1].slug.as_ref().unwrap();
    assert_eq!((shown.bytes, &shown.language, &shown.stack, fronts[1].released_at), (slug.bytes, &slug.language, &slug.stack, Some(now())));
    assert_eq!(tx.app_front(shop.id).await.unwrap().as_ref(), Some(&fronts[1]));
}

async fn everybody_is_counted_with_what_is_theirs() {
    let it = Fixture::new().await;
    let (bob, ada) = (it.account("bob@example.com").await, it.account("ada@example.com").await);
    let (shop, _) = (it.app("shop", &bob).await, it.app("blog", &bob).await);
    let mut tx = it.write().await;
    tx.insert_collaborator(&Collaborator { id: it.id(), app: shop.id, account: ada.id, created_at: now() }).await.unwrap();
    for hash in [7, 8, 9] {
        tx.insert_authorization(&it.authorization(&ada, None), [hash; 32]).await.unwrap();
    }
    tx.set_account_name(ada.id, Some("Ada".to_owned())).await.unwrap();
    let people = tx.people().await.unwrap();
    let counts = |person: &crate::Person| (person.apps, person.collaborations, person.authorizations, person.keys);
    // The first account is an admin.
    let all: Vec<_> = people.iter().map(|person| (person.account.email.as_str(), person.name.as_deref(), person.admin, counts(person))).collect();
    assert_eq!(all, [("ada@example.com", Some("Ada"), false, (0, 1, 3, 0)), ("bob@example.com", None, true, (2, 0, 0, 0))]);
}
