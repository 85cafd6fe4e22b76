//! The story of one request.

use std::{net::IpAddr, sync::Arc};

use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::{
    body::{Body, Incoming},
    upgrade::OnUpgrade,
};

use crate::{
    body::{Answer, Relay, Upload},
    connect::{self, Link},
    error_page,
    event::Account,
    exchange::{ClientSide, Exchange},
    listen::Router,
    request_head::RequestHead,
    rescue::Fact,
    response_head, table, upgrade,
};

/// Nobody is there to be told; the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client's connection is cut")]
pub(crate) struct Cut;

/// A dyno has begun to answer.
struct Reached {
    response: Response<Incoming>,
    exchange: Arc<Exchange>,
    link: Link,
}

impl Router {
    /// From a request to what the client gets.
    pub(crate) async fn answer(self: Arc<Self>, mut request: Request<Incoming>, peer: IpAddr, side: Arc<ClientSide>) -> Result<Response<Answer>, Cut> {
        let client_upgrade = hyper::upgrade::on(&mut request);
        let (parts, body) = request.into_parts();
        let upload = Upload::new(body, side.clone());
        let head = match RequestHead::read(&parts, peer, &self.chance) {
            Ok(head) => head,
            Err(refusal) => return Ok(error_page::refusal(refusal).map(Either::Left)),
        };
        let Some(route) = table::find(&self.routes, &head.host) else {
            return Ok(error_page::no_such_app().map(Either::Left));
        };
        let mut account = Account::open(&route, &head, self.settings.is_tls(), self.events.clone(), self.clock.clone(), self.force.clone());
        drop(route);
        match self.forward(parts, &head, upload, &side, &mut account).await {
            Ok(reached) => self.pass_on(reached, &head, client_upgrade, account),
            Err(fact) => explain(fact, &head, account),
        }
    }

    /// Finds a dyno and gives it the request. Its answer's head ends this; both bodies may still be moving.
    async fn forward(
        &self,
        parts: http::request::Parts,
        head: &RequestHead,
        upload: Upload,
        side: &Arc<ClientSide>,
        account: &mut Account,
    ) -> Result<Reached, Fact> {
        let accepted = self.clock.now();
        let stream = table::reach(self.routes.clone(), &*self.dial, &self.chance, &head.host, account, &self.settings.timeouts).await?;
        let exchange = Exchange::begin(self.clock.clone(), &self.settings.timeouts, side.cut.clone());
        side.serves(&exchange);
        let request = head.towards_dyno(parts, !upload.is_empty(), &self.settings, accepted).map(|()| upload.to(&exchange));
        let failed = |error: hyper::Error| exchange.failure().unwrap_or_else(|| Fact::of_response(&error, exchange.received()));
        let (mut sender, link) = connect::link(stream, &exchange).await.map_err(failed)?;
        let response = sender.send_request(request).await.map_err(failed)?;
        Ok(Reached { response, exchange, link })
    }

    /// The dyno's answer becomes the client's.
    fn pass_on(&self, reached: Reached, head: &RequestHead, client_upgrade: OnUpgrade, mut account: Account) -> Result<Response<Answer>, Cut> {
        let Reached { mut response, exchange, link } = reached;
        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if upgraded && head.upgrade.is_none() {
            return explain(Fact::ResponseRestricted("unrequested upgrade"), head, account);
        }
        let dyno_upgrade = hyper::upgrade::on(&mut response);
        let (mut parts, body) = response.into_parts();
        if let Err(fact) = response_head::towards_client(&mut parts, upgraded) {
            return explain(fact, head, account);
        }
        account.answered(parts.status.as_u16());
        exchange.answering();
        if upgraded {
            self.tasks.spawn(upgrade::tunnel(client_upgrade, dyno_upgrade, exchange, link, account, self.force.clone()));
            return Ok(Response::from_parts(parts, Either::Left(Full::default())));
        }
        Ok(Response::from_parts(parts, Either::Right(Relay::new(body, exchange, link, account))))
    }
}

/// Tells the client and the log what went wrong.
fn explain(fact: Fact, head: &RequestHead, mut account: Account) -> Result<Response<Answer>, Cut> {
    account.failed(fact);
    let page = fact.page();
    if let Some(page) = &page {
        let size = if head.method == http::Method::HEAD { 0 } else { page.body().size_hint().lower() };
        account.answered_with_page(size);
    }
    account.close();
    page.map(|page| page.map(Either::Left)).ok_or(Cut)
}
