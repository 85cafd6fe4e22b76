//! `/apps/{app}/domains`: the host name every app has, and those brought to it.

use api_types::{Domain, DomainCreate};
use axum::{Json, extract::State, response::Response};
use domain::{App, CustomDomain};
use engine::{Permission, Refusal, domains::is_named};
use http::StatusCode;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    shape::{app_ref, fixed_id, time},
};

const KEYS: &Keys<Domain> = &[("id", |it| Key::Text(it.id.clone())), ("hostname", |it| Key::Text(it.hostname.clone()))];

/// `GET /apps/{app}/domains`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Named(app): Named<String>, range: Range) -> Result<Response, ApiError> {
    let (app, custom) = api.platform.domains(&caller.actor, &app).await?;
    let all = [own(&api, &app)].into_iter().chain(custom.iter().map(|domain| shown(&api, &app, domain)));
    Ok(range.page(all.collect(), KEYS))
}

/// `GET /apps/{app}/domains/{domain}`: by host name or id.
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<Domain>, ApiError> {
    let (app, custom) = api.platform.domains(&caller.actor, &app).await?;
    let own = own(&api, &app);
    if is(&own, &named) {
        return Ok(Json(own));
    }
    let found = custom.iter().find(|domain| is_named(domain, &named)).ok_or(Refusal::NotFound("domain"))?;
    Ok(Json(shown(&api, &app, found)))
}

/// `POST /apps/{app}/domains`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<DomainCreate>,
) -> Result<(StatusCode, Json<Domain>), ApiError> {
    if asked.sni_endpoint.is_some() {
        api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
        return Err(certificates());
    }
    let (app, domain) = api.platform.add_domain(&caller.actor, &app, &asked.hostname).await?;
    Ok((StatusCode::CREATED, Json(shown(&api, &app, &domain))))
}

/// `PATCH /apps/{app}/domains/{domain}`: names another certificate, of which there are none.
pub(crate) async fn update(State(api): State<Api>, caller: Caller, Named((app, _)): Named<(String, String)>) -> Result<Json<Domain>, ApiError> {
    api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    Err(certificates())
}

/// `DELETE /apps/{app}/domains/{domain}`: by host name or id.
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Named((app, named)): Named<(String, String)>) -> Result<Json<Domain>, ApiError> {
    let of_app = api.platform.authorize(&caller.actor, &app, Permission::Operate).await?;
    if is(&own(&api, &of_app), &named) {
        return Err(Refusal::Invalid("The app's own domain cannot be removed; `apps:rename` changes it.".to_owned()).into());
    }
    let (app, domain) = api.platform.remove_domain(&caller.actor, &app, &named).await?;
    Ok(Json(shown(&api, &app, &domain)))
}

fn certificates() -> ApiError {
    Refusal::NotYet("Certificates of apps' own are not built yet; a domain is added without one.".to_owned()).into()
}

fn own_name(api: &Api, app: &App) -> String {
    format!("{}.{}", app.name, api.platform.settings.app_domain)
}

fn is(own: &Domain, named: &str) -> bool {
    named == own.id || named.eq_ignore_ascii_case(&own.hostname)
}

fn own(api: &Api, app: &App) -> Domain {
    let hostname = own_name(api, app);
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

fn shown(api: &Api, app: &App, domain: &CustomDomain) -> Domain {
    Domain {
        // Its DNS record can point to the app's own name; the router goes by what a request asks for.
        cname: Some(own_name(api, app)),
        created_at: time(domain.created_at),
        hostname: domain.name.to_string(),
        id: domain.id.to_string(),
        kind: "custom".to_owned(),
        // Status stays `none`: it is good from the moment it is added, and there is nothing to wait for.
        updated_at: time(domain.created_at),
        ..own(api, app)
    }
}
