//! `/account` and `/users`: who the caller is.

use api_types::{Account, AccountUpdate, RateLimit, Secret};
use axum::{Json, extract::State};
use engine::Refusal;
use http::HeaderMap;
use secrecy::SecretString;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    shape::time,
    two_factor,
};

/// `GET /account`
pub(crate) async fn info(State(api): State<Api>, caller: Caller) -> Result<Json<Account>, ApiError> {
    answer(&api, &caller).await
}

/// `PATCH /account`: name, password, the end of two-factor authentication. With the password all other tokens of the account end.
pub(crate) async fn update(State(api): State<Api>, caller: Caller, headers: HeaderMap, Body(asked): Body<AccountUpdate>) -> Result<Json<Account>, ApiError> {
    let secret = |secret: Secret| SecretString::from(secret.into_inner());
    match asked.two_factor_authentication {
        // Heroku's command line ends it like this.
        Some(false) => two_factor::disable(&api, &caller, &headers, asked.password.clone()).await?,
        Some(true) => return Err(Refusal::Invalid("PUT /account/two-factor enables two-factor authentication.".to_owned()).into()),
        None => {}
    }
    if let Some(new) = asked.new_password {
        let password = asked.password.ok_or_else(|| Refusal::Invalid("Give the current password as password.".to_owned()))?;
        api.platform.change_password(&caller.actor, &secret(password), &secret(new), caller.about.source().as_deref()).await?;
        caller.about.detail("password");
    }
    if let Some(name) = asked.name {
        api.platform.rename_account(&caller.actor, &name).await?;
    }
    answer(&api, &caller).await
}

/// `PATCH /users/{account}`
pub(crate) async fn update_user(
    state: State<Api>,
    caller: Caller,
    Named(account): Named<String>,
    headers: HeaderMap,
    body: Body<AccountUpdate>,
) -> Result<Json<Account>, ApiError> {
    is_self(&caller, &account)?;
    update(state, caller, headers, body).await
}

/// `DELETE /account`: answers what was.
pub(crate) async fn delete(State(api): State<Api>, caller: Caller) -> Result<Json<Account>, ApiError> {
    // Read first: afterwards there is nothing left to show it from.
    let before = answer(&api, &caller).await?;
    api.platform.delete_account(&caller.actor).await?;
    Ok(before)
}

/// `DELETE /users/{account}`
pub(crate) async fn delete_user(state: State<Api>, caller: Caller, Named(account): Named<String>) -> Result<Json<Account>, ApiError> {
    is_self(&caller, &account)?;
    delete(state, caller).await
}

/// `GET /users/{account}`: nobody but the caller is shown.
pub(crate) async fn user(State(api): State<Api>, caller: Caller, Named(account): Named<String>) -> Result<Json<Account>, ApiError> {
    is_self(&caller, &account)?;
    answer(&api, &caller).await
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

async fn answer(api: &Api, caller: &Caller) -> Result<Json<Account>, ApiError> {
    let name = api.platform.account_name(caller.actor.account.id).await?;
    let two_factor_authentication = api.platform.two_factor(caller.actor.account.id).await?.enabled;
    Ok(Json(Account { name, two_factor_authentication, ..shown(&caller.actor.account) }))
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
