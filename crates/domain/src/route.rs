//! Which dyno gets a request, and what the client is told when none can.

use std::{collections::HashMap, net::SocketAddr, str::FromStr, sync::Arc};

use crate::{app::AppId, dyno::DynoName, error_code::ErrorCode, feature::Feature, names::AppName};

/// Everything the router knows: which host belongs to which app. Replaced whole, never changed in place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteTable {
    /// By lower-case host name without port; `*.example.com` stands for every name below `example.com`.
    pub hosts: HashMap<String, Arc<Route>>,
}

impl RouteTable {
    /// The app of a host: its own name, else the nearest wildcard above it. A name has few dots, whatever the table's size.
    pub fn route(&self, host: &str) -> Option<&Arc<Route>> {
        self.hosts.get(host).or_else(|| {
            let mut wildcard = String::with_capacity(host.len() + 1);
            host.match_indices('.').take(MAX_LABELS).find_map(|(dot, _)| {
                wildcard.clear();
                wildcard.push('*');
                wildcard.push_str(&host[dot..]);
                self.hosts.get(&wildcard)
            })
        })
    }
}

/// So many levels above a host are looked at: one made of dots costs no more.
const MAX_LABELS: usize = 16;

/// An app as the router sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub app: AppId,
    pub name: AppName,
    pub maintenance: bool,
    /// Nothing was ever deployed (H81).
    pub blank: bool,
    /// Its operator lets nobody in.
    pub suspension: Option<Suspension>,
    pub features: Features,
    pub pages: Pages,
    pub web: Vec<Backend>,
}

impl Route {
    /// Why no request may reach this app, whatever its dynos do. The order is Heroku's.
    pub const fn refusal(&self) -> Option<ErrorCode> {
        match self.suspension {
            _ if self.blank => Some(ErrorCode::H81BlankApp),
            _ if self.maintenance => Some(ErrorCode::H80Maintenance),
            Some(Suspension::QuotaExhausted) => Some(ErrorCode::H82QuotaExhausted),
            Some(Suspension::PlannedDegradation) => Some(ErrorCode::H83PlannedDegradation),
            None if self.web.is_empty() => Some(ErrorCode::H14NoWebProcesses),
            None => None,
        }
    }
}

/// Why an app's operator lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspension {
    /// Its owner's hours are used up (H82).
    QuotaExhausted,
    /// It is announced that it is away for a while (H83).
    PlannedDegradation,
}

/// What an app shows in place of the router's pages (Heroku: `ERROR_PAGE_URL`, `MAINTENANCE_PAGE_URL`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pages {
    pub error: Option<PageAddress>,
    pub maintenance: Option<PageAddress>,
}

/// Where a page lies that a browser shows in a frame: `https://…`, `http://…` or `//…`, which takes the scheme of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAddress(Arc<str>);

/// Longer addresses are no addresses: they would be sent with every error.
const MAX_ADDRESS: usize = 2048;

impl PageAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Not where a page can lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must begin with https://, http:// or //, have no spaces, and at most {MAX_ADDRESS} bytes")]
pub struct InvalidPageAddress;

impl FromStr for PageAddress {
    type Err = InvalidPageAddress;

    fn from_str(text: &str) -> Result<Self, InvalidPageAddress> {
        // Any other scheme, `javascript:` among them, would run in the app's own name.
        let begins = |start: &&str| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
        let rest = &text[["https://", "http://", "//"].iter().find(|start| begins(start)).ok_or(InvalidPageAddress)?.len()..];
        let is_plain = |c: char| !c.is_control() && !c.is_whitespace();
        let has_host = !rest.is_empty() && !rest.starts_with(['/', '?', '#']);
        if has_host && text.len() <= MAX_ADDRESS && text.chars().all(is_plain) { Ok(Self(text.into())) } else { Err(InvalidPageAddress) }
    }
}

/// What an app asked for beyond the ordinary (Heroku: `heroku labs`, `heroku features`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    /// `http-session-affinity`: a client stays with its dyno, by cookie.
    pub session_affinity: bool,
    /// `http-end-to-end-continue`: the dyno answers `Expect: 100-continue`, not the router.
    pub end_to_end_continue: bool,
    /// `keep-alive`: connections to dynos are used again.
    pub keep_alive: bool,
    /// `least-in-flight`: of two dynos drawn, the less busy one.
    pub least_in_flight: bool,
}

impl Features {
    /// Those among an app's features that mean something to the router, by name.
    pub fn list(self) -> Vec<Feature> {
        Feature::ALL.into_iter().filter(|feature| Self::default().with(*feature).is_some_and(|with| self.has_all_of(with))).collect()
    }

    /// With this one switched on. None: the router has nothing to do with it.
    pub const fn with(mut self, feature: Feature) -> Option<Self> {
        match feature {
            Feature::SessionAffinity => self.session_affinity = true,
            Feature::EndToEndContinue => self.end_to_end_continue = true,
            Feature::KeepAlive => self.keep_alive = true,
            Feature::LeastInFlight => self.least_in_flight = true,
            Feature::Preboot | Feature::LogRuntimeMetrics => return None,
        }
        Some(self)
    }

    const fn has_all_of(self, other: Self) -> bool {
        (self.session_affinity || !other.session_affinity)
            && (self.end_to_end_continue || !other.end_to_end_continue)
            && (self.keep_alive || !other.keep_alive)
            && (self.least_in_flight || !other.least_in_flight)
    }
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
    /// Some are up, but none of them can be used right now.
    Busy,
    Refuse(ErrorCode),
}

/// Chooses uniformly among the dynos that are up. `draw(n)` gives a number in `0..n`.
pub fn choose(route: &Route, draw: impl FnOnce(usize) -> usize) -> Choice {
    choose_usable(route, |_| true, draw)
}

/// Chooses uniformly among the dynos that are up and of which `is_usable(index)` holds.
pub fn choose_usable(route: &Route, is_usable: impl Fn(usize) -> bool, draw: impl FnOnce(usize) -> usize) -> Choice {
    if let Some(code) = route.refusal() {
        return Choice::Refuse(code);
    }
    let up = |index: &usize| route.web[*index].condition == Condition::Up && route.web[*index].address.is_some();
    let all = 0..route.web.len();
    let usable = all.clone().filter(|index| up(index) && is_usable(*index)).count();
    if usable > 0 {
        let drawn = draw(usable).min(usable - 1);
        // What is usable may change meanwhile: then any of them is as good.
        let mut left = all.clone().filter(|index| up(index) && is_usable(*index));
        return left.nth(drawn).or_else(|| all.clone().find(up)).map_or(Choice::Busy, Choice::Dyno);
    }
    if all.clone().any(|index| up(&index)) {
        return Choice::Busy;
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
            suspension: None,
            features: Features::default(),
            pages: Pages::default(),
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
        let suspended = Route { suspension: Some(Suspension::QuotaExhausted), ..route(&[Up]) };
        assert_eq!(choose(&suspended, |_| 0), Choice::Refuse(ErrorCode::H82QuotaExhausted));
        assert_eq!(choose(&Route { maintenance: true, ..suspended }, |_| 0), Choice::Refuse(ErrorCode::H80Maintenance));
        let degraded = Route { suspension: Some(Suspension::PlannedDegradation), ..route(&[]) };
        assert_eq!(choose(&degraded, |_| 0), Choice::Refuse(ErrorCode::H83PlannedDegradation));
    }

    #[test]
    fn a_page_lies_at_an_address() {
        for text in ["https://s3.example.com/error.html?a=1&b=\"", "http://[::1]:80", "//s3.amazonaws.com/bucket/page.html", "HTTPS://a"] {
            assert_eq!(text.parse::<PageAddress>().unwrap().as_str(), text);
        }
        for text in ["", "/error.html", "https://", "//", "///x", "https:///x", "javascript:alert(1)", "data:text/html,x", "https://a b", "ftp://a"] {
            text.parse::<PageAddress>().unwrap_err();
        }
        format!("https://a/{}", "x".repeat(2048)).parse::<PageAddress>().unwrap_err();
    }

    #[test]
    fn a_name_wins_over_the_nearest_wildcard_above_it() {
        let [own, near, far] = [0, 1, 2].map(|dynos| Arc::new(route(&vec![Condition::Up; dynos])));
        let hosts = [("www.eu.example.com", &own), ("*.eu.example.com", &near), ("*.example.com", &far)];
        let table = RouteTable { hosts: hosts.map(|(host, route)| (host.to_owned(), route.clone())).into() };
        assert_eq!(table.route("www.eu.example.com"), Some(&own));
        assert_eq!(table.route("shop.eu.example.com"), Some(&near));
        assert_eq!(table.route("eu.example.com"), Some(&far));
        assert_eq!(table.route("a.b.example.com"), Some(&far));
        assert_eq!(table.route("example.com"), None, "a wildcard is for names below it");
        assert_eq!(table.route(&(".".repeat(200) + "example.com")), None);
    }

    #[test]
    fn features_by_name_and_back() {
        let some = Features { keep_alive: true, session_affinity: true, ..Features::default() };
        assert_eq!(some.list(), [Feature::SessionAffinity, Feature::KeepAlive]);
        let back = some.list().into_iter().try_fold(Features::default(), Features::with);
        assert_eq!((back, Features::default().with(Feature::Preboot)), (Some(some), None));
    }

    #[test]
    fn what_cannot_be_used_is_passed_over() {
        use Condition::{Crashed, Up};
        let route = route(&[Up, Up, Crashed, Up]);
        assert_eq!(choose_usable(&route, |index| index > 1, |n| n - 1), Choice::Dyno(3));
        assert_eq!(choose_usable(&route, |index| index == 2, |_| 0), Choice::Busy);
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
