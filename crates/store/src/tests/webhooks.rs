//! Webhooks and their deliveries, as they come and go.

use domain::webhook::{Attempt, DeliveryStatus, Topic};

use super::support::{Fixture, later, now, rows};
use crate::Tx;

databases::on_both!(a_webhook_comes_back_as_it_was, deliveries_are_due_until_they_have_arrived, what_a_webhook_leads_to_is_sealed, all_of_it_goes_with_the_app);

async fn counts(tx: &mut Tx) -> (i64, i64, i64) {
    (rows(tx, "webhooks").await, rows(tx, "webhook_events").await, rows(tx, "webhook_deliveries").await)
}

async fn a_webhook_comes_back_as_it_was() {
    let it = Fixture::new().await;
    let shop = it.app("shop", &it.account("ada@example.com").await).await;
    let mut webhook = it.webhook(shop.id);
    let mut tx = it.write().await;
    tx.insert_webhook(&webhook).await.unwrap();
    assert_eq!(tx.webhooks(shop.id).await.unwrap(), [webhook.clone()]);
    webhook.topics = vec![Topic::App];
    webhook.target.authorization = None;
    webhook.updated_at = later(5);
    tx.update_webhook(&webhook).await.unwrap();
    assert_eq!(tx.webhook(webhook.id).await.unwrap(), Some(webhook.clone()));
    tx.delete_webhook(webhook.id).await.unwrap();
    assert_eq!(tx.webhook(webhook.id).await.unwrap(), None);
}

async fn deliveries_are_due_until_they_have_arrived() {
    let it = Fixture::new().await;
    let shop = it.app("shop", &it.account("ada@example.com").await).await;
    let (webhook, event) = (it.webhook(shop.id), it.webhook_event(shop.id));
    let mut tx = it.write().await;
    tx.insert_webhook(&webhook).await.unwrap();
    tx.insert_webhook_event(&event).await.unwrap();
    let delivery = it.delivery(&webhook, &event);
    assert_eq!(tx.next_delivery_at().await.unwrap(), None);
    tx.insert_delivery(&delivery).await.unwrap();
    assert_eq!((tx.due_deliveries(later(-1), 9).await.unwrap(), tx.due_deliveries(now(), 9).await.unwrap()), (vec![], vec![delivery.clone()]));
    let failed = delivery.begun(now()).ended(Attempt { at: now(), code: None, error: Some("Timeout".to_owned()) });
    tx.update_delivery(&failed).await.unwrap();
    assert_eq!(tx.next_delivery_at().await.unwrap(), Some(later(15)));
    assert_eq!((tx.due_deliveries(later(14), 9).await.unwrap(), tx.due_deliveries(later(15), 9).await.unwrap()), (vec![], vec![failed.clone()]));
    let arrived = failed.begun(later(15)).ended(Attempt { at: later(15), code: Some(200), error: None });
    tx.update_delivery(&arrived).await.unwrap();
    assert_eq!((arrived.status, tx.delivery(arrived.id).await.unwrap()), (DeliveryStatus::Succeeded, Some(arrived.clone())));
    assert_eq!((tx.deliveries(shop.id, 9).await.unwrap(), tx.due_deliveries(later(1_000_000), 9).await.unwrap()), (vec![arrived], vec![]));
    assert_eq!((tx.webhook_events(shop.id, 9).await.unwrap(), tx.webhook_event(event.id).await.unwrap()), (vec![event.clone()], Some(event)));
    tx.delete_webhook_events_before(now()).await.unwrap();
    assert_eq!(counts(&mut tx).await, (1, 1, 1));
    tx.delete_webhook_events_before(later(1)).await.unwrap();
    assert_eq!(counts(&mut tx).await, (1, 0, 0), "a delivery goes with its event");
}

async fn what_a_webhook_leads_to_is_sealed() {
    let it = Fixture::new().await;
    let shop = it.app("shop", &it.account("ada@example.com").await).await;
    let mut tx = it.write().await;
    tx.insert_webhook(&it.webhook(shop.id)).await.unwrap();
    tx.commit().await.unwrap();
    let text = databases::on_disk(it.dir.path()).await;
    assert!(text.contains("api:build api:release"), "the search finds what is not sealed");
    assert!(!text.contains("hooks.example.com") && !text.contains("planted-secret") && !text.contains("Bearer x"));
}

async fn all_of_it_goes_with_the_app() {
    let it = Fixture::new().await;
    let shop = it.app("shop", &it.account("ada@example.com").await).await;
    it.furnish(&shop).await;
    let mut tx = it.write().await;
    assert_eq!(counts(&mut tx).await, (1, 1, 1));
    tx.delete_app(shop.id).await.unwrap();
    assert_eq!(counts(&mut tx).await, (0, 0, 0));
}
