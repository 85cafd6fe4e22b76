//! `/auth`: logins that begin in a terminal and are agreed to on a page of ours. Heroku's command line asks here when
//! `HEROKU_LOGIN_HOST` names this server.

use std::{convert::Infallible, time::Duration};

use api_types::{BrowserLogin, BrowserLoginCreate, Secret};
use axum::{
    Extension, Form, Json,
    body::{Body as Stream, Bytes},
    extract::{State, rejection::FormRejection},
    response::{IntoResponse, Response},
};
use domain::Email;
use engine::{
    Login, Refusal,
    browser_login::{Awaited, Outcome},
};
use futures_util::stream;
use http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Api,
    auth::Presented,
    body::{Body, Named},
    error::ApiError,
    login_page::{self, Page},
    request_id::About,
};

/// How often somebody who waits gets a byte: Heroku's command line takes silence of 60 seconds for a failure.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// `POST /auth`: no token, since it is for those who have none yet.
pub(crate) async fn begin(
    State(api): State<Api>,
    Extension(about): Extension<About>,
    Body(asked): Body<BrowserLoginCreate>,
) -> Result<(StatusCode, Json<BrowserLogin>), ApiError> {
    let begun = api.platform.begin_browser_login(&asked.description.unwrap_or_default(), about.source().as_deref())?;
    let id = begun.id.expose_secret();
    // Behind the `#` for people to compare: it is shown where the login began, and not sent to us.
    let browser_url = Secret::new(format!("/auth/browser/{id}#{}", begun.words));
    let cli_url = Secret::new(format!("/auth/cli/{id}"));
    Ok((StatusCode::CREATED, Json(BrowserLogin { browser_url, cli_url, token: Secret::new(begun.token.expose_secret()), words: begun.words })))
}

/// `GET /auth/cli/{login}`: answers once it is decided, and with blanks until then.
pub(crate) async fn wait(State(api): State<Api>, Named(id): Named<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let presented = Presented::of(&headers).ok_or(Refusal::Unauthorized)?;
    let awaited = api.platform.await_browser_login(&id, presented.token())?;
    let outcome = Box::pin(outcome(api, awaited));
    let words = stream::unfold(Some(outcome), |going| async {
        let mut outcome = going?;
        Some(tokio::select! {
            outcome = &mut outcome => (Ok::<_, Infallible>(Bytes::from(outcome)), None),
            () = tokio::time::sleep(SIGN_OF_LIFE) => (Ok(Bytes::from_static(b" ")), Some(outcome)),
        })
    });
    // Not `application/json`, which would be held back until it is whole.
    let headers = [(header::CONTENT_TYPE, "application/vnd.heroku+json"), (header::HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((headers, Stream::from_stream(words)).into_response())
}

/// What whoever waits reads in the end.
async fn outcome(api: Api, awaited: Awaited) -> String {
    let ended = tokio::select! {
        ended = api.platform.browser_login_outcome(awaited) => ended,
        () = api.stopping.cancelled() => Ok(Outcome::None("The server was stopped. Please log in again.")),
    };
    let told = match ended {
        Ok(Outcome::Token(made)) => json!({"access_token": made.token.expose_secret()}),
        Ok(Outcome::None(why)) => json!({"error": why}),
        Err(refusal) => {
            tracing::error!(error = &refusal as &dyn std::error::Error, "a login that was approved failed by the platform's fault");
            json!({"error": refusal.to_string()})
        }
    };
    told.to_string()
}

/// `GET /auth/browser/{login}`
pub(crate) async fn page(State(api): State<Api>, Named(id): Named<String>) -> Response {
    match api.platform.browser_login(&id) {
        Some(asked) => login_page::answer(StatusCode::OK, &Page::Question { asked: &asked, email: "", fault: None }),
        None => login_page::answer(StatusCode::NOT_FOUND, &Page::Over),
    }
}

/// What the page sends.
#[derive(Deserialize)]
pub(crate) struct Answer {
    form: Secret,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: Secret,
    #[serde(default)]
    code: Secret,
    decision: String,
}

/// `POST /auth/browser/{login}`
pub(crate) async fn decide(
    State(api): State<Api>,
    Extension(about): Extension<About>,
    Named(id): Named<String>,
    headers: HeaderMap,
    answer: Result<Form<Answer>, FormRejection>,
) -> Result<Response, ApiError> {
    let Some(asked) = api.platform.browser_login(&id) else { return Ok(login_page::answer(StatusCode::NOT_FOUND, &Page::Over)) };
    let answer = match answer {
        Ok(Form(answer)) if from_here(&headers) => answer,
        _ => return Ok(login_page::answer(StatusCode::FORBIDDEN, &Page::NotFromHere)),
    };
    let [form, password, code] = [answer.form, answer.password, answer.code].map(|secret| SecretString::from(secret.into_inner()));
    if answer.decision != "approve" {
        let refused = api.platform.refuse_browser_login(&id, &form);
        let (status, page) = if refused.is_ok() { (StatusCode::OK, Page::Refused) } else { (StatusCode::NOT_FOUND, Page::Over) };
        return Ok(login_page::answer(status, &page));
    }
    let (from, code) = (about.source(), Some(&code).filter(|code| !code.expose_secret().trim().is_empty()));
    let login = Login { email: &answer.email, password: &password, code, from: from.as_deref() };
    let approved = api.platform.approve_browser_login(&id, &form, login).await;
    // As with `POST /oauth/authorizations`.
    if let (Ok(email), Ok(_) | Err(Refusal::Unauthorized | Refusal::SecondFactor(_))) = (answer.email.parse::<Email>(), &approved) {
        about.audit(&api, email.as_str(), None, "POST /auth/browser/{login}".to_owned(), None).await?;
    }
    Ok(match approved {
        Ok((account, proof)) => {
            about.detail(format!("{}, by {}", asked.description, proof.words()));
            login_page::answer(StatusCode::OK, &Page::Approved { email: account.email.as_str() })
        }
        Err(Refusal::NotFound(_)) => login_page::answer(StatusCode::NOT_FOUND, &Page::Over),
        Err(refusal @ Refusal::Platform(_)) => return Err(refusal.into()),
        Err(refusal) => {
            let status = ApiError::status_of(&refusal);
            let fault = match refusal {
                Refusal::SecondFactor(_) if code.is_none() => "This account needs a two-factor code as well.".to_owned(),
                other => other.to_string(),
            };
            login_page::answer(status, &Page::Question { asked: &asked, email: &answer.email, fault: Some(&fault) })
        }
    })
}

/// Whether a browser sent this from a page of ours, as far as it says where from.
fn from_here(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let site = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let origin = text("origin").is_none_or(|origin| origin.split_once("://").is_some_and(|(_, host)| Some(host) == text("host")));
    site && origin
}
