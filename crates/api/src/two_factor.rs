//! `/account/two-factor`: logins that take a code besides the password. The paths are those of Heroku's old plugin.

use api_types::{RecoveryCodes, Secret, TwoFactor, TwoFactorProof, TwoFactorSecret};
use axum::{Json, extract::State};
use engine::{Password, Refusal};
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Api,
    auth::{Caller, second_factor},
    body::Body,
    error::ApiError,
};

/// `GET /account/two-factor`
pub(crate) async fn info(State(api): State<Api>, caller: Caller) -> Result<Json<TwoFactor>, ApiError> {
    let it = api.platform.two_factor(caller.actor.account.id).await?;
    Ok(Json(TwoFactor { enabled: it.enabled, recovery_codes: it.recovery_codes }))
}

/// `POST /account/two-factor/url`: a secret for an authenticator app. Nothing changes before a code of it is shown.
pub(crate) async fn begin(State(api): State<Api>, caller: Caller, Body(asked): Body<TwoFactorProof>) -> Result<(StatusCode, Json<TwoFactorSecret>), ApiError> {
    let drawn = api.platform.begin_two_factor(&caller.actor, &given(asked.password)?, caller.about.source().as_deref()).await?;
    Ok((StatusCode::CREATED, Json(TwoFactorSecret { secret: shown(&drawn.base32), url: shown(&drawn.uri) })))
}

/// `PUT /account/two-factor`: with password and a first code, logins need a code from now on.
pub(crate) async fn enable(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Body(asked): Body<TwoFactorProof>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let (password, code) = (given(asked.password)?, second_factor(&headers));
    let codes = api.platform.enable_two_factor(&caller.actor, &password, code.as_ref(), caller.about.source().as_deref()).await?;
    caller.about.detail("two-factor authentication enabled");
    Ok(Json(RecoveryCodes { recovery_codes: codes.iter().map(shown).collect() }))
}

/// `POST /account/two-factor/recovery-codes`: others in the place of all there were.
pub(crate) async fn recovery_codes(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Body(asked): Body<TwoFactorProof>,
) -> Result<(StatusCode, Json<RecoveryCodes>), ApiError> {
    let (password, code) = (given(asked.password)?, second_factor(&headers));
    let codes = api.platform.new_recovery_codes(&caller.actor, &password, code.as_ref(), caller.about.source().as_deref()).await?;
    caller.about.detail("recovery codes");
    Ok((StatusCode::CREATED, Json(RecoveryCodes { recovery_codes: codes.iter().map(shown).collect() })))
}

/// `PATCH /account` with `two_factor_authentication: false`.
pub(crate) async fn disable(api: &Api, caller: &Caller, headers: &HeaderMap, password: Option<Secret>) -> Result<(), ApiError> {
    let (password, code) = (given(password)?, second_factor(headers));
    api.platform.disable_two_factor(&caller.actor, &password, code.as_ref(), caller.about.source().as_deref()).await?;
    caller.about.detail("two-factor authentication disabled");
    Ok(())
}

fn given(password: Option<Secret>) -> Result<Password, Refusal> {
    let password = password.ok_or_else(|| Refusal::Invalid("Give the current password as password.".to_owned()))?;
    Ok(SecretString::from(password.into_inner()))
}

fn shown(secret: &SecretString) -> Secret {
    Secret::new(secret.expose_secret())
}
