//! `/oauth/authorizations`: how tokens come and go.

use api_types::{AccessToken, Authorization, AuthorizationCreate, AuthorizationUpdate, Secret};
use axum::{Extension, Json, extract::State, response::Response};
use domain::{Email, Scope, Scopes};
use engine::{Login, Refusal, accounts::NewToken};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

use crate::{
    Api,
    auth::{Caller, Presented, second_factor},
    body::{Body, Named},
    error::ApiError,
    range::{Key, Keys, Range},
    request_id::About,
    shape::{time, user_ref},
};

const KEYS: &Keys<Authorization> = &[("id", |it| Key::Text(it.id.clone()))];

/// `POST /oauth/authorizations`: for an address with its password and, where two-factor authentication is
/// on, a code, or for somebody who has a token already.
pub(crate) async fn create(
    State(api): State<Api>,
    Extension(about): Extension<About>,
    headers: HeaderMap,
    Body(asked): Body<AuthorizationCreate>,
) -> Result<(StatusCode, Json<Authorization>), ApiError> {
    let presented = Presented::of(&headers).ok_or(Refusal::Unauthorized)?;
    let seconds = asked.expires_in.map(|seconds| i64::try_from(seconds).map(SignedDuration::from_secs)).transpose();
    let expires_in = seconds.map_err(|_| Refusal::Invalid("expires_in is out of range".to_owned()))?;
    let description = asked.description.as_deref().unwrap_or("Long-lived user authorization");
    let scopes = Scopes::of(asked.scope.as_deref().unwrap_or_default()).map_err(Refusal::from)?;
    // Some clients send their token as a password here too.
    let known = api.platform.actor(presented.token().expose_secret()).await?;
    let (action, mut detail) = ("POST /oauth/authorizations".to_owned(), format!("scope {scopes}"));
    let account = match (known, presented) {
        (Some(actor), _) => {
            about.know(&actor, Scope::Global.word());
            about.audit(&api, actor.account.email.as_str(), actor.authorization().map(|id| id.to_string()), action, None).await?;
            actor.must_cover(Scope::Global)?;
            actor.account
        }
        (None, Presented::Basic { user, password }) => {
            let (code, from) = (second_factor(&headers), about.source());
            let checked = api.platform.check_login(Login { email: &user, password: &password, code: code.as_ref(), from: from.as_deref() }).await;
            // What is no address may be anything, a password too; and who tries too often does not fill the record.
            if let (Ok(email), Ok(_) | Err(Refusal::Unauthorized | Refusal::SecondFactor(_))) = (user.parse::<Email>(), &checked) {
                about.audit(&api, email.as_str(), None, action, None).await?;
            }
            let (account, proof) = checked?;
            detail = format!("{detail}, by {}", proof.words());
            account
        }
        (None, Presented::Token(_)) => return Err(Refusal::Unauthorized.into()),
    };
    about.detail(detail);
    let NewToken { authorization, account, token } = api.platform.scoped_token(account, description, expires_in, scopes).await?;
    let shown = shown(&authorization, &account, Secret::new(token.expose_secret()), api.platform.clock.now());
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `GET /oauth/authorizations`
pub(crate) async fn list(State(api): State<Api>, caller: Caller, range: Range) -> Result<Response, ApiError> {
    let now = api.platform.clock.now();
    let all = api.platform.authorizations(caller.actor.account.id).await?;
    let holding = all.iter().filter(|authorization| authorization.holds_at(now));
    let shown = holding.map(|authorization| {
        // The caller has this one in hand; seeing it here, a client finds which one to delete when it logs out.
        let own = (caller.actor.authorization() == Some(authorization.id)).then(|| Secret::new(caller.token.expose_secret()));
        shown(authorization, &caller.actor.account, own.unwrap_or_else(|| redacted(authorization)), now)
    });
    Ok(range.page(shown.collect(), KEYS))
}

/// `GET /oauth/authorizations/{id}`; `~` is the one the caller's token belongs to.
pub(crate) async fn info(State(api): State<Api>, caller: Caller, Named(id): Named<String>) -> Result<Json<Authorization>, ApiError> {
    let id = named(&caller, &id)?;
    let all = api.platform.authorizations(caller.actor.account.id).await?;
    let found = all.iter().find(|authorization| authorization.id == id).ok_or(Refusal::NotFound("authorization"))?;
    // Not the token itself: Heroku's command line takes a token that `~` shows for one that must outlive the logout.
    Ok(Json(shown(found, &caller.actor.account, redacted(found), api.platform.clock.now())))
}

/// `PATCH /oauth/authorizations/{id}`
pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<String>,
    Body(asked): Body<AuthorizationUpdate>,
) -> Result<Json<Authorization>, ApiError> {
    let changed = api.platform.describe_token(&caller.actor, named(&caller, &id)?, asked.description.as_deref()).await?;
    Ok(Json(shown(&changed, &caller.actor.account, redacted(&changed), api.platform.clock.now())))
}

/// `POST /oauth/authorizations/{id}/actions/regenerate-tokens`: another token in its place; the old one ends at once.
pub(crate) async fn regenerate(State(api): State<Api>, caller: Caller, Named(id): Named<String>) -> Result<Json<Authorization>, ApiError> {
    let NewToken { authorization, account, token } = api.platform.rotate_token(&caller.actor, named(&caller, &id)?).await?;
    Ok(Json(shown(&authorization, &account, Secret::new(token.expose_secret()), api.platform.clock.now())))
}

/// `DELETE /oauth/authorizations/{id}`
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Named(id): Named<String>) -> Result<Json<Authorization>, ApiError> {
    let revoked = api.platform.revoke(&caller.actor, named(&caller, &id)?).await?;
    Ok(Json(shown(&revoked, &caller.actor.account, redacted(&revoked), api.platform.clock.now())))
}

/// `DELETE /oauth/sessions/~`: tokens here are authorizations, not sessions. Clients go on to delete theirs.
pub(crate) async fn delete_session(_: Caller) -> ApiError {
    Refusal::NotFound("session").into()
}

fn named(caller: &Caller, id: &str) -> Result<domain::AuthorizationId, Refusal> {
    if id == "~" { caller.actor.authorization().ok_or(Refusal::NotFound("authorization")) } else { id.parse().map_err(|_| Refusal::NotFound("authorization")) }
}

/// What stands for a token we do not know any more. Clients match the parts around the stars with their own token; tokens
/// begin otherwise than ids, so that none ever matches.
fn redacted(authorization: &domain::Authorization) -> Secret {
    Secret::new(format!("{}**********{}", &authorization.id.to_string()[..8], authorization.id.tail()))
}

fn shown(authorization: &domain::Authorization, account: &domain::Account, token: Secret, now: Timestamp) -> Authorization {
    let id = authorization.id.to_string();
    // A token just made has all its seconds left, whatever the milliseconds since.
    let left = authorization.expires_at.map(|end| u64::try_from(end.duration_since(now).as_millis()).unwrap_or(0).div_ceil(1000));
    Authorization {
        access_token: Some(AccessToken { expires_in: left, id: id.clone(), token }),
        client: None,
        created_at: time(authorization.created_at),
        description: Some(authorization.description.clone()),
        grant: None,
        id,
        refresh_token: None,
        scope: authorization.scopes.words(),
        session: None,
        updated_at: time(authorization.created_at),
        user: user_ref(account),
    }
}
