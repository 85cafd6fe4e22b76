//! `/apps/{app}/domains`: the host name every app has.

use api_types::Domain;
use axum::{Json, extract::State, response::Response};
use domain::App;
use engine::{Permission, Refusal};

use crate::{
    Api,
    auth::Caller,
    body::Named,
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{app_ref, fixed_id, time},
};

const KEYS: &Keys<Domain> = &[("id", |it| Key::Text(it.id.clone())), ("hostname", |it| Key::Text(it.hostname.clone()))];

/// `GET /apps/{app}/domains`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    Ok(range.page(vec![own(&api, &app)], KEYS))
}

/// `GET /apps/{app}/domains/{domain}`: by host name or id.
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<Domain>, ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    let own = own(&api, &app);
    if named == own.id || named.eq_ignore_ascii_case(&own.hostname) { Ok(Json(own)) } else { Err(Refusal::NotFound("domain").into()) }
}

fn own(api: &Api, app: &App) -> Domain {
    let hostname = format!("{}.{}", app.name, api.platform.settings.app_domain);
    Domain {
        acm_status: None,
        acm_status_reason: None,
        app: app_ref(app),
        cname: None,
        created_at: time(app.created_at),
        id: fixed_id(&["domain", &app.id.to_string(), &hostname]),
        hostname,
        kind: "heroku".to_owned(),
        sni_endpoint: None,
        status: "none".to_owned(),
        updated_at: time(app.created_at),
    }
}
