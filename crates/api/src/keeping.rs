//! `/mypaas/…`: what Heroku has no path for, since it is the admin's: how full the disk is, and what of it can go.

use api_types::{Disk, DiskApp, DiskKind, Garbage, GarbageReport};
use axum::{Json, extract::State};
use engine::disk;

use crate::{Api, auth::Caller, error::ApiError};

/// `GET /mypaas/disk`
pub(crate) async fn disk(State(api): State<Api>, caller: Caller) -> Result<Json<Disk>, ApiError> {
    let disk = api.platform.disk(&caller.actor).await?;
    let kind = |kind: disk::Kind| {
        let (count, bytes) = disk.kinds.get(&kind).copied().unwrap_or_default();
        DiskKind { kind: kind.word().to_owned(), count, bytes }
    };
    Ok(Json(Disk {
        free_bytes: disk.free,
        floor_bytes: disk.floor,
        kinds: disk::Kind::ALL.map(kind).into(),
        apps: disk.apps.iter().map(|(name, bytes)| DiskApp { name: name.to_string(), bytes: *bytes }).collect(),
    }))
}

/// `GET /mypaas/garbage`: what the next sweep would remove.
pub(crate) async fn garbage(State(api): State<Api>, caller: Caller) -> Result<Json<GarbageReport>, ApiError> {
    Ok(Json(report(api.platform.garbage(&caller.actor).await?)))
}

/// `POST /mypaas/garbage/actions/collect`: removes it now and answers what went.
pub(crate) async fn collect(State(api): State<Api>, caller: Caller) -> Result<Json<GarbageReport>, ApiError> {
    Ok(Json(report(api.platform.collect_garbage(&caller.actor).await?)))
}

fn report(garbage: Vec<disk::Garbage>) -> GarbageReport {
    let shown = |garbage: disk::Garbage| Garbage {
        kind: garbage.kind.word().to_owned(),
        name: garbage.name,
        app: garbage.app.map(|app| app.to_string()),
        bytes: garbage.bytes,
        reason: garbage.reason.to_owned(),
    };
    let garbage: Vec<Garbage> = garbage.into_iter().map(shown).collect();
    GarbageReport { bytes: garbage.iter().map(|garbage| garbage.bytes).sum(), garbage }
}
