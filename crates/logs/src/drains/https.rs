//! Drains over HTTP: one request at a time, each with a batch of frames.

use std::{collections::VecDeque, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use domain::Drain;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{task::JoinHandle, time::timeout};

use super::{connect::Stream, frame::Frame, link::Failure};

const USER_AGENT: &str = concat!("Logplex/", env!("CARGO_PKG_VERSION"));
/// From the request to the whole answer (Logplex's limit).
const ANSWER: Duration = Duration::from_secs(5);
/// A connection that nothing was sent over for so long is closed (Logplex's limit).
const IDLE: Duration = Duration::from_secs(144);
/// Of an answer that nobody reads.
const MOST_ANSWER: usize = 64 * 1024;

pub(super) struct Https {
    requests: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

impl Https {
    pub(super) async fn start(stream: Box<dyn Stream>) -> Result<Self, Failure> {
        let (requests, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| Failure::Again(error.to_string()))?;
        let connection = tokio::spawn(async move {
            // Whoever waits for an answer is told.
            let _ = connection.await;
        });
        Ok(Self { requests, connection })
    }

    pub(super) async fn send(&mut self, drain: &Drain, id: &str, frames: &mut VecDeque<Frame>) -> Result<(), Failure> {
        let request = request(drain, id, frames).map_err(|error| Failure::Refused(error.to_string()))?;
        let again = |error: &dyn std::fmt::Display| Failure::Again(error.to_string());
        let exchange = async {
            let answer = self.requests.send_request(request).await.map_err(|error| again(&error))?;
            let status = answer.status();
            // The connection can be used again only when the answer was read.
            let whole = Limited::new(answer.into_body(), MOST_ANSWER).collect().await.is_ok();
            Ok::<_, Failure>((status, whole))
        };
        let (status, whole) = timeout(ANSWER, exchange).await.map_err(|_| again(&"it did not answer within five seconds"))??;
        if status.is_success() {
            frames.clear();
            return if whole { Ok(()) } else { Err(Failure::Broken("its answer broke off".to_owned(), Vec::new())) };
        }
        let why = format!("it answered {status}");
        Err(if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() { Failure::Again(why) } else { Failure::Refused(why) })
    }

    pub(super) async fn ended(&mut self) {
        // Ended or idle: either way it is of no more use.
        let _ = timeout(IDLE, &mut self.connection).await;
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn request(drain: &Drain, id: &str, frames: &VecDeque<Frame>) -> Result<Request<Full<Bytes>>, http::Error> {
    let body: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.iter().copied()).collect();
    let mut request = Request::post(drain.url.target())
        .header(header::HOST, drain.url.authority())
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONTENT_TYPE, "application/logplex-1")
        .header("Logplex-Msg-Count", frames.len())
        .header("Logplex-Frame-Id", id)
        .header("Logplex-Drain-Token", &drain.token);
    if let Some(credentials) = drain.url.credentials() {
        request = request.header(header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(credentials)));
    }
    request.body(Full::from(body))
}
