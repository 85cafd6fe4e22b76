//! `GET /logs/{secret}`: an app's log lines, for whoever knows the URL (what `heroku logs` follows).
//!
//! As server-sent events for clients that take them, as plain text lines otherwise.

use std::{convert::Infallible, fmt::Display, time::Duration};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use logs::TailEvent;
use tokio::time::Instant;

use crate::{
    Api,
    body::Named,
    error::{ApiError, not_found},
};

/// So often a tail asks for its session, which would end otherwise, and says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Events,
    Plain,
}

/// `GET /logs/{secret}`
pub(crate) async fn read(State(api): State<Api>, Named(secret): Named<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let session = api.sessions.get(&secret, api.platform.clock.now()).ok_or_else(|| not_found("log session"))?;
    let form = Form::accepted(&headers);
    // Who comes back says what was seen last.
    let after = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse::<u64>().ok());
    if !session.tail {
        let history = api.logplex.history(session.app, &session.filter, session.lines);
        let unseen = history.iter().filter(|numbered| after.is_none_or(|after| numbered.seq > after));
        let lines: String = unseen.map(|numbered| form.write(Some(numbered.seq), &numbered.line)).collect();
        return Ok(form.respond(Body::from(form.opening().to_owned() + &lines)));
    }
    let lines = api.logplex.tail(session.app, session.filter, session.lines, after);
    let opening = stream::iter([form.opening().to_owned()]).filter(|text| std::future::ready(!text.is_empty()));
    let stream = opening.chain(kept_alive(api, secret, form, lines)).map(|text| Ok::<_, Infallible>(Bytes::from(text)));
    Ok(form.respond(Body::from_stream(stream)))
}

/// The lines as text, and a sign of life now and then.
fn kept_alive(api: Api, secret: String, form: Form, lines: impl Stream<Item = TailEvent> + Send + Unpin + 'static) -> impl Stream<Item = String> + Send {
    let heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    stream::unfold((api, secret, lines, heartbeat), move |(api, secret, mut lines, mut heartbeat)| async move {
        let text = loop {
            tokio::select! {
                event = lines.next() => break event.map(|event| form.write(event.seq(), &event))?,
                _ = heartbeat.tick() => {
                    api.sessions.get(&secret, api.platform.clock.now());
                    if form == Form::Events {
                        break ":\n\n".to_owned();
                    }
                }
            }
        };
        Some((text, (api, secret, lines, heartbeat)))
    })
}

impl Form {
    fn accepted(headers: &HeaderMap) -> Self {
        let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        if accepted.any(|value| value.contains("text/event-stream")) { Self::Events } else { Self::Plain }
    }

    /// Heroku's command line waits as long before it ends as it would before it came back.
    const fn opening(self) -> &'static str {
        match self {
            Self::Events => "retry: 1\n\n",
            Self::Plain => "",
        }
    }

    fn write(self, seq: Option<u64>, line: &impl Display) -> String {
        // A carriage return would end a line of an event.
        let line = line.to_string().replace('\r', "");
        match (self, seq) {
            (Self::Events, Some(seq)) => format!("id: {seq}\ndata: {line}\n\n"),
            (Self::Events, None) => format!("data: {line}\n\n"),
            (Self::Plain, _) => format!("{line}\n"),
        }
    }

    fn respond(self, body: Body) -> Response {
        let kind = match self {
            Self::Events => "text/event-stream",
            Self::Plain => "text/plain; charset=utf-8",
        };
        // A proxy in front that gathers bytes would hold lines back.
        let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), unbuffered], body).into_response()
    }
}
