//! From a host name to a dyno that takes the connection.

use std::{borrow::Cow, net::SocketAddr, sync::Arc, time::Duration};

use domain::route::{Backend, Choice, Route, RouteTable, choose};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{account::Account, connect::DynoIo, rescue::Fact, worker::Worker};

/// To one dyno (Heroku: 5 s).
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// For a dyno to come up (Heroku: 75 s).
const BOOT_LIMIT: Duration = Duration::from_secs(75);
/// Dynos tried for one request (Heroku: 10).
const MAX_ATTEMPTS: usize = 10;

/// The app of a host: by its whole name, or by a wildcard for everything below one of its ends. As many steps as the host has
/// labels, however many hosts there are.
pub(crate) fn find<'t>(table: &'t RouteTable, host: &str) -> Option<&'t Arc<Route>> {
    if let Some(route) = table.hosts.get(host) {
        return Some(route);
    }
    let mut wildcard = String::new();
    let mut rest = host;
    while let Some((_, parent)) = rest.split_once('.') {
        rest = parent;
        wildcard.clear();
        wildcard.push_str("*.");
        wildcard.push_str(parent);
        if let Some(route) = table.hosts.get(&wildcard) {
            return Some(route);
        }
    }
    None
}

impl Worker {
    /// Draws dynos until one takes the connection. Only connecting is tried again: once a byte was sent, the dyno may have acted.
    /// Each try looks at the table anew, which may have been replaced in the meantime.
    pub(crate) async fn reach(&self, first: &Arc<Route>, account: &mut Account) -> Result<DynoIo, Fact> {
        let give_up = Instant::now() + BOOT_LIMIT;
        let router = &self.router;
        let mut routes = router.routes.clone();
        let mut tried: Vec<SocketAddr> = Vec::new();
        let mut last_failure = None;
        let mut newest = Some(first.clone());
        loop {
            let route = newest.take().or_else(|| find(&routes.borrow_and_update(), &account.event().host).cloned()).ok_or(Fact::AppGone)?;
            let route = without(&route, &tried);
            match (choose(&route, |among| router.chance.below(among)), last_failure) {
                (Choice::Dyno(_), Some(failure)) if tried.len() >= MAX_ATTEMPTS => return Err(failure),
                (Choice::Dyno(index), _) => {
                    let Backend { dyno, address: Some(address), .. } = &route.web[index] else { return Err(Fact::AppGone) };
                    account.trying(dyno);
                    match timeout(CONNECT_LIMIT, DynoIo::open(router.dial.as_deref(), *address)).await {
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
