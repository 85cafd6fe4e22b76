//! The routes file: what is in it, strictly.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use domain::{
    AppId, AppName, DynoName,
    route::{Backend, Condition, Features, PageAddress, Pages, Route, RouteTable, Suspension},
};
use jiff::SignedDuration;
use router::Timeouts;
use serde::Deserialize;

/// Requests under way at a stop get so long, if the file says nothing.
const DRAIN: Duration = Duration::from_secs(30);

/// A routes file, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoutesFile {
    pub(super) listen: SocketAddr,
    pub(super) timeouts: Timeouts,
    /// For requests under way at a stop.
    pub(super) drain: Duration,
    pub(super) table: RouteTable,
}

/// Why a routes file is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadRoutes {
    #[error("line {line}: {message}")]
    NoToml { line: usize, message: String },
    #[error("app {0:?}: {1}")]
    App(String, String),
    #[error("[timeouts] {0} = {1:?} is no time such as \"30s\" or \"500ms\"")]
    Timeout(&'static str, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    listen: SocketAddr,
    #[serde(default)]
    timeouts: TimeoutsText,
    #[serde(default)]
    app: Vec<AppText>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct TimeoutsText {
    connect: Option<String>,
    boot: Option<String>,
    first_byte: Option<String>,
    between_bytes: Option<String>,
    head: Option<String>,
    drain: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppText {
    name: String,
    hosts: Vec<String>,
    #[serde(default)]
    dynos: Vec<DynoText>,
    #[serde(default)]
    maintenance: bool,
    #[serde(default)]
    blank: bool,
    suspended: Option<SuspendedText>,
    #[serde(default)]
    features: Vec<String>,
    error_page: Option<String>,
    maintenance_page: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DynoText {
    name: String,
    address: SocketAddr,
    state: State,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum SuspendedText {
    Quota,
    Degraded,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Up,
    Starting,
    Crashed,
}

/// The ids of apps by name: an app keeps its id from one reading of the file to the next.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<AppName, AppId>);

impl Ids {
    fn of(&mut self, name: &AppName) -> AppId {
        let next = self.0.len() as u128 + 1;
        *self.0.entry(name.clone()).or_insert_with(|| AppId::from_uuid(uuid::Uuid::from_u128(next)))
    }
}

/// Reads a file. Whatever is wrong with it, all of it is refused.
pub(super) fn parse(text: &str, ids: &mut Ids) -> Result<RoutesFile, BadRoutes> {
    let file: Text = toml::from_str(text).map_err(|error| no_toml(text, &error))?;
    let (timeouts, drain) = timeouts(&file.timeouts)?;
    let mut table = RouteTable::default();
    let mut names = HashSet::new();
    for app in file.app {
        let refuse = |why: String| BadRoutes::App(app.name.clone(), why);
        let name: AppName = app.name.parse().map_err(|error| refuse(format!("{error}")))?;
        if !names.insert(name.clone()) {
            return Err(refuse("there is another app of this name".to_owned()));
        }
        let route = Route {
            app: ids.of(&name),
            name,
            maintenance: app.maintenance,
            blank: app.blank,
            suspension: app.suspended.map(|suspended| match suspended {
                SuspendedText::Quota => Suspension::QuotaExhausted,
                SuspendedText::Degraded => Suspension::PlannedDegradation,
            }),
            features: features(&app.features).map_err(refuse)?,
            pages: Pages {
                error: page("error_page", app.error_page.as_deref()).map_err(refuse)?,
                maintenance: page("maintenance_page", app.maintenance_page.as_deref()).map_err(refuse)?,
            },
            web: dynos(&app.dynos).map_err(refuse)?,
        };
        let route = Arc::new(route);
        for host in &app.hosts {
            let host = host_name(host).ok_or_else(|| refuse(format!("{host:?} is no host name, nor \"*.\" before one")))?;
            if table.hosts.insert(host.clone(), route.clone()).is_some() {
                return Err(refuse(format!("host {host} is taken already")));
            }
        }
    }
    Ok(RoutesFile { listen: file.listen, timeouts, drain, table })
}

fn no_toml(text: &str, error: &toml::de::Error) -> BadRoutes {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
    BadRoutes::NoToml { line, message: error.message().replace('\n', " ") }
}

fn timeouts(text: &TimeoutsText) -> Result<(Timeouts, Duration), BadRoutes> {
    let time = |name: &'static str, text: &Option<String>, otherwise: Duration| match text {
        None => Ok(otherwise),
        Some(text) => text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|time| Duration::try_from(time).ok())
            .filter(|time| !time.is_zero())
            .ok_or_else(|| BadRoutes::Timeout(name, text.clone())),
    };
    let usual = Timeouts::HEROKU;
    let timeouts = Timeouts {
        connect: time("connect", &text.connect, usual.connect)?,
        boot: time("boot", &text.boot, usual.boot)?,
        first_byte: time("first_byte", &text.first_byte, usual.first_byte)?,
        between_bytes: time("between_bytes", &text.between_bytes, usual.between_bytes)?,
        head: time("head", &text.head, usual.head)?,
    };
    Ok((timeouts, time("drain", &text.drain, DRAIN)?))
}

fn features(names: &[String]) -> Result<Features, String> {
    names.iter().try_fold(Features::default(), |features, name| {
        name.parse().ok().and_then(|feature| features.with(feature)).ok_or_else(|| format!("there is no feature {name:?}"))
    })
}

/// The address of a page elsewhere.
fn page(key: &str, text: Option<&str>) -> Result<Option<PageAddress>, String> {
    text.map(|text| text.parse().map_err(|error| format!("{key} = {text:?} is no address of a page: {error}"))).transpose()
}

fn dynos(texts: &[DynoText]) -> Result<Vec<Backend>, String> {
    let mut names = HashSet::new();
    texts
        .iter()
        .map(|text| {
            let dyno: DynoName = text.name.parse().map_err(|error| format!("dyno {:?}: {error}", text.name))?;
            if !names.insert(text.name.as_str()) {
                return Err(format!("there are two dynos {dyno}"));
            }
            let condition = match text.state {
                State::Up => Condition::Up,
                State::Starting => Condition::Starting,
                State::Crashed => Condition::Crashed,
            };
            Ok(Backend { dyno, address: Some(text.address), condition })
        })
        .collect()
}

/// As the router compares it: lower case, perhaps with a wildcard for its first label.
fn host_name(text: &str) -> Option<String> {
    let host = text.to_ascii_lowercase();
    let name = host.strip_prefix("*.").unwrap_or(&host);
    let plain = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let is_name = name.len() <= 253 && name.split('.').all(plain);
    (is_name || name.parse::<std::net::Ipv6Addr>().is_ok_and(|_| name == host)).then_some(host)
}

#[cfg(test)]
mod tests;
