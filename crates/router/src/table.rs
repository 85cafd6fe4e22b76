//! From a host name to a dyno that takes the connection.

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use domain::route::{Backend, Choice, Route, choose};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{account::Account, connect::DynoIo, rescue::Fact, worker::Worker};

/// Dynos tried for one request (Heroku: 10).
const MAX_ATTEMPTS: usize = 10;

impl Worker {
    /// Draws dynos until one takes the connection. Only connecting is tried again: once a byte was sent, the dyno may have acted.
    /// Each try looks at the table anew, which may have been replaced in the meantime.
    pub(crate) async fn reach(&self, first: &Arc<Route>, account: &mut Account) -> Result<DynoIo, Fact> {
        let give_up = Instant::now() + self.router.settings.timeouts.boot;
        let router = &self.router;
        let mut routes = router.routes.clone();
        let mut tried: Vec<SocketAddr> = Vec::new();
        let mut last_failure = None;
        let mut newest = Some(first.clone());
        loop {
            let route = newest.take().or_else(|| routes.borrow_and_update().route(&account.event().host).cloned()).ok_or(Fact::AppGone)?;
            let route = without(&route, &tried);
            match (choose(&route, |among| router.chance.below(among)), last_failure) {
                (Choice::Dyno(_), Some(failure)) if tried.len() >= MAX_ATTEMPTS => return Err(failure),
                (Choice::Dyno(index), _) => {
                    let Backend { dyno, address: Some(address), .. } = &route.web[index] else { return Err(Fact::AppGone) };
                    account.trying(dyno);
                    match timeout(router.settings.timeouts.connect, DynoIo::open(router.dial.as_deref(), *address)).await {
                        Ok(Ok(stream)) => {
                            account.connected();
                            return Ok(stream);
                        }
                        Ok(Err(error)) => {
                            tracing::debug!(%dyno, %address, %error, "cannot connect to the dyno");
                            last_failure = Some(Fact::ConnectRefused);
                        }
                        Err(_) => last_failure = Some(Fact::ConnectTimedOut),
                    }
                    account.tried();
                    tried.push(*address);
                }
                (Choice::Wait | Choice::Refuse(_), Some(failure)) => return Err(failure),
                (Choice::Refuse(code), None) => return Err(Fact::NoDyno(code)),
                (Choice::Wait, None) => match timeout_at(give_up, routes.changed()).await {
                    Ok(Ok(())) => {}
                    // Nobody will bring another table; the client is still told only when its time is up.
                    Ok(Err(_)) => {
                        tokio::time::sleep_until(give_up).await;
                        return Err(Fact::NoneCameUp);
                    }
                    Err(_) => return Err(Fact::NoneCameUp),
                },
            }
        }
    }
}

/// The route without the dynos that did not take the connection.
fn without<'a>(route: &'a Route, tried: &[SocketAddr]) -> Cow<'a, Route> {
    if tried.is_empty() {
        return Cow::Borrowed(route);
    }
    let web = route.web.iter().filter(|backend| !backend.address.is_some_and(|address| tried.contains(&address))).cloned().collect();
    Cow::Owned(Route { web, ..route.clone() })
}
