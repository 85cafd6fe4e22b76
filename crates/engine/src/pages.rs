//! What apps show in place of the router's pages: two of their config vars.

use std::collections::HashMap;

use domain::{
    AppId, ReleaseId,
    route::{PageAddress, Pages},
};
use store::{Tx, World};

use crate::platform::{Platform, lock};

/// By app, read from the vars of this release. A release never changes, so it is read once.
pub(crate) type KnownPages = HashMap<AppId, (ReleaseId, Pages)>;

/// Reads the pages of releases that became current. What cannot be read leaves an app the pages it has: a page is not worth more.
pub(crate) async fn look(platform: &Platform, tx: &mut Tx, worlds: &[World]) {
    for (app, release) in news(platform, worlds) {
        let vars = match tx.release_config_vars(release).await {
            Ok(vars) => vars,
            Err(error) => {
                tracing::warn!(%app, %error, "its own error pages cannot be read");
                continue;
            }
        };
        let page = |name: &str| {
            let text = vars.get(name).map(domain::ConfigValue::expose).filter(|text| !text.is_empty())?;
            // Not the value: whatever is no address may be a secret that slipped.
            text.parse::<PageAddress>().map_err(|error| platform.tell(app, "router", format!("{name} is no address of a page: {error}"))).ok()
        };
        let pages = Pages { error: page("ERROR_PAGE_URL"), maintenance: page("MAINTENANCE_PAGE_URL") };
        lock(&platform.pages).insert(app, (release, pages));
    }
}

/// Current releases that were not read yet. Forgets apps that are gone.
fn news(platform: &Platform, worlds: &[World]) -> Vec<(AppId, ReleaseId)> {
    let mut known = lock(&platform.pages);
    let current: HashMap<AppId, ReleaseId> = worlds.iter().filter_map(|world| Some((world.app.id, world.current.as_ref()?.id))).collect();
    known.retain(|app, _| current.contains_key(app));
    current.into_iter().filter(|(app, release)| known.get(app).is_none_or(|(read, _)| read != release)).collect()
}
