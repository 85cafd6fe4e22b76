//! `/apps/{app}/formation`: how many dynos of which type and size.

use std::collections::BTreeMap;

use api_types::{Formation, FormationBatchUpdate, FormationTypeUpdate, FormationUpdate, Quantity, SizeName};
use axum::{Json, extract::State, response::Response};
use domain::{App, DynoSizes, ProcessType, formation::Scale};
use engine::{Permission, Refusal, scaling::ScaleChange};
use jiff::Timestamp;
use store::{StoreError, Tx};

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{app_ref, fixed_id, size_ref, time},
};

const KEYS: &Keys<Formation> = &[("type", |it| Key::Text(it.process_type.clone())), ("id", |it| Key::Text(it.id.clone()))];

/// `GET /apps/{app}/formation`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::View).await?;
    let scales = tx.formation(app.id).await?;
    Ok(range.page(shown(&mut tx, &app, scales).await?, KEYS))
}

/// `GET /apps/{app}/formation/{type}`
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<Formation>, ApiError> {
    let (mut tx, app) = api.read_app(&caller, &app, Permission::View).await?;
    let scales = tx.formation(app.id).await?;
    one(shown(&mut tx, &app, scales).await?, &named)
}

/// `PATCH /apps/{app}/formation`: all of the changes or none. Answers the types that were named.
pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<FormationBatchUpdate>,
) -> Result<Json<Vec<Formation>>, ApiError> {
    let mut after = change(&api, &caller, &app, &asked.updates).await?;
    after.retain(|formation| asked.updates.iter().any(|update| names(&update.process_type, formation)));
    Ok(Json(after))
}

/// `PATCH /apps/{app}/formation/{type}`
pub(crate) async fn update_one(
    State(api): State<Api>,
    caller: Caller,
    Named((app, named)): Named<(String, String)>,
    Body(asked): Body<FormationTypeUpdate>,
) -> Result<Json<Formation>, ApiError> {
    let FormationTypeUpdate { dyno_size, quantity, size } = asked;
    let update = FormationUpdate { dyno_size, quantity, size, process_type: named.clone() };
    one(change(&api, &caller, &app, &[update]).await?, &named)
}

/// Scales, and shows the whole formation as it is then.
async fn change(api: &Api, caller: &Caller, app: &str, updates: &[FormationUpdate]) -> Result<Vec<Formation>, ApiError> {
    let (mut tx, app) = api.read_app(caller, app, Permission::Operate).await?;
    let types = tx.formation(app.id).await?;
    drop(tx);
    let changes = updates.iter().map(|update| ScaleChange {
        process_type: types
            .keys()
            .find(|known| formation_id(&app, known) == update.process_type)
            .map_or_else(|| update.process_type.clone(), ToString::to_string),
        quantity: update.quantity.as_ref().map(|Quantity(text)| text.clone()),
        size: update.dyno_size.as_ref().or(update.size.as_ref()).map(|asked| size_name(&api.platform.settings.sizes, asked)),
    });
    let (app, scales) = api.platform.scale(&caller.actor, &app.id.to_string(), &changes.collect::<Vec<_>>()).await?;
    Ok(shown(&mut api.platform.store.read().await?, &app, scales).await?)
}

/// A size's name; clients that read `/dyno-sizes` may send its id.
fn size_name(sizes: &DynoSizes, SizeName(asked): &SizeName) -> String {
    let known = sizes.iter().find(|(size, _)| size_ref(size).id == *asked);
    known.map_or_else(|| asked.clone(), |(size, _)| size.name().to_owned())
}

fn one(formations: Vec<Formation>, named: &str) -> Result<Json<Formation>, ApiError> {
    let found = formations.into_iter().find(|formation| names(named, formation));
    found.map(Json).ok_or_else(|| Refusal::NotFound("formation").into())
}

fn names(named: &str, formation: &Formation) -> bool {
    named == formation.process_type || named == formation.id
}

fn formation_id(app: &App, process_type: &ProcessType) -> String {
    fixed_id(&["formation", &app.id.to_string(), process_type.as_str()])
}

async fn shown(tx: &mut Tx, app: &App, scales: BTreeMap<ProcessType, Scale>) -> Result<Vec<Formation>, StoreError> {
    let current = tx.current_release(app.id).await?;
    let slug = match current.as_ref().and_then(|release| release.slug) {
        Some(slug) => tx.slug(slug).await?,
        None => None,
    };
    let since: Timestamp = current.map_or(app.created_at, |release| release.created_at);
    let formations = scales.into_iter().map(|(process_type, Scale { quantity, size })| Formation {
        app: app_ref(app),
        command: slug.as_ref().and_then(|slug| slug.process_types.command(&process_type)).unwrap_or_default().to_owned(),
        created_at: time(app.created_at),
        dyno_size: size_ref(&size),
        id: formation_id(app, &process_type),
        quantity,
        size: size.name().to_owned(),
        process_type: process_type.to_string(),
        updated_at: time(since),
    });
    Ok(formations.collect())
}
