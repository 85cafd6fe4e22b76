//! Ending an account.

use super::World;

impl World {
    async fn bob_leaves(&self) -> String {
        self.ask("DELETE", "/account", &[("authorization", &self.bob.bearer())], "").await.verdict()
    }
}

#[tokio::test]
async fn an_account_ends_when_it_owns_nothing_and_is_not_the_last_admin() {
    let world = World::new().await;
    world.app("shop").await;
    let own = "422 invalid_params: You own shop. Destroy your apps, or transfer them to somebody else, first.";
    assert_eq!(world.ann("DELETE", "/account", "").await.verdict(), own);
    world.app("blog").await;
    assert!(world.ann("DELETE", "/users/~", "").await.verdict().contains("You own blog and 1 more."));
    for app in ["shop", "blog"] {
        world.ann("DELETE", &format!("/apps/{app}"), "").await;
    }
    assert!(world.ann("DELETE", "/account", "").await.verdict().starts_with("422 invalid_params: You are the only admin of this platform."));
    assert_eq!(world.ann("DELETE", "/users/bob@example.com", "").await.verdict(), "404 not_found: Couldn't find that account.");
    assert_eq!(world.bob_leaves().await, "200");
    assert_eq!(world.bob_leaves().await, "401 unauthorized: Invalid credentials provided.");
    let mut tx = world.api.platform.store.read().await.unwrap();
    assert_eq!(tx.accounts().await.unwrap().iter().map(|account| account.id).collect::<Vec<_>>(), [world.ann.account.id]);
}

#[tokio::test]
async fn what_somebody_did_for_others_stays_and_their_name_does_not() {
    let world = World::new().await;
    world.app("shop").await;
    world.ann("POST", "/apps/shop/collaborators", r#"{"user":"bob@example.com"}"#).await;
    let set = world.ask("PATCH", "/apps/shop/config-vars", &[("authorization", &world.bob.bearer())], r#"{"A":"1"}"#).await;
    assert_eq!(set.verdict(), "200");
    assert_eq!(world.bob_leaves().await, "200");
    let releases = world.ann("GET", "/apps/shop/releases", "").await;
    let by = releases.json()[2]["user"]["email"].as_str().unwrap().to_owned();
    assert!(by.starts_with("former-") && by.ends_with("@deleted.invalid"), "{by}");
    assert!(!world.ann("GET", "/apps/shop/collaborators", "").await.body.contains("@deleted.invalid"));
    assert_eq!(world.bob_leaves().await, "401 unauthorized: Invalid credentials provided.");
    let mut tx = world.api.platform.store.write().await.unwrap();
    let again = domain::Account { id: world.api.platform.chance.id(world.api.platform.clock.now()), ..world.bob.account.clone() };
    tx.insert_account(&again, None).await.unwrap();
}
