//! The one place that sends requests.

use std::fs::File;
use std::io::{BufReader, Read};
use std::time::Duration;

use api_types::{ErrorBody, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{HeaderMap, Method, Request, Response, header};
use ureq::{Agent, Body, BodyReader, SendBody};

use crate::client_error::{Call, ClientError, Trouble};
use crate::origin::Origin;
use crate::output;
use crate::progress::Progress;
use crate::tls::Trust;

const ACCEPT: &str = "application/vnd.heroku+json; version=3";
const USER_AGENT: &str = concat!("mypaas/", env!("CARGO_PKG_VERSION"));
const CONNECT: Duration = Duration::from_secs(10);
/// To the first line of the answer; a one-off dyno may have to wait for its place.
const ANSWER: Duration = Duration::from_secs(120);
/// The largest answer that is read, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The header in which a server says which version it is.
const VERSION: &str = "mypaas-version";
/// How a server, ours and Heroku's, answers to a path that it does not know.
const NO_SUCH_ENDPOINT: &str = "The requested API endpoint was not found.";

/// Who sends a request.
pub(crate) enum Proof<'a> {
    Token(&'a Secret),
    Password { email: &'a str, password: &'a Secret },
}

/// A connection to one server's Platform API as one person.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    origin: Origin,
    token: Option<Secret>,
    /// Whether the token is the environment's and not a login's.
    environments_token: bool,
    /// What goes along with every request as the second factor.
    second_factor: Option<Secret>,
}

impl Client {
    /// Prepares to talk to `origin`; nothing is sent yet.
    pub(crate) fn new(origin: Origin, token: Option<Secret>, trust: &Trust) -> Self {
        let mut config = Agent::config_builder();
        if origin.is_this_machine() {
            // A proxy would look for the server on its own machine.
            config = config.proxy(None);
        }
        let agent = config
            .http_status_as_error(false)
            // A redirect would take the token along, or lose the body: the API sends none.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .user_agent(USER_AGENT)
            .tls_config(trust.for_http())
            .build()
            .new_agent();
        Self { agent, origin, token, environments_token: false, second_factor: None }
    }

    /// Remembers where the token is from, for when it is refused.
    pub(crate) fn with_environments_token(self, environments_token: bool) -> Self {
        Self { environments_token, ..self }
    }

    /// Sends this code along.
    pub(crate) fn with_second_factor(self, code: Secret) -> Self {
        Self { second_factor: Some(code), ..self }
    }

    /// The server.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The server's version, if it says so.
    pub(crate) fn server_version(&self) -> Result<Option<String>, ClientError> {
        let answer = self.send(&Method::GET, "/regions", self.proof().as_ref(), None, None)?;
        Ok(text_header(answer.headers(), VERSION))
    }

    /// `GET` one thing.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let mut answer = self.send(&Method::GET, path, self.proof().as_ref(), None, None)?;
        self.read(&Method::GET, path, &mut answer)
    }

    /// `GET` a whole list, page by page.
    pub(crate) fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        let mut range: Option<String> = None;
        loop {
            let mut answer = self.send(&Method::GET, path, self.proof().as_ref(), range.as_deref(), None)?;
            let next = text_header(answer.headers(), "next-range");
            all.append(&mut self.read::<Vec<T>>(&Method::GET, path, &mut answer)?);
            // The same range again would never end.
            if next.is_none() || next == range {
                return Ok(all);
            }
            range = next;
        }
    }

    /// `GET` one page of a list.
    pub(crate) fn page<T: DeserializeOwned>(&self, path: &str, range: &str) -> Result<Vec<T>, ClientError> {
        let mut answer = self.send(&Method::GET, path, self.proof().as_ref(), Some(range), None)?;
        self.read(&Method::GET, path, &mut answer)
    }

    /// `POST`.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.call(&Method::POST, path, self.proof().as_ref(), body)
    }

    /// `POST`, with what a header of the answer says that no body does.
    pub(crate) fn post_for_header<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize, header: &str) -> Result<(T, Option<Secret>), ClientError> {
        let body = self.written(&Method::POST, path, body)?;
        let mut answer = self.send(&Method::POST, path, self.proof().as_ref(), None, Some(body))?;
        let said = text_header(answer.headers(), header).map(Secret::new);
        Ok((self.read(&Method::POST, path, &mut answer)?, said))
    }

    /// `POST` as someone who has no token yet.
    pub(crate) fn post_as<T: DeserializeOwned>(&self, proof: &Proof<'_>, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.call(&Method::POST, path, Some(proof), body)
    }

    /// `PATCH`.
    pub(crate) fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.call(&Method::PATCH, path, self.proof().as_ref(), body)
    }

    /// `PUT`.
    pub(crate) fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.call(&Method::PUT, path, self.proof().as_ref(), body)
    }

    /// `DELETE`; whatever the answer's body is, it is not needed.
    pub(crate) fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.send(&Method::DELETE, path, self.proof().as_ref(), None, None).map(drop)
    }

    /// `POST` without a body, for an action whose answer is not needed.
    pub(crate) fn act(&self, path: &str) -> Result<(), ClientError> {
        self.send(&Method::POST, path, self.proof().as_ref(), None, Some(Vec::new())).map(drop)
    }

    /// Reads a stream whose URL is its own key. The token is not sent: the URL may lead to another host.
    pub(crate) fn stream(&self, url: &Secret, accept: &str, last_event: Option<&str>) -> Result<BufReader<BodyReader<'static>>, ClientError> {
        let mut request = Request::get(url.expose()).header(header::ACCEPT, accept);
        if let Some(id) = last_event {
            request = request.header("last-event-id", id);
        }
        let request = request.body(()).map_err(|_| self.trouble(&Method::GET, "a stream", Trouble::BadUrl))?;
        // The path of a stream is a secret, so that errors call it "a stream".
        let answer = self.agent.run(request).map_err(|error| self.trouble(&Method::GET, "a stream", Trouble::of(&error)))?;
        let answer = self.check(&Method::GET, "a stream", answer)?;
        Ok(BufReader::new(answer.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    /// Puts a file where a URL says, which is its own key.
    pub(crate) fn upload(&self, url: &Secret, file: File, length: u64, progress: &Progress) -> Result<(), ClientError> {
        let trouble = |trouble| self.trouble(&Method::PUT, "a source", trouble);
        let request = Request::put(url.expose()).header(header::CONTENT_LENGTH, length);
        let request = request.body(SendBody::from_owned_reader(progress.reading(file.take(length)))).map_err(|_| trouble(Trouble::BadUrl))?;
        let answer = self.agent.run(request).map_err(|error| trouble(Trouble::of(&error)))?;
        self.check(&Method::PUT, "a source", answer).map(drop)
    }

    fn proof(&self) -> Option<Proof<'_>> {
        self.token.as_ref().map(Proof::Token)
    }

    fn call<T: DeserializeOwned>(&self, method: &Method, path: &str, proof: Option<&Proof<'_>>, body: &impl Serialize) -> Result<T, ClientError> {
        let body = self.written(method, path, body)?;
        let mut answer = self.send(method, path, proof, None, Some(body))?;
        self.read(method, path, &mut answer)
    }

    fn written(&self, method: &Method, path: &str, body: &impl Serialize) -> Result<Vec<u8>, ClientError> {
        serde_json::to_vec(body).map_err(|error| self.trouble(method, path, Trouble::Body(error.to_string())))
    }

    fn send(&self, method: &Method, path: &str, proof: Option<&Proof<'_>>, range: Option<&str>, body: Option<Vec<u8>>) -> Result<Response<Body>, ClientError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.origin)).header(header::ACCEPT, ACCEPT);
        if let Some(proof) = proof {
            request = request.header(header::AUTHORIZATION, authorization(proof));
        }
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        if let Some(code) = &self.second_factor {
            request = request.header("heroku-two-factor-code", code.expose());
        }
        let bad_url = |_| self.trouble(method, path, Trouble::BadUrl);
        let answer = match body {
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, "application/json").body(body).map_err(bad_url)?;
                self.agent.run(request)
            }
            None => self.agent.run(request.body(()).map_err(bad_url)?),
        };
        let answer = answer.map_err(|error| self.trouble(method, path, Trouble::of(&error)))?;
        let answer = self.check(method, path, answer)?;
        for name in ["x-heroku-warning", "warning-message"] {
            if let Some(warning) = text_header(answer.headers(), name) {
                output::talk(&format!("Warning: {warning}"));
            }
        }
        Ok(answer)
    }

    /// Turns every answer that is not a success into an error.
    fn check(&self, method: &Method, path: &str, mut answer: Response<Body>) -> Result<Response<Body>, ClientError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let request_id = text_header(answer.headers(), "request-id");
        let version = text_header(answer.headers(), VERSION);
        let body = answer.body_mut().with_config().limit(LARGEST).read_json::<ErrorBody>();
        let status = status.as_u16();
        let call = self.name(method, path, request_id);
        Err(match body {
            // Only what is asked with the token says something about the token.
            Ok(_) if status == 401 && self.token.is_some() && path.starts_with('/') => {
                ClientError::LoginEnded { call, environments_token: self.environments_token }
            }
            Ok(body) if status == 404 && body.message.starts_with(NO_SUCH_ENDPOINT) => ClientError::NotKnown { call, version },
            Ok(body) => ClientError::Refused { status, body: Box::new(body), request_id: call.request_id },
            Err(_) if status >= 500 => ClientError::Strange { status, call },
            Err(_) => ClientError::NotOurs { status, call },
        })
    }

    fn read<T: DeserializeOwned>(&self, method: &Method, path: &str, answer: &mut Response<Body>) -> Result<T, ClientError> {
        let request_id = text_header(answer.headers(), "request-id");
        let version = text_header(answer.headers(), VERSION);
        let is_json =
            text_header(answer.headers(), "content-type").is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().ends_with("json")));
        if !is_json {
            return Err(ClientError::NotOurs { status: answer.status().as_u16(), call: self.name(method, path, request_id) });
        }
        let body = answer.body_mut().with_config().limit(LARGEST).read_json();
        body.map_err(|error| ClientError::Unreadable { call: self.name(method, path, request_id), reason: error.to_string(), version })
    }

    fn trouble(&self, method: &Method, path: &str, trouble: Trouble) -> ClientError {
        ClientError::Trouble { call: self.name(method, path, None), trouble }
    }

    fn name(&self, method: &Method, path: &str, request_id: Option<String>) -> Box<Call> {
        Box::new(Call { origin: self.origin.clone(), name: format!("{method} {path}"), request_id })
    }
}

fn authorization(proof: &Proof<'_>) -> String {
    match proof {
        Proof::Token(token) => format!("Bearer {}", token.expose()),
        Proof::Password { email, password } => format!("Basic {}", STANDARD.encode(format!("{email}:{}", password.expose()))),
    }
}

fn text_header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// `/apps/shop/dynos` from its parts, each of which may hold anything.
pub(crate) fn path(parts: &[&str]) -> String {
    let mut path = String::new();
    for part in parts {
        path.push('/');
        for byte in part.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => path.push(char::from(byte)),
                _ => path.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_part_cannot_leave_its_place() {
        assert_eq!(path(&["apps", "shop", "dynos", "web.1"]), "/apps/shop/dynos/web.1");
        assert_eq!(path(&["apps", "a/../b?c#d é"]), "/apps/a%2F..%2Fb%3Fc%23d%20%C3%A9");
    }
}
