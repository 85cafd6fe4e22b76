//! What is kept, given up and whose to decide.

use domain::{SlugId, dyno::State, release::ReleaseStatus};

use super::support::{Fixture, later, now};

databases::on_both!(slugs_that_are_given_up);

async fn slugs_that_are_given_up() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let bob = it.account("bob@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let (old, new, other) = (it.slug(shop.id), it.slug(shop.id), it.slug(blog.id));
    let mut tx = it.write().await;
    for slug in [&old, &new, &other] {
        tx.insert_slug(slug).await.unwrap();
    }
    let first = it.release(&mut tx, &shop, Some(old.id), true).await;
    it.release(&mut tx, &shop, Some(new.id), true).await;
    let mut dyno = it.dyno("web.1", State::Down { since: now() });
    dyno.dyno.release = first.version;
    tx.save_dynos(shop.id, &[dyno]).await.unwrap();
    let mentions = tx.mentions_of_kept_slugs().await.unwrap();
    let seen =
        |slug: SlugId| mentions.iter().find(|mention| mention.slug == slug).map(|mention| (mention.version.0, mention.newest.0, mention.current, mention.runs));
    assert_eq!((seen(old.id), seen(new.id), seen(other.id)), (Some((1, 2, false, true)), Some((2, 2, true, false)), None));

    tx.expire_slug(old.id, later(1)).await.unwrap();
    tx.expire_slug(old.id, later(2)).await.unwrap();
    assert_eq!((tx.slug_expired_at(old.id).await.unwrap(), tx.slug_expired_at(new.id).await.unwrap()), (Some(later(1)), None));
    let mut kept: Vec<_> = tx.kept_slugs().await.unwrap().into_iter().map(|slug| slug.id).collect();
    kept.sort();
    let mut expected = [new.id, other.id];
    expected.sort();
    assert_eq!(kept, expected);
    assert_eq!(tx.release(first.id).await.unwrap().unwrap().status, ReleaseStatus::Expired);
    assert_eq!(tx.current_release(shop.id).await.unwrap().unwrap().status, ReleaseStatus::Succeeded);
    assert_eq!(tx.slug(old.id).await.unwrap(), Some(old), "the row stays");
    // One that never succeeded did not expire.
    tx.set_release_status(first.id, ReleaseStatus::Failed).await.unwrap();
    assert_eq!(tx.release(first.id).await.unwrap().unwrap().status, ReleaseStatus::Failed);

    assert_eq!((tx.is_admin(ada.id).await.unwrap(), tx.is_admin(bob.id).await.unwrap()), (true, false), "the first account is an admin");
    tx.set_admin(bob.id, true).await.unwrap();
    tx.set_admin(ada.id, false).await.unwrap();
    assert_eq!((tx.is_admin(ada.id).await.unwrap(), tx.is_admin(bob.id).await.unwrap()), (false, true));
}
