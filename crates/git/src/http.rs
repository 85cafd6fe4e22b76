//! Smart HTTP: who is this, which app, may they, and then git itself (gitprotocol-http(5)).

use std::{convert::Infallible, error::Error, net::IpAddr, sync::Arc};

use bytes::Bytes;
use engine::Actor;
use futures_util::{StreamExt, stream};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, PRAGMA, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use tokio::process::Command;

use crate::{
    access::{self, Denied},
    call::{Call, Step},
    credentials::Token,
    feed::Encoding,
    git::Git,
    pkt_line::service_header,
    places::Place,
    rpc::{self, Terms},
    tickets::Ticket,
    transfer::{Manner, transfer},
};

/// The client's address, for whoever listens to say: an extension of the request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// What is answered. Never fails by itself; it may end early.
pub type Body = BoxBody<Bytes, Infallible>;

/// Answers a request whose path [is git's](crate::is_git_path).
pub async fn handle<B>(git: Arc<Git>, request: Request<B>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let request_id = request_id(&git, request.headers());
    match serve(git, request, &request_id).await {
        Ok(response) => response,
        Err(denied) => {
            if let Denied::Platform(error) = &denied {
                tracing::error!(request_id, error = error.as_ref() as &dyn Error, "a git request failed");
            }
            denied.response()
        }
    }
}

async fn serve<B>(git: Arc<Git>, request: Request<B>, request_id: &str) -> Result<Response<Body>, Denied>
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let call = Call::parse(request.method(), request.uri().path(), request.uri().query()).ok_or(Denied::NoSuchPage)?;
    let actor = identify(&git, request.headers()).await?;
    let (app, place) = access::admit(&git, &actor, &call.app, call.service).await?;
    let repository = git.repositories.ensure(app.id).await?;
    let mut command = git.repositories.program().git(call.service.name());
    command.arg("--stateless-rpc");
    if let Some(version) = protocol(request.headers()) {
        command.env("GIT_PROTOCOL", version);
    }
    let name = call.service.name();
    match call.step {
        Step::Advertise => {
            command.arg("--http-backend-info-refs").arg("--").arg(&repository);
            advertise(&git, place, command, name)
        }
        Step::Transfer => {
            let expected = format!("application/x-git-{name}-request");
            let encoding = Encoding::from_headers(request.headers()).ok_or(Denied::NotGit)?;
            if request.headers().get(CONTENT_TYPE).is_none_or(|given| given != expected.as_str()) {
                return Err(Denied::NotGit);
            }
            command.arg("--").arg(&repository);
            let ticket = Ticket::new(actor, app.id, request_id.to_owned(), request.extensions().get::<Peer>().map(|Peer(address)| *address));
            let transfer = transfer(git, place, command, call.service, ticket, Manner::Request, (request.into_body(), encoding))?;
            Ok(answer(&format!("application/x-git-{name}-result"), chunks(transfer.answer)))
        }
    }
}

/// Whose token came along.
async fn identify(git: &Git, headers: &HeaderMap) -> Result<Actor, Denied> {
    let token = Token::from_headers(headers).ok_or(Denied::NoToken)?;
    git.platform.actor(token.expose()).await.map_err(|error| Denied::Platform(error.into()))?.ok_or(Denied::WrongToken)
}

fn advertise(git: &Git, place: Place, command: Command, name: &str) -> Result<Response<Body>, Denied> {
    let mut running = rpc::start(command, false)?;
    let refs = running.answer().map(chunks).into_iter();
    let terms = Terms { limit: git.limits.transfer, unless: None, silence: git.limits.silence, hears_all: true };
    tokio::spawn(async { drop((running.finish(async { Ok(()) }, terms).await, place)) });
    let header = stream::iter([service_header(name)]);
    Ok(answer(&format!("application/x-git-{name}-advertisement"), header.chain(stream::iter(refs).flatten())))
}

fn chunks(mut from: tokio::sync::mpsc::Receiver<Bytes>) -> impl futures_util::Stream<Item = Bytes> + Send + Sync {
    stream::poll_fn(move |context| from.poll_recv(context))
}

fn answer(content_type: &str, chunks: impl futures_util::Stream<Item = Bytes> + Send + Sync + 'static) -> Response<Body> {
    let body = BodyExt::boxed(StreamBody::new(chunks.map(|chunk| Ok(Frame::data(chunk)))));
    response(StatusCode::OK, content_type, body)
}

/// As git asks for: no answer of today may be given tomorrow.
fn response(status: StatusCode, content_type: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap_or(HeaderValue::from_static("text/plain")));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0, must-revalidate"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(EXPIRES, HeaderValue::from_static("Fri, 01 Jan 1980 00:00:00 GMT"));
    response
}

/// The version of the protocol the client would like.
fn protocol(headers: &HeaderMap) -> Option<&'static str> {
    let asked = headers.get("git-protocol")?.as_bytes();
    ["version=0", "version=1", "version=2"].into_iter().find(|version| version.as_bytes() == asked)
}

/// The one given by whoever stands in front of us, or a new one.
fn request_id(git: &Git, headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let plain = |id: &&str| (20..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    given.filter(plain).map_or_else(|| git.platform.chance.id::<Git>(git.platform.clock.now()).to_string(), str::to_owned)
}

impl Denied {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::WrongToken | Self::WrongKey => StatusCode::UNAUTHORIZED,
            Self::NoSuchPage | Self::NoSuchApp => StatusCode::NOT_FOUND,
            Self::NotGit => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Platform(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn response(&self) -> Response<Body> {
        let mut response = response(self.status(), "text/plain; charset=utf-8", BodyExt::boxed(Full::from(format!("{self}\n"))));
        if self.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"mypaas\""));
        }
        response
    }
}
