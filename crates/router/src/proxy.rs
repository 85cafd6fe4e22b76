//! The story of one request.

use std::sync::Arc;

use domain::route::Route;
use http::{Method, Version};

use crate::{
    account::Account,
    client::Client,
    connect::Stream,
    event::RequestRouted,
    exchange::{Exchange, Plan},
    http1::{
        name::Known,
        request::{Expect, RequestHead, is_request_id, only},
        write::{self, Afterwards, Said},
    },
    page::Page,
    rescue::Fact,
    tunnel::tunnel,
    worker::{Scratch, Worker},
};

/// What becomes of the client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It may ask again.
    Again,
    /// It ends in order.
    Close { unread: bool },
    /// It ends at once: nobody is there to be told, or only this tells.
    Cut,
}

/// Does not know the client's kind.
struct Asked {
    head: RequestHead,
    is_head: bool,
    plan: Plan,
}

impl Worker {
    /// All requests of one client.
    pub(crate) async fn converse<C: Stream>(&self, mut client: Client<C>) {
        loop {
            match client.next(self).await {
                crate::client::Next::End => return,
                crate::client::Next::Refused(refusal) => {
                    let unread = true;
                    return client.turn_away(self, &Page::refusal(refusal), false, unread).await;
                }
                crate::client::Next::Request(head) => {
                    let Some(mut scratch) = client.scratch.take() else { return };
                    // On the heap, so that an idle client has nothing of it.
                    let after = Box::pin(self.answer(&mut client, &mut scratch, head)).await;
                    scratch.to_dyno.clear();
                    scratch.to_client.clear();
                    client.scratch = Some(scratch);
                    match after {
                        After::Again => {}
                        After::Close { unread } => return client.end(unread).await,
                        After::Cut => return,
                    }
                }
            }
        }
    }

    /// From a request to what the client gets.
    async fn answer<C: Stream>(&self, client: &mut Client<C>, scratch: &mut Scratch, head: RequestHead) -> After {
        let bytes = client.inbox.raw();
        let host = lower(head.host.of(bytes));
        let is_head = head.method.of(bytes) == b"HEAD";
        let Some(route) = self.find(&host) else {
            let page = head.fault.map_or_else(Page::no_such_app, Page::refusal);
            return self.show(client, &page, is_head).await;
        };
        let account = Account::open(self.first_words(client, scratch, &head, &route, host), self.router.books.clone());
        let plan = Plan {
            framing: head.framing,
            is_head,
            is_1_1: head.is_1_1,
            keep_alive: head.keep_alive,
            may_upgrade: head.upgrade.is_some(),
            said_continue: head.expect == Expect::Continue,
            awaits_continue: false,
            cookie: None,
        };
        self.forward(client, scratch, Asked { head, is_head, plan }, &route, account).await
    }

    /// Finds a dyno and gives it the request, then gives the client its answer.
    async fn forward<C: Stream>(&self, client: &mut Client<C>, scratch: &mut Scratch, asked: Asked, route: &Arc<Route>, mut account: Account) -> After {
        let Asked { head, is_head, plan } = asked;
        if let Some(fault) = head.fault {
            return self.explain(client, Fact::BadRequest(fault), is_head, account).await;
        }
        // Before it is known whether there is a dyno (Heroku).
        if plan.said_continue && !client.say(b"HTTP/1.1 100 Continue\r\n\r\n").await {
            return After::Cut;
        }
        let reached = client.unless_left(self, self.reach(route, &mut account)).await.unwrap_or(Err(Fact::ClientLeft));
        let mut dyno = match reached {
            Ok(dyno) => dyno,
            Err(fact) => return self.explain(client, fact, is_head, account).await,
        };
        if !matches!(head.framing, crate::http1::body::Framing::Empty) {
            dyno.prompt();
        }
        self.write_head(client, scratch, &head, &account);
        client.inbox.used(head.length);
        let mut exchange = Exchange::new(client, scratch, &mut dyno, &mut account, self, &plan);
        let result = exchange.run().await;
        let (answering, received) = (exchange.answering, exchange.received);
        let mut from_dyno = std::mem::replace(&mut exchange.inbox, crate::buffer::Buffer::new());
        match result {
            Ok(ended) if ended.upgraded => {
                tunnel(self, client, dyno, from_dyno, received, account).await;
                After::Cut
            }
            Ok(ended) => {
                from_dyno.discard(&self.pool);
                account.close();
                if ended.client_stays { After::Again } else { After::Close { unread: ended.unread } }
            }
            Err(fact) => {
                from_dyno.discard(&self.pool);
                drop(dyno);
                if answering {
                    account.failed(fact);
                    account.close();
                    return After::Cut;
                }
                self.explain(client, fact, is_head, account).await
            }
        }
    }

    /// The head that the dyno gets, into the scratch.
    fn write_head<C>(&self, client: &Client<C>, scratch: &mut Scratch, head: &RequestHead, account: &Account) {
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
            afterwards: if head.upgrade.is_some() { Afterwards::Upgrade } else { Afterwards::Close },
            expect: false,
        };
        scratch.to_dyno.clear();
        write::request(&mut scratch.to_dyno.bytes, client.inbox.raw(), &scratch.lines, head, &said);
    }

    /// What is known of a request before anything happens.
    fn first_words<C>(&self, client: &Client<C>, scratch: &Scratch, head: &RequestHead, route: &Route, host: String) -> RequestRouted {
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
            version: if head.is_1_1 { Version::HTTP_11 } else { Version::HTTP_10 },
            tls: client.peer.tls,
            code: None,
            detail: None,
            cause: None,
        }
    }

    /// Tells the client and the log what went wrong.
    async fn explain<C: Stream>(&self, client: &mut Client<C>, fact: Fact, is_head: bool, mut account: Account) -> After {
        account.failed(fact);
        let Some(page) = fact.page() else {
            account.close();
            return After::Cut;
        };
        account.answered_with_page(if is_head { 0 } else { page.html.len() as u64 });
        account.close();
        self.show(client, &page, is_head).await
    }

    async fn show<C: Stream>(&self, client: &mut Client<C>, page: &Page, is_head: bool) -> After {
        let date = self.date(self.router.clock.now());
        // Whatever is left of the request, nobody reads it.
        if client.say(&page.bytes(&date, is_head)).await { After::Close { unread: true } } else { After::Cut }
    }
}

fn lower(host: &[u8]) -> String {
    text(host.to_ascii_lowercase())
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
