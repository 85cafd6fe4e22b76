//! `/account` and `/users`: who the caller is.

use api_types::{Account, RateLimit};
use axum::{Json, extract::State};
use engine::Refusal;

use crate::{Api, auth::Caller, body::Named, error::ApiError, shape::time};

/// `GET /account`
pub(crate) async fn info(caller: Caller) -> Json<Account> {
    Json(shown(&caller.actor.account))
}

/// `GET /users/{account}`: nobody but the caller is shown.
pub(crate) async fn user(caller: Caller, Named(account): Named<String>) -> Result<Json<Account>, ApiError> {
    is_self(&caller, &account)?;
    Ok(info(caller).await)
}

/// `GET /account/rate-limits`
pub(crate) async fn rate_limits(State(api): State<Api>, caller: Caller) -> Json<RateLimit> {
    Json(RateLimit { remaining: api.platform.requests_left(caller.actor.account.id).into() })
}

/// `GET /account/features/{feature}`: there are none. Clients ask here first and go on to the app's own.
pub(crate) async fn feature(_: Caller) -> ApiError {
    Refusal::NotFound("feature").into()
}

/// Whether `~`, an id or an address means the caller.
pub(crate) fn is_self(caller: &Caller, account: &str) -> Result<(), Refusal> {
    let known = &caller.actor.account;
    let same = account == "~" || account.parse().is_ok_and(|id| known.id == id) || account.eq_ignore_ascii_case(known.email.as_str());
    if same { Ok(()) } else { Err(Refusal::NotFound("account")) }
}

fn shown(account: &domain::Account) -> Account {
    Account {
        allow_tracking: false,
        beta: false,
        country_of_residence: None,
        created_at: time(account.created_at),
        default_organization: None,
        default_team: None,
        delinquent_at: None,
        email: account.email.to_string(),
        federated: false,
        id: account.id.to_string(),
        identity_provider: None,
        last_login: None,
        name: None,
        sms_number: None,
        suspended_at: None,
        two_factor_authentication: false,
        updated_at: time(account.created_at),
        verified: true,
    }
}
