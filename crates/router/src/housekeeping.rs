//! What nobody's request waits for: tells tunnels of dynos that are going away, closes connections that grew old.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::sleep;

use crate::{listen::Router, worker::lock};

/// However often tables are swapped, they are looked through only so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often idle connections are looked through, while there are any.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// As long as there is the router.
pub(crate) async fn keep(router: Weak<Router>) {
    let Some(strong) = router.upgrade() else { return };
    let mut routes = strong.routes.clone();
    drop(strong);
    let mut shelved = false;
    loop {
        let Some(strong) = router.upgrade() else { return };
        let changed = if shelved {
            tokio::select! {
                changed = routes.changed() => changed.is_ok(),
                () = sleep(TIDY_EVERY) => true,
            }
        } else {
            tokio::select! {
                changed = routes.changed() => changed.is_ok(),
                () = strong.shelved.notified() => {
                    shelved = true;
                    continue;
                }
            }
        };
        if !changed {
            // There will be no other table. What is left ages on its own.
            return;
        }
        shelved = look(&strong, shelved);
        drop(strong);
        sleep(LOOK_EVERY).await;
    }
}

/// True if idle connections are left.
fn look(router: &Arc<Router>, shelved: bool) -> bool {
    let table = router.routes.borrow().clone();
    router.fleet.sweep(&table);
    if !shelved {
        return false;
    }
    let known: HashSet<SocketAddr> = table.hosts.values().flat_map(|route| &route.web).filter_map(|backend| backend.address).collect();
    let mut workers = lock(&router.workers);
    workers.retain(|worker| worker.strong_count() > 0);
    workers.iter().filter_map(Weak::upgrade).map(|worker| worker.idle.tidy(|address| known.contains(address))).fold(false, |any, left| any | left)
}
