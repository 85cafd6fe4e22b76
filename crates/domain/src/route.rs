//! Which dyno gets a request, and what the client is told when none can.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use crate::{app::AppId, dyno::DynoName, error_code::ErrorCode, names::AppName};

/// Everything the router knows: which host belongs to which app. Replaced whole, never changed in place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteTable {
    /// By lower-case host name without port.
    pub hosts: HashMap<String, Arc<Route>>,
}

/// An app as the router sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub app: AppId,
    pub name: AppName,
    pub maintenance: bool,
    /// Nothing was ever deployed (H81).
    pub blank: bool,
    pub web: Vec<Backend>,
}

/// A web dyno as the router sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    pub dyno: DynoName,
    /// Where it listens. None before it has an address.
    pub address: Option<SocketAddr>,
    pub condition: Condition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Bound to its port.
    Up,
    /// On its way; a request may wait for it.
    Starting,
    /// Crashed, and waiting for its restart.
    Crashed,
    /// Nobody asked for it for long; a request wakes it, and waits.
    Asleep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This one: an index into [`Route::web`].
    Dyno(usize),
    /// None is up, but one is starting (Heroku: up to 75 s, then H20).
    Wait,
    Refuse(ErrorCode),
}

/// Chooses uniformly among the dynos that are up. `draw(n)` gives a number in `0..n`.
pub fn choose(route: &Route, draw: impl FnOnce(usize) -> usize) -> Choice {
    if route.blank {
        return Choice::Refuse(ErrorCode::H81BlankApp);
    }
    if route.maintenance {
        return Choice::Refuse(ErrorCode::H80Maintenance);
    }
    if route.web.is_empty() {
        return Choice::Refuse(ErrorCode::H14NoWebProcesses);
    }
    let up: Vec<usize> = (0..route.web.len()).filter(|&i| route.web[i].condition == Condition::Up && route.web[i].address.is_some()).collect();
    if !up.is_empty() {
        return Choice::Dyno(up[draw(up.len())]);
    }
    if route.web.iter().all(|backend| backend.condition == Condition::Crashed) {
        return Choice::Refuse(ErrorCode::H10AppCrashed);
    }
    Choice::Wait
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(web: &[Condition]) -> Route {
        let backend = |(i, &condition): (usize, &Condition)| Backend {
            dyno: format!("web.{}", i + 1).parse().unwrap(),
            address: Some("10.0.0.1:5000".parse().unwrap()),
            condition,
        };
        Route {
            app: AppId::from_uuid(uuid::Uuid::nil()),
            name: "shop".parse().unwrap(),
            maintenance: false,
            blank: false,
            web: web.iter().enumerate().map(backend).collect(),
        }
    }

    #[test]
    fn only_dynos_that_are_up_get_requests() {
        use Condition::{Crashed, Starting, Up};
        assert_eq!(choose(&route(&[]), |_| 0), Choice::Refuse(ErrorCode::H14NoWebProcesses));
        assert_eq!(choose(&route(&[Crashed, Crashed]), |_| 0), Choice::Refuse(ErrorCode::H10AppCrashed));
        assert_eq!(choose(&route(&[Crashed, Starting]), |_| 0), Choice::Wait);
        assert_eq!(choose(&route(&[Crashed, Up, Starting, Up]), |n| n - 1), Choice::Dyno(3));
        assert_eq!(choose(&Route { maintenance: true, ..route(&[Up]) }, |_| 0), Choice::Refuse(ErrorCode::H80Maintenance));
        assert_eq!(choose(&Route { blank: true, maintenance: true, ..route(&[]) }, |_| 0), Choice::Refuse(ErrorCode::H81BlankApp));
    }

    #[test]
    fn every_dyno_that_is_up_is_drawn() {
        use Condition::{Crashed, Up};
        let drawn: Vec<_> = (0..3)
            .map(|i| {
                choose(&route(&[Up, Crashed, Up, Up]), |n| {
                    assert_eq!(n, 3);
                    i
                })
            })
            .collect();
        assert_eq!(drawn, [Choice::Dyno(0), Choice::Dyno(2), Choice::Dyno(3)]);
    }
}
