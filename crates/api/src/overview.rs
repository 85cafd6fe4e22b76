//! `/mypaas/apps`, `/mypaas/accounts`, `/mypaas/nodes`: all there is, for admins. Heroku has no paths for that.

use api_types::{DynoCounts, PlatformAccount, PlatformApp, PlatformNode};
use axum::{extract::State, response::Response};
use engine::overview;

use crate::{
    Api,
    auth::Caller,
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{time, user_ref},
};

const APPS: &Keys<PlatformApp> = &[("name", |it| Key::Text(it.name.clone())), ("id", |it| Key::Text(it.id.clone()))];
const ACCOUNTS: &Keys<PlatformAccount> = &[("email", |it| Key::Text(it.email.clone())), ("id", |it| Key::Text(it.id.clone()))];
const NODES: &Keys<PlatformNode> = &[("name", |it| Key::Text(it.name.clone()))];

/// `GET /mypaas/apps`
pub(crate) async fn apps(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let shown = |summary: overview::AppSummary| PlatformApp {
        created_at: time(summary.app.created_at),
        disk_bytes: summary.disk_bytes,
        dynos: counted(summary.dynos),
        id: summary.app.id.to_string(),
        maintenance: summary.app.maintenance,
        name: summary.app.name.to_string(),
        owner: user_ref(&summary.owner),
        release: summary.release.as_ref().map(|release| release.version.0.into()),
        released_at: summary.release.as_ref().map(|release| time(release.created_at)),
        slug_size: summary.slug_bytes,
        stack: summary.app.stack.to_string(),
        wanted: summary.wanted,
    };
    Ok(range.page(api.platform.all_apps(&caller.actor).await?.into_iter().map(shown).collect(), APPS))
}

/// `GET /mypaas/accounts`
pub(crate) async fn accounts(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let shown = |person: store::Person| PlatformAccount {
        admin: person.admin,
        apps: person.apps,
        authorizations: person.authorizations,
        collaborations: person.collaborations,
        created_at: time(person.account.created_at),
        email: person.account.email.to_string(),
        id: person.account.id.to_string(),
        keys: person.keys,
        name: person.name,
    };
    Ok(range.page(api.platform.everybody(&caller.actor).await?.into_iter().map(shown).collect(), ACCOUNTS))
}

/// `GET /mypaas/nodes`
pub(crate) async fn nodes(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let shown = |node: overview::Node| {
        let machine = node.machine.as_ref().ok();
        PlatformNode {
            apps: node.apps,
            dynos: counted(node.dynos),
            engine: machine.map(|machine| machine.engine.clone()),
            free_disk_bytes: node.free_disk,
            memory_bytes: machine.map(|machine| machine.memory),
            name: node.name.clone(),
            processors: machine.map(|machine| machine.processors),
            state: if machine.is_some() { "up" } else { "unreachable" }.to_owned(),
            used_memory_bytes: node.used_memory,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            waiting_for: node.machine.err(),
        }
    };
    Ok(range.page(api.platform.nodes(&caller.actor).await?.into_iter().map(shown).collect(), NODES))
}

const fn counted(counts: overview::DynoCounts) -> DynoCounts {
    let overview::DynoCounts { up, starting, crashed, idle, one_off } = counts;
    DynoCounts { up, starting, crashed, idle, one_off }
}
