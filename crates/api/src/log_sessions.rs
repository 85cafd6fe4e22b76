//! `POST /apps/{app}/log-sessions`: a secret URL to read an app's log from.

use api_types::{LogSession, LogSessionCreate, Secret};
use axum::{Json, extract::State};
use domain::{Id, Source};
use engine::{Permission, Refusal};
use http::StatusCode;
use logs::Filter;

use crate::{
    Api,
    auth::Caller,
    body::{Body, Named},
    error::ApiError,
    shape::time,
};

/// Lines of history when a client does not say how many (Heroku's command line asks for 100).
const LINES: u64 = 100;
/// As many as are kept of an app.
const MOST_LINES: u64 = 1500;

/// `POST /apps/{app}/log-sessions`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Named(app): Named<String>,
    Body(asked): Body<LogSessionCreate>,
) -> Result<(StatusCode, Json<LogSession>), ApiError> {
    let app = api.platform.authorize(&caller.actor, &app, Permission::View).await?;
    let source = asked.source.as_deref().map(source).transpose()?;
    let filter = Filter { dyno: asked.dyno_name.or(asked.dyno).or(asked.process_type), source, but_logplex: false };
    let lines = asked.lines.unwrap_or(LINES).min(MOST_LINES);
    let now = api.platform.clock.now();
    let secret = api.sessions.open(app.id, filter, usize::try_from(lines).unwrap_or(usize::MAX), asked.tail.unwrap_or(false), now);
    let id: Id<logs::Session> = api.platform.chance.id(now);
    let session = LogSession {
        created_at: time(now),
        id: id.to_string(),
        logplex_url: Secret::new(format!("{}/logs/{secret}", api.platform.settings.api_url)),
        updated_at: time(now),
    };
    Ok((StatusCode::CREATED, Json(session)))
}

fn source(word: &str) -> Result<Source, Refusal> {
    let known = [Source::App, Source::Heroku].into_iter().find(|source| source.word() == word);
    known.ok_or_else(|| Refusal::Invalid("Source must be `app` or `heroku`".to_owned()))
}
