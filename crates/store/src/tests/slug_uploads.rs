//! Slugs made elsewhere: asked for, uploaded, forgotten.

use domain::{Sha256, Slug, SlugOrigin, SlugUpload};

use super::support::{Fixture, later, now, rows};

databases::on_both!(a_slug_takes_the_place_of_its_upload, what_nobody_uploads_is_forgotten);

async fn a_slug_takes_the_place_of_its_upload() {
    let it = Fixture::new().await;
    let shop = it.app("shop", &it.account("ada@example.com").await).await;
    let whole = it.slug_upload(shop.id);
    let bare = SlugUpload { id: it.id(), commit: None, commit_description: None, language: None, checksum: None, ..whole.clone() };
    let mut tx = it.write().await;
    for upload in [&whole, &bare] {
        tx.insert_slug_upload(upload).await.unwrap();
    }
    assert_eq!(tx.slug_upload(whole.id).await.unwrap(), Some(whole.clone()));
    assert_eq!(tx.slug_upload(bare.id).await.unwrap(), Some(bare));
    assert_eq!(tx.slug(whole.id).await.unwrap(), None);

    let slug = Slug { id: whole.id, ..it.slug(shop.id) };
    tx.finish_slug_upload(&whole, &slug, Sha256([9; 32])).await.unwrap();
    assert_eq!((tx.slug_upload(whole.id).await.unwrap(), tx.slug(whole.id).await.unwrap()), (None, Some(slug)));
    let origin = SlugOrigin { uploaded: Some(Sha256([9; 32])), commit_description: whole.commit_description };
    assert_eq!(tx.slug_origin(whole.id).await.unwrap(), origin);
    let built = it.slug(shop.id);
    tx.insert_slug(&built).await.unwrap();
    assert_eq!(tx.slug_origin(built.id).await.unwrap(), SlugOrigin::default());
}

async fn what_nobody_uploads_is_forgotten() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let (shop, blog) = (it.app("shop", &ada).await, it.app("blog", &ada).await);
    let (old, other) = (it.slug_upload(shop.id), it.slug_upload(blog.id));
    let new = SlugUpload { id: it.id(), created_at: later(10), ..old.clone() };
    let mut tx = it.write().await;
    for upload in [&old, &new, &other] {
        tx.insert_slug_upload(upload).await.unwrap();
    }
    tx.delete_app(blog.id).await.unwrap();
    assert_eq!(tx.slug_upload(other.id).await.unwrap(), None, "it goes with its app");
    tx.forget_slug_uploads(now()).await.unwrap();
    assert_eq!(rows(&mut tx, "slug_uploads").await, 2);
    tx.forget_slug_uploads(later(10)).await.unwrap();
    assert_eq!((tx.slug_upload(old.id).await.unwrap(), tx.slug_upload(new.id).await.unwrap()), (None, Some(new)));
}
