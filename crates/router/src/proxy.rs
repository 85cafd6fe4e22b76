//! The story of one request.

use std::sync::Arc;

use domain::{
    ErrorCode,
    route::{Pages, Route},
};

use crate::{
    account::Account,
    affinity,
    buffer::Buffer,
    client::{Client, Next},
    connect::Stream,
    exchange::Exchange,
    fleet::App,
    http1::{
        body::Framing,
        request::{Refusal, RequestHead},
        write::Afterwards,
    },
    page::Page,
    question::{self, Question},
    rescue::Fact,
    tunnel::{Joined, tunnel},
    worker::{Scratch, Worker},
};

/// What becomes of the client's connection.
pub(crate) enum After {
    /// It may ask again.
    Again,
    /// It ends in order.
    Close { unread: bool },
    /// It no longer speaks HTTP.
    Joins(Box<(Joined, Account)>),
    /// It ends at once: nobody is there to be told, or only this tells.
    Cut,
}

impl Worker {
    /// All requests of one client.
    pub(crate) async fn converse<C: Stream>(&self, mut client: Client<C>) {
        loop {
            match client.next(self).await {
                Next::End => return,
                Next::Refused(refusal) => {
                    let unread = true;
                    return client.turn_away(self, &Page::refusal(refusal), false, unread).await;
                }
                Next::Request(head) => {
                    let Some(mut scratch) = client.scratch.take() else { return };
                    // On the heap, so that an idle client has nothing of it.
                    let after = Box::pin(self.answer(&mut client, &mut scratch, head)).await;
                    if matches!(after, After::Again) {
                        scratch.to_dyno.clear();
                        scratch.to_client.clear();
                        client.scratch = Some(scratch);
                    } else {
                        self.put_back(scratch);
                    }
                    match after {
                        After::Again => {}
                        After::Close { unread } => return client.end(unread).await,
                        After::Joins(both) => {
                            let (joined, account) = *both;
                            return Box::pin(tunnel(self, client, joined, account)).await;
                        }
                        After::Cut => return,
                    }
                }
            }
        }
    }

    /// From a request to what the client gets.
    async fn answer<C: Stream>(&self, client: &mut Client<C>, scratch: &mut Scratch, mut head: RequestHead) -> After {
        let bytes = client.inbox.raw();
        let host = question::text(head.host.of(bytes).to_ascii_lowercase());
        let Some(route) = self.find(&host) else {
            let page = head.fault.filter(|fault| *fault != Refusal::LostUpgrade).map_or_else(Page::no_such_app, Page::refusal);
            return self.show(client, &page, head.method.of(bytes) == b"HEAD").await;
        };
        head.fault = head.fault.or_else(|| client.peer.asked.as_ref()?.admits(&host).err());
        let words = self.first_words(client, scratch, &head, &route, host);
        let app = self.router.fleet.app(route.app);
        let account = Account::open(words, app.clone(), self.router.books.clone());
        let question = Question::new(bytes, &scratch.lines, &head, route.features);
        self.forward(client, scratch, question, (&route, &app), account).await
    }

    /// Finds a dyno and gives it the request, then gives the client its answer.
    async fn forward<C: Stream>(
        &self,
        client: &mut Client<C>,
        scratch: &mut Scratch,
        mut question: Question,
        (route, app): (&Arc<Route>, &Arc<App>),
        mut account: Account,
    ) -> After {
        let is_head = question.plan.is_head;
        if let Some(fault) = question.head.fault {
            return self.explain(client, Fact::BadRequest(fault), &route.pages, is_head, account).await;
        }
        // Before it is known whether there is a dyno (Heroku).
        if question.plan.said_continue && !client.say(b"HTTP/1.1 100 Continue\r\n\r\n").await {
            return After::Cut;
        }
        let takes_requests = route.refusal().is_none();
        if takes_requests && app.connections() >= self.router.settings.app_connections {
            return self.explain(client, Fact::NoDyno(ErrorCode::H22ConnectionLimit), &route.pages, is_head, account).await;
        }
        let held = if takes_requests { self.hold(app, route) } else { None };
        if takes_requests && held.is_none() {
            return self.explain(client, Fact::NoDyno(ErrorCode::H11BacklogTooDeep), &route.pages, is_head, account).await;
        }
        let mut written = false;
        loop {
            let reached = client.unless_left(self, self.reach(route, app, &question.wish, &mut account)).await.unwrap_or(Err(Fact::ClientLeft));
            let mut reached = match reached {
                Ok(reached) => reached,
                Err(fact) => return self.explain(client, fact, &route.pages, is_head, account).await,
            };
            if question.plan.framing != Framing::Empty {
                reached.io.prompt();
            }
            if std::mem::replace(&mut written, true) {
                scratch.to_dyno.rewind();
            } else {
                self.write_head(client, scratch, &question, &account);
                client.inbox.used(question.head.length);
            }
            question.plan.cookie = reached.affinity.take().map(|value| {
                let event = account.event();
                affinity::cookie(&value, &event.host, event.at, client.peer.proto == "https")
            });
            let mut exchange = Exchange::new(client, scratch, &mut reached.io, &mut account, self, &question.plan);
            let result = exchange.run().await;
            let (answering, received) = (exchange.answering, exchange.received);
            let mut from_dyno = std::mem::replace(&mut exchange.inbox, Buffer::new());
            if let Ok(ended) = result
                && ended.upgraded
            {
                account.joins();
                let joined = Joined { reached, from_dyno, received, is_websocket: question.is_websocket };
                return After::Joins(Box::new((joined, account)));
            }
            from_dyno.discard(&self.pool);
            match result {
                Ok(ended) => {
                    if ended.dyno_stays && question.afterwards == Afterwards::KeepAlive && !reached.taken.dyno.is_gone() {
                        self.idle.put(reached.address, reached.io);
                        self.router.shelved.notify_one();
                    }
                    account.close();
                    return if ended.client_stays { After::Again } else { After::Close { unread: ended.unread } };
                }
                // The dyno closed the connection while it lay idle. It has not acted on the request, and would be asked the same.
                Err(Fact::ClosedWithoutResponse) if reached.reused && question.is_repeatable => question.wish.may_reuse = false,
                Err(fact) if answering => {
                    account.failed(fact);
                    account.close();
                    return After::Cut;
                }
                Err(fact) => {
                    drop(reached);
                    return self.explain(client, fact, &route.pages, is_head, account).await;
                }
            }
        }
    }

    /// Tells the client and the log what went wrong.
    async fn explain<C: Stream>(&self, client: &mut Client<C>, fact: Fact, pages: &Pages, is_head: bool, mut account: Account) -> After {
        account.failed(fact);
        let Some(page) = fact.page(pages) else {
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
