//! What a client asks for, as the log, the dispatch and the exchange need to know it.

use domain::route::{Features, Route};
use http::{Method, Version};

use crate::{
    account::Account,
    affinity,
    client::Client,
    dispatch::Wish,
    event::RequestRouted,
    exchange::Plan,
    http1::{
        body::Framing,
        head::{Field, HeadReader},
        name::Known,
        request::{Expect, Refusal, RequestHead, is_request_id, only},
        write::{self, Afterwards, Said},
    },
    worker::{Scratch, Worker},
};

pub(crate) struct Question {
    pub(crate) head: RequestHead,
    pub(crate) plan: Plan,
    pub(crate) wish: Wish,
    /// What is said to the dyno of its connection.
    pub(crate) afterwards: Afterwards,
    /// Asking twice is no more than asking once.
    pub(crate) is_repeatable: bool,
    /// The protocol that the client would rather speak can be told to end.
    pub(crate) is_websocket: bool,
}

impl Question {
    pub(crate) fn new(bytes: &[u8], lines: &HeadReader, head: &RequestHead, features: Features) -> Self {
        let method = head.method.of(bytes);
        let expects = head.expect == Expect::Continue;
        let end_to_end = expects && features.end_to_end_continue;
        let plan = Plan {
            framing: head.framing,
            is_head: method == b"HEAD",
            is_1_1: head.is_1_1,
            keep_alive: head.keep_alive,
            may_upgrade: head.upgrade.is_some(),
            said_continue: expects && !end_to_end,
            awaits_continue: end_to_end,
            cookie: None,
        };
        let reuses = features.keep_alive && head.upgrade.is_none();
        let afterwards = match head.upgrade {
            Some(_) => Afterwards::Upgrade,
            None if reuses => Afterwards::KeepAlive,
            None => Afterwards::Close,
        };
        let is_repeatable = head.framing == Framing::Empty && matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE");
        let affinity = if features.session_affinity { affinity::given(lines, bytes) } else { None };
        let is_websocket = head.upgrade.is_some_and(|protocol| protocol.of(bytes).eq_ignore_ascii_case(b"websocket"));
        Self { head: *head, plan, wish: Wish { affinity, may_reuse: reuses }, afterwards, is_repeatable, is_websocket }
    }
}

impl Worker {
    /// The head that the dyno gets, into the scratch.
    pub(crate) fn write_head<C>(&self, client: &Client<C>, scratch: &mut Scratch, question: &Question, account: &Account) {
        let event = account.event();
        let connect = event.connect.map_or(0, |connect| u64::try_from(connect.as_millis()).unwrap_or(0));
        let said = Said {
            request_id: event.request_id.as_bytes(),
            forwarded_for: event.fwd.as_bytes(),
            proto: client.peer.proto,
            port: client.peer.port,
            start: event.at.as_millisecond(),
            connect,
            route: account.age(),
            afterwards: question.afterwards,
            expect: question.plan.awaits_continue,
        };
        scratch.to_dyno.clear();
        write::request(&mut scratch.to_dyno.bytes, client.inbox.raw(), &scratch.lines, &question.head, &said);
    }

    /// What is known of a request before anything happens.
    pub(crate) fn first_words<C>(&self, client: &Client<C>, scratch: &Scratch, head: &RequestHead, route: &Route, host: String) -> RequestRouted {
        let bytes = client.inbox.raw();
        let fields = &scratch.lines.fields;
        let mut fwd = Vec::with_capacity(40);
        write::joined(&mut fwd, fields, bytes, Known::ForwardedFor, client.peer.ip.to_canonical().to_string().as_bytes());
        let given = only(fields, Known::RequestId).map(|field| field.value.of(bytes)).filter(|id| is_request_id(id));
        let request_id = match given {
            Some(id) => text(id.to_vec()),
            None => uuid::Builder::from_random_bytes(self.router.chance.bytes()).into_uuid().to_string(),
        };
        let target = head.target.of(bytes);
        let path = if matches!(target.first(), Some(b'/' | b'*')) { target.to_vec() } else { [b"/", target].concat() };
        RequestRouted {
            app: route.app,
            name: route.name.clone(),
            at: self.router.clock.now(),
            method: Method::from_bytes(head.method.of(bytes)).unwrap_or_default(),
            path: text(path),
            host,
            request_id,
            fwd: text(fwd),
            dyno: None,
            connect: None,
            service: None,
            status: 0,
            bytes: None,
            version: match head.is_1_1 {
                _ if client.peer.is_http2 => Version::HTTP_2,
                true => Version::HTTP_11,
                false => Version::HTTP_10,
            },
            tls: client.peer.tls,
            code: None,
            detail: None,
            cause: None,
            agent: (head.fault == Some(Refusal::Misdirected)).then(|| agent(fields, bytes)),
        }
    }
}

/// What the client calls itself. Looked for where it is logged, and nowhere else.
fn agent(fields: &[Field], bytes: &[u8]) -> String {
    let agent = fields.iter().find(|field| field.name.of(bytes).eq_ignore_ascii_case(b"user-agent"));
    agent.map_or_else(String::new, |field| text(field.value.of(bytes).to_vec()))
}

/// Text of a head. What is no UTF-8 is shown as such.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
