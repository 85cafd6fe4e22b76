//! From an app to a dyno that takes the connection.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use domain::{
    ErrorCode,
    route::{Backend, Choice, Condition, Route, choose_usable},
};
use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    account::Account,
    affinity,
    connect::DynoIo,
    fleet::{App, HELD_PER_DYNO, Held, Taken, View},
    rescue::Fact,
    worker::Worker,
};

/// Dynos tried for one request (Heroku: 10).
const MAX_ATTEMPTS: usize = 10;

/// What a request asks of its dyno.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    /// The value of its affinity cookie.
    pub(crate) affinity: Option<String>,
    /// A connection that served another request will do.
    pub(crate) may_reuse: bool,
}

/// A dyno that took the connection.
pub(crate) struct Reached {
    pub(crate) io: DynoIo,
    pub(crate) address: SocketAddr,
    /// It served another request before.
    pub(crate) reused: bool,
    pub(crate) taken: Taken,
    /// The affinity cookie's value, if the client is to get another.
    pub(crate) affinity: Option<String>,
}

/// A request's search, from its first look at the table to a connection.
struct Search<'w> {
    worker: &'w Worker,
    app: &'w Arc<App>,
    tried: Vec<SocketAddr>,
    failure: Option<Fact>,
    give_up: Instant,
}

impl Worker {
    /// A place at the app for this request, which it keeps to its end. None: too many are waiting (H11).
    pub(crate) fn hold(&self, app: &Arc<App>, route: &Route) -> Option<Held> {
        app.hold(HELD_PER_DYNO * route.web.len().max(1))
    }

    /// Draws dynos until one takes the connection. Only connecting is tried again: once a byte was sent, the dyno may have
    /// acted. Each try looks at the table anew, which may have been replaced in the meantime.
    pub(crate) async fn reach(&self, first: &Arc<Route>, app: &Arc<App>, wish: &Wish, account: &mut Account) -> Result<Reached, Fact> {
        let give_up = Instant::now() + self.router.settings.timeouts.boot;
        let mut search = Search { worker: self, app, tried: Vec::new(), failure: None, give_up };
        let mut newest = Some(first.clone());
        let mut routes = None;
        loop {
            let route = match newest.take() {
                Some(route) => route,
                None => self.find(&account.event().host).ok_or(Fact::AppGone)?,
            };
            let view = app.view(&route);
            match search.choose(&view, wish) {
                Choice::Dyno(_) if search.tried.len() >= MAX_ATTEMPTS => return Err(search.failure.unwrap_or(Fact::ConnectRefused)),
                Choice::Dyno(index) => {
                    if let Some(reached) = search.connect(&view, index, wish, account).await {
                        return Ok(reached);
                    }
                }
                Choice::Wait | Choice::Busy | Choice::Refuse(_) if search.failure.is_some() => return Err(search.failure.unwrap_or(Fact::ConnectRefused)),
                Choice::Refuse(code) => return Err(Fact::NoDyno(code)),
                waits => match &mut routes {
                    // Listens first and looks again: the table may have been replaced in between.
                    None => routes = Some(self.router.routes.clone()),
                    Some(routes) => {
                        if view.route.web.iter().any(|backend| backend.condition == Condition::Asleep) {
                            self.router.books.sink.waits_for_sleepers(view.route.app);
                        }
                        search.wait(&view, waits, routes).await?;
                    }
                },
            }
        }
    }
}

impl Search<'_> {
    fn choose(&self, view: &View, wish: &Wish) -> Choice {
        let now = self.worker.router.fleet.now();
        let chance = &self.worker.router.chance;
        let usable = |index: usize| {
            let tried = !self.tried.is_empty() && view.route.web[index].address.is_some_and(|address| self.tried.contains(&address));
            !tried && view.dynos[index].is_usable(now)
        };
        if let Some(value) = &wish.affinity
            && view.route.features.session_affinity
        {
            let bound = |index: usize| usable(index) && affinity::value(&view.route, &view.route.web[index]) == *value;
            if let dyno @ Choice::Dyno(_) = choose_usable(&view.route, bound, |_| 0) {
                return dyno;
            }
        }
        let draw = || choose_usable(&view.route, usable, |among| if among == 1 { 0 } else { chance.below(among) });
        match (draw(), view.route.features.least_in_flight) {
            (Choice::Dyno(one), true) => {
                // The less busy of two different ones.
                let other = choose_usable(&view.route, |index| index != one && usable(index), |among| chance.below(among));
                let busier = |other: usize| view.dynos[other].load() < view.dynos[one].load();
                if let Choice::Dyno(other) = other { Choice::Dyno(if busier(other) { other } else { one }) } else { Choice::Dyno(one) }
            }
            (choice, _) => choice,
        }
    }

    async fn connect(&mut self, view: &View, index: usize, wish: &Wish, account: &mut Account) -> Option<Reached> {
        let fleet = &self.worker.router.fleet;
        let Backend { dyno: name, address: Some(address), .. } = &view.route.web[index] else { return None };
        let taken = view.dynos[index].claim(fleet.now())?;
        let own = if view.route.features.session_affinity { Some(affinity::value(&view.route, &view.route.web[index])) } else { None };
        let affinity = own.filter(|own| wish.affinity.as_ref() != Some(own));
        account.trying(name);
        if wish.may_reuse
            && let Some(io) = self.worker.idle.take(*address)
        {
            account.connected();
            return Some(Reached { io, address: *address, reused: true, taken, affinity });
        }
        let limit = self.worker.router.settings.timeouts.connect.min(self.give_up.saturating_duration_since(Instant::now()));
        let failure = match timeout(limit, DynoIo::open(self.worker.router.dial.as_deref(), *address)).await {
            Ok(Ok(io)) => {
                account.connected();
                taken.dyno.is_back();
                return Some(Reached { io, address: *address, reused: false, taken, affinity });
            }
            Ok(Err(error)) => {
                tracing::debug!(parent: account.span(), dyno = %name, %address, %error, "cannot connect to the dyno");
                Fact::ConnectRefused
            }
            Err(_) => Fact::ConnectTimedOut,
        };
        taken.dyno.set_aside(fleet.now());
        account.tried();
        self.tried.push(*address);
        self.failure = Some(failure);
        None
    }

    /// Waits until it makes sense to look again.
    async fn wait(&self, view: &View, why: Choice, routes: &mut watch::Receiver<Arc<domain::route::RouteTable>>) -> Result<(), Fact> {
        let now = self.worker.router.fleet.now();
        let ends_with = match why {
            Choice::Busy if view.dynos.iter().any(|dyno| dyno.is_full()) => Fact::NoDyno(ErrorCode::H11BacklogTooDeep),
            Choice::Busy => Fact::AllSetAside,
            _ => Fact::NoneCameUp,
        };
        let soonest = view.dynos.iter().map(|dyno| dyno.aside_until()).filter(|until| *until > now).min();
        let look = soonest.map_or(self.give_up, |until| (Instant::now() + Duration::from_millis(until - now)).min(self.give_up));
        let _waiting = self.app.wait();
        let mut freed = std::pin::pin!(self.app.freed.notified());
        freed.as_mut().enable();
        let again = async {
            tokio::select! {
                () = freed => {}
                changed = routes.changed() => if changed.is_err() {
                    // Nobody will bring another table; the client is still told only when its time is up.
                    std::future::pending::<()>().await;
                },
            }
        };
        if timeout_at(look, again).await.is_err() && Instant::now() >= self.give_up { Err(ends_with) } else { Ok(()) }
    }
}
