//! `/apps/{app}/features`: what an app has switched on.

use api_types::{AppFeature, AppFeatureUpdate};
use axum::{Json, extract::State, response::Response};
use domain::{App, Feature};
use engine::Permission;
use jiff::Timestamp;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::{ApiError, not_found},
    range::{Key, Keys, Range},
    shape::{EPOCH, fixed_id, time},
};

const KEYS: &Keys<AppFeature> = &[("name", |it| Key::Text(it.name.clone())), ("id", |it| Key::Text(it.id.clone()))];

/// `GET /apps/{app}/features`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    let on = api.platform.features(&app).await?;
    Ok(range.page(Feature::ALL.into_iter().map(|feature| shown(&app, feature, on.get(&feature).copied())).collect(), KEYS))
}

/// `GET /apps/{app}/features/{feature}`: by name or id.
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<AppFeature>, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    let feature = find(&named)?;
    let on = api.platform.features(&app).await?;
    Ok(Json(shown(&app, feature, on.get(&feature).copied())))
}

/// `PATCH /apps/{app}/features/{feature}`
pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    Named((app, named)): Named<(String, String)>,
    Body(AppFeatureUpdate { enabled }): Body<AppFeatureUpdate>,
) -> Result<Json<AppFeature>, ApiError> {
    // Who may not see the app does not learn what features there are.
    api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    let feature = find(&named)?;
    let (app, on) = api.platform.set_feature(&caller.actor, &app, feature, enabled).await?;
    Ok(Json(shown(&app, feature, on.get(&feature).copied())))
}

fn find(named: &str) -> Result<Feature, ApiError> {
    let found = Feature::ALL.into_iter().find(|feature| feature.name() == named || id(*feature) == named);
    found.ok_or_else(|| not_found("feature"))
}

fn id(feature: Feature) -> String {
    fixed_id(&["app-feature", feature.name()])
}

fn shown(app: &App, feature: Feature, since: Option<Timestamp>) -> AppFeature {
    AppFeature {
        created_at: EPOCH.to_owned(),
        description: feature.description().to_owned(),
        display_name: Some(feature.name().to_owned()),
        doc_url: format!("https://devcenter.heroku.com/articles/{}", feature.name()),
        enabled: since.is_some(),
        feedback_email: Some(String::new()),
        id: id(feature),
        name: feature.name().to_owned(),
        state: if feature.is_labs() { "beta" } else { "general" }.to_owned(),
        updated_at: since.map_or_else(|| time(app.created_at), time),
    }
}
